"""An annotator's own work. To everybody else these addresses do not exist (404), reviewers included."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.accounts.roles import IsAnnotator
from annotator.campaigns import queries, services
from annotator.campaigns.acts import FlagRequestSerializer, JudgmentSerializer, SkipSerializer
from annotator.campaigns.api.flags import OwnFlagSerializer
from annotator.campaigns.models import Assignment, SkipReason
from annotator.campaigns.workspace import shown_suggestions


class AssignmentSerializer(serializers.ModelSerializer[Assignment]):
    """What its annotator may know: neither who made the item nor why it was handed out."""

    campaign = serializers.IntegerField(source="campaign_item.campaign_id", read_only=True)
    item = serializers.UUIDField(
        source="token",
        read_only=True,
        help_text="A name of the item that is this assignment's alone: another assignment has another one for it.",
    )
    media_type = serializers.CharField(source="campaign_item.item.media_type", read_only=True)
    prompt = serializers.CharField(source="campaign_item.item.prompt.text", read_only=True)
    media_url = serializers.SerializerMethodField()
    skip_reason = serializers.ChoiceField(choices=SkipReason.choices, allow_blank=True, read_only=True)
    levels = serializers.SerializerMethodField(help_text="{sub-dimension: level}, as they stand.")
    suggestions = serializers.SerializerMethodField(
        help_text="{sub-dimension: level} as the reward model would answer; empty where the campaign shows none here."
    )

    class Meta:
        model = Assignment
        fields = ("id", "campaign", "item", "media_type", "prompt", "media_url", "state", "leased_at",
                  "lease_expires_at", "submitted_at", "skip_reason", "levels", "suggestions")  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.URLField)
    def get_media_url(self, assignment: Assignment) -> str:
        url = reverse("campaigns:media", args=[assignment.token])
        request = self.context.get("request")
        return request.build_absolute_uri(url) if request else url

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "integer"}})
    def get_levels(self, assignment: Assignment) -> dict[str, int]:
        return {judgment.sub_dimension: judgment.level for judgment in assignment.judgments.all()}

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "integer"}})
    def get_suggestions(self, assignment: Assignment) -> dict[str, int]:
        return shown_suggestions(assignment)


class AssignmentFilter(django_filters.FilterSet):
    campaign = django_filters.NumberFilter(field_name="campaign_item__campaign")

    class Meta:
        model = Assignment
        fields = ("state",)


class SavedSerializer(serializers.Serializer[Any]):
    levels = serializers.DictField(
        child=serializers.IntegerField(allow_null=True),
        help_text="The sub-dimensions that this act touched, as they stand; null where an answer was taken back.",
    )
    applied = serializers.BooleanField(help_text="False for a packet that came late or for the second time.")


class AssignmentViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Assignment]):
    queryset = Assignment.objects.none()
    serializer_class = AssignmentSerializer
    permission_classes = (IsAnnotator,)
    filterset_class = AssignmentFilter

    def get_queryset(self) -> QuerySet[Assignment]:
        if not self.request.user.is_authenticated:
            return Assignment.objects.none()
        own = Assignment.objects.filter(annotator=self.request.user).order_by("-pk")
        return own.select_related("campaign_item__item__prompt").prefetch_related("judgments")

    def _answer(self, pk: int) -> Response:
        assignment = queries.my_assignment(self.request.user, pk)
        return Response(AssignmentSerializer(assignment, context=self.get_serializer_context()).data)

    @extend_schema(request=JudgmentSerializer, responses=SavedSerializer)
    @action(detail=True, methods=["post"])
    def judgments(self, request: Request, pk: Any = None) -> Response:
        """Save, change or take back one answer."""
        assignment = self.get_object()
        sent = JudgmentSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        act = dict(sent.validated_data)
        saved = services.record_judgment(
            assignment_id=assignment.pk, annotator=request.user, idempotency_key=act.pop("key"), **act
        )
        return Response(SavedSerializer({"levels": saved.levels, "applied": saved.applied}).data)

    @extend_schema(request=None, responses=AssignmentSerializer)
    @action(detail=True, methods=["post"])
    def submit(self, request: Request, pk: Any = None) -> Response:
        """Close the annotation; twice is once. 400 with the code ``incomplete`` while answers are missing."""
        assignment = self.get_object()
        services.submit_assignment(assignment_id=assignment.pk, annotator=request.user)
        return self._answer(assignment.pk)

    @extend_schema(request=SkipSerializer, responses=AssignmentSerializer)
    @action(detail=True, methods=["post"])
    def skip(self, request: Request, pk: Any = None) -> Response:
        """Leave the item with a reason; somebody else gets it."""
        assignment = self.get_object()
        sent = SkipSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        services.skip_assignment(assignment_id=assignment.pk, annotator=request.user, **sent.validated_data)
        return self._answer(assignment.pk)

    @extend_schema(request=FlagRequestSerializer, responses=OwnFlagSerializer)
    @action(detail=True, methods=["post"])
    def flag(self, request: Request, pk: Any = None) -> Response:
        """Report something about the item and stay with it. The same report again only changes its note."""
        assignment = self.get_object()
        sent = FlagRequestSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        flag = services.flag_item(assignment_id=assignment.pk, annotator=request.user, **sent.validated_data)
        return Response(OwnFlagSerializer(flag, context=self.get_serializer_context()).data)

    @extend_schema(request=None, responses=AssignmentSerializer)
    @action(detail=True, methods=["post"], url_path="take-up")
    def take_up(self, request: Request, pk: Any = None) -> Response:
        """Open a skipped or expired item of one's own again, while somebody is still needed for it."""
        assignment = self.get_object()
        services.take_up_again(assignment_id=assignment.pk, annotator=request.user)
        return self._answer(assignment.pk)
