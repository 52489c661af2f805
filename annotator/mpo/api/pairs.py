"""Pair sets for programs: mine, look, download, veto."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponseBase, StreamingHttpResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.accounts.roles import IsAdmin, IsReviewer
from annotator.campaigns.checklists import checklist_of
from annotator.core.api import person_field
from annotator.jobs.api import JobSerializer
from annotator.mpo import exports, queries, services
from annotator.mpo.models import PairSet, PreferencePair
from annotator.mpo.options import Answers, Choice, Level, MiningOptions, Source
from annotator.rewards.models import RewardModel

DEFAULTS = MiningOptions()


class PairSetSerializer(serializers.ModelSerializer[PairSet]):
    options = serializers.DictField(read_only=True)
    summary = serializers.DictField(read_only=True, help_text="Mean gaps by dimension, reward gaps, pairs per prompt.")
    vetoed = serializers.IntegerField(read_only=True)
    created_by = person_field()

    class Meta:
        model = PairSet
        fields = ("id", "name", "reward_model", "options", "items", "prompts", "prompts_without_pairs", "pairs_count",
                  "vetoed", "summary", "job", "created_by", "created_at")  # fmt: skip
        read_only_fields = fields


class MiningRequestSerializer(serializers.Serializer[Any]):
    reward_model = serializers.PrimaryKeyRelatedField(queryset=RewardModel.objects.all())
    name = serializers.CharField(required=False, allow_blank=True, max_length=200)
    level = serializers.ChoiceField(choices=Level.choices, default=DEFAULTS.level)
    answers = serializers.ChoiceField(choices=Answers.choices, default=DEFAULTS.answers)
    source = serializers.ChoiceField(choices=Source.choices, default=DEFAULTS.source)
    margin = serializers.FloatField(min_value=0, default=DEFAULTS.margin)
    min_total_gap = serializers.FloatField(min_value=0, default=DEFAULTS.min_total_gap)
    max_pairs_per_prompt = serializers.IntegerField(
        min_value=1, allow_null=True, default=DEFAULTS.max_pairs_per_prompt, help_text="null: no maximum."
    )
    choose = serializers.ChoiceField(choices=Choice.choices, default=DEFAULTS.choose)
    seed = serializers.IntegerField(min_value=0, default=DEFAULTS.seed)
    prompt_set = serializers.IntegerField(
        min_value=1, max_value=2**63 - 1, allow_null=True, default=None, help_text="Only items of its prompts."
    )
    generation_set = serializers.IntegerField(
        min_value=1, max_value=2**63 - 1, allow_null=True, default=None, help_text="Only items generated for it."
    )


class SideSerializer(serializers.Serializer[Any]):
    item = serializers.IntegerField()
    path = serializers.CharField(help_text="Relative to the media folder.")
    sha256 = serializers.CharField()
    generator = serializers.CharField()
    reward = serializers.FloatField()


class PairSerializer(serializers.Serializer[PreferencePair]):
    pair = serializers.IntegerField()
    media_type = serializers.CharField()
    prompt_id = serializers.IntegerField()
    prompt = serializers.CharField()
    winner = SideSerializer()
    loser = SideSerializer()
    reward_gap = serializers.FloatField()
    gaps = serializers.DictField(child=serializers.FloatField(), help_text="By ID of the dimension.")
    vetoed_at = serializers.DateTimeField(allow_null=True)

    def to_representation(self, instance: PreferencePair) -> dict[str, Any]:
        return {**exports.record(queries.row_of(instance), self.context["checklist"]), "vetoed_at": instance.vetoed_at}


class VetoSerializer(serializers.Serializer[Any]):
    vetoed = serializers.BooleanField()


class PairSetViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[PairSet]):
    queryset = PairSet.objects.none()
    serializer_class = PairSetSerializer
    filterset_fields = ("reward_model", "job")

    def get_queryset(self) -> QuerySet[PairSet]:
        return queries.ready_sets()

    def get_permissions(self) -> list[BasePermission]:
        return [IsAdmin() if self.action == "create" else IsReviewer()]

    @extend_schema(request=MiningRequestSerializer, responses={202: JobSerializer})
    def create(self, request: Request) -> Response:
        """Mine pairs. Returns the job; when it has succeeded, its result names the pair set."""
        asked = MiningRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        options = dict(asked.validated_data)
        model, name = options.pop("reward_model"), options.pop("name", "")
        job = services.request_pair_mining(reward_model=model, name=name, options=options, requested_by=request.user)
        location = request.build_absolute_uri(reverse("api-job-detail", args=[job.pk]))
        return Response(JobSerializer(job).data, status=status.HTTP_202_ACCEPTED, headers={"Location": location})

    @extend_schema(responses=PairSerializer(many=True))
    @action(detail=True, methods=["get"], filterset_fields=())
    def pairs(self, request: Request, pk: Any = None) -> Response:
        """The pairs, page by page, largest gap first; vetoed pairs are included and marked."""
        found = self.get_object()
        page = self.paginate_queryset(queries.gallery(found))
        context = {"checklist": checklist_of(found.reward_model.checklist_version)}
        return self.get_paginated_response(PairSerializer(page, many=True, context=context).data)

    @extend_schema(
        parameters=[OpenApiParameter("kind", str, OpenApiParameter.PATH, enum=[*exports.FORMATS])],
        responses={(200, form.content_type): OpenApiTypes.BINARY for form in exports.FORMATS.values()},
    )
    @action(
        detail=True, methods=["get"], url_path="download/(?P<kind>[a-z]+)", filterset_fields=(), pagination_class=None
    )
    def download(self, request: Request, pk: Any = None, kind: str = "") -> HttpResponseBase:
        """All pairs except vetoed ones, as one file."""
        form, name, content = exports.export(self.get_object(), kind)
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return StreamingHttpResponse(content, content_type=form.content_type, headers=headers)


class PairViewSet(viewsets.GenericViewSet[PreferencePair]):
    queryset = PreferencePair.objects.none()
    serializer_class = PairSerializer
    permission_classes = (IsReviewer,)

    def get_queryset(self) -> QuerySet[PreferencePair]:
        return PreferencePair.objects.filter(pair_set__ready_at__isnull=False)

    @extend_schema(request=VetoSerializer, responses=VetoSerializer)
    @action(detail=True, methods=["post"])
    def veto(self, request: Request, pk: Any = None) -> Response:
        """Veto a pair, or remove its veto."""
        asked = VetoSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        pair = services.set_veto(pair=self.get_object(), vetoed=asked.validated_data["vetoed"], by=request.user)
        return Response({"vetoed": pair.vetoed_at is not None})
