"""An annotator's own work. To everybody else these addresses do not exist (404), reviewers included."""

import uuid
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
from annotator.campaigns.action_serializers import (
    FlagRequestSerializer,
    JudgmentSerializer,
    JudgmentsSerializer,
    SkipSerializer,
    SubmitSerializer,
    acts,
    outcome,
)
from annotator.campaigns.api.flags import OwnFlagSerializer
from annotator.campaigns.models import Assignment, SkipReason
from annotator.campaigns.workspace import shown_suggestions


class AssignmentSerializer(serializers.ModelSerializer[Assignment]):
    """What the annotator can see: neither the item's generator nor why it was assigned."""

    id = serializers.UUIDField(
        source="token",
        read_only=True,
        help_text="Tells nothing about the item. Other assignments of the same item have other IDs.",
    )
    campaign = serializers.IntegerField(source="campaign_item.campaign_id", read_only=True)
    media_type = serializers.CharField(source="campaign_item.item.media_type", read_only=True)
    prompt = serializers.CharField(source="campaign_item.item.prompt.text", read_only=True)
    media_url = serializers.SerializerMethodField()
    skip_reason = serializers.ChoiceField(choices=SkipReason.choices, allow_blank=True, read_only=True)
    levels = serializers.SerializerMethodField(help_text="Current answers as {sub-dimension: level}.")
    suggestions = serializers.SerializerMethodField(
        help_text=(
            "{sub-dimension: level} as the reward model would answer; empty if the campaign shows no suggestion here."
        )
    )

    class Meta:
        model = Assignment
        fields = ("id", "campaign", "media_type", "prompt", "media_url", "state", "leased_at",
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
        help_text=("The sub-dimensions changed by this act, with their current levels; null for a withdrawn answer."),
    )
    applied = serializers.BooleanField(help_text="False for a packet that arrived late or a second time.")


class ResultSerializer(serializers.Serializer[Any]):
    levels = serializers.DictField(
        child=serializers.IntegerField(allow_null=True),
        required=False,
        help_text="Where it was saved: see ``applied``.",
    )
    applied = serializers.BooleanField(
        required=False, help_text="False for a packet that arrived late or a second time."
    )
    code = serializers.CharField(required=False, help_text="Where it was refused: why.")
    message = serializers.CharField(required=False, help_text="The same in words.")


class ResultsSerializer(serializers.Serializer[Any]):
    results = ResultSerializer(many=True, help_text="One per judgment, in the same order.")


class AssignmentViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Assignment]):
    queryset = Assignment.objects.none()
    serializer_class = AssignmentSerializer
    permission_classes = (IsAnnotator,)
    filterset_class = AssignmentFilter
    lookup_field, lookup_url_kwarg = "token", "id"

    def get_queryset(self) -> QuerySet[Assignment]:
        if not self.request.user.is_authenticated:
            return Assignment.objects.none()
        own = Assignment.objects.filter(annotator=self.request.user).order_by("-leased_at", "token")
        return own.select_related("campaign_item__item__prompt").prefetch_related("judgments")

    def _answer(self, token: uuid.UUID) -> Response:
        assignment = queries.my_assignment(self.request.user, token)
        return Response(AssignmentSerializer(assignment, context=self.get_serializer_context()).data)

    @extend_schema(request=JudgmentSerializer, responses=SavedSerializer)
    @action(detail=True, methods=["post"])
    def judgments(self, request: Request, id: Any = None) -> Response:
        """Save, change, or withdraw one answer."""
        assignment = self.get_object()
        sent = JudgmentSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        act = dict(sent.validated_data)
        saved = services.record_judgment(
            token=assignment.token, annotator=request.user, idempotency_key=act.pop("key"), **act
        )
        return Response(SavedSerializer({"levels": saved.levels, "applied": saved.applied}).data)

    @extend_schema(request=JudgmentsSerializer, responses=ResultsSerializer)
    @action(detail=True, methods=["post"], url_path="judgments/batch")
    def judgments_batch(self, request: Request, id: Any = None) -> Response:
        """Save many answers in one transaction. One that is refused does not keep the others from being saved."""
        assignment = self.get_object()
        sent = JudgmentsSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        saved = services.record_judgments(
            token=assignment.token, annotator=request.user, acts=acts(sent.validated_data["judgments"])
        )
        return Response({"results": [outcome(one) for one in saved]})

    @extend_schema(request=SubmitSerializer, responses=AssignmentSerializer)
    @action(detail=True, methods=["post"])
    def submit(self, request: Request, id: Any = None) -> Response:
        """Submit the annotation, once or again, with its last answers where they come along.

        400 with the code ``incomplete`` while answers are missing. What could be saved is saved all the same, and
        ``results`` says so, one per answer.
        """
        assignment = self.get_object()
        sent = SubmitSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        done = services.submit_with_judgments(
            token=assignment.token,
            annotator=request.user,
            acts=acts(sent.validated_data.get("judgments", [])),
        )
        if done.problem is not None:
            if done.outcomes:
                done.problem.details["results"] = [outcome(one) for one in done.outcomes]
            raise done.problem
        return self._answer(assignment.token)

    @extend_schema(request=SkipSerializer, responses=AssignmentSerializer)
    @action(detail=True, methods=["post"])
    def skip(self, request: Request, id: Any = None) -> Response:
        """Skip the item with a reason; another annotator gets it."""
        assignment = self.get_object()
        sent = SkipSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        services.skip_assignment(token=assignment.token, annotator=request.user, **sent.validated_data)
        return self._answer(assignment.token)

    @extend_schema(request=FlagRequestSerializer, responses=OwnFlagSerializer)
    @action(detail=True, methods=["post"])
    def flag(self, request: Request, id: Any = None) -> Response:
        """Report a problem with the item and keep it. The same report again only changes its note."""
        assignment = self.get_object()
        sent = FlagRequestSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        flag = services.flag_item(token=assignment.token, annotator=request.user, **sent.validated_data)
        return Response(OwnFlagSerializer(flag, context=self.get_serializer_context()).data)

    @extend_schema(request=None, responses=AssignmentSerializer)
    @action(detail=True, methods=["post"], url_path="take-up")
    def take_up(self, request: Request, id: Any = None) -> Response:
        """Open a skipped or expired item of one's own again, unless it is out of the campaign."""
        assignment = self.get_object()
        services.take_up_again(token=assignment.token, annotator=request.user)
        return self._answer(assignment.token)
