"""Runs and comparisons for programs: ask, look, cancel, resume, download."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponseBase, StreamingHttpResponse
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import gettext
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.accounts.roles import IsAdmin, IsReviewer
from annotator.core.api import person_field
from annotator.core.downloads import zipped
from annotator.core.errors import ConflictError
from annotator.generations.models import PromptSet
from annotator.jobs.api import JobSerializer
from annotator.jobs.services import request_cancel
from annotator.mpo import queries as run_queries
from annotator.mpo.curves import read_lines
from annotator.mpo.families import class_named
from annotator.mpo.models import ModelComparison, MpoRun, PairSet
from annotator.mpo.queries import comparisons as comparison_queries
from annotator.mpo.services.comparisons import create_comparison, resume_comparison
from annotator.mpo.services.runs import create_run, resume_run, state_of
from annotator.mpo.services.verdicts import MOST_PAIRS, ask_people
from annotator.rewards.models import RewardModel
from reward_engine.mpo.training import Settings


class RunSerializer(serializers.ModelSerializer[MpoRun]):
    objective = serializers.SerializerMethodField(help_text="`mpo`, or `total` for the total-reward DPO baseline.")
    state = serializers.SerializerMethodField(help_text="`finished`, or the state of the run's job.")
    settings = serializers.DictField(read_only=True)
    estimate = serializers.DictField(
        read_only=True, help_text="Memory, time, and disk space as estimated before the start."
    )
    manifest = serializers.DictField(read_only=True, help_text="Of the result; empty until the run is finished.")
    job = JobSerializer(read_only=True, allow_null=True)
    created_by = person_field()

    class Meta:
        model = MpoRun
        fields = (
            "id", "name", "objective", "state", "pair_set", "pipeline", "pipeline_class", "start_lora", "settings",
            "held_out_share", "trained_pairs", "held_out_pairs", "trained_prompts", "held_out_prompts", "estimate",
            "manifest", "finished_at", "job", "created_by", "created_at",
        )  # fmt: skip
        read_only_fields = fields

    def get_objective(self, run: MpoRun) -> str:
        return "total" if run.by_total else "mpo"

    def get_state(self, run: MpoRun) -> str:
        return state_of(run)


class RunRequestSerializer(serializers.Serializer[Any]):
    pair_set = serializers.PrimaryKeyRelatedField(queryset=PairSet.objects.filter(ready_at__isnull=False))
    pipeline = serializers.CharField(max_length=500, help_text="A folder below an allowed one, or a hub ID.")
    start_lora = serializers.CharField(required=False, allow_blank=True, max_length=500, default="")
    settings = serializers.DictField(
        default=dict,
        help_text=("Differences from the defaults of the pipeline's family, for example `steps`, `beta`, `rank`."),
    )
    held_out_share = serializers.FloatField(min_value=0, max_value=0.9, default=0.1)
    name = serializers.CharField(required=False, allow_blank=True, max_length=200, default="")


class MetricsSerializer(serializers.Serializer[Any]):
    """One step."""

    step = serializers.IntegerField()
    loss = serializers.FloatField()
    accuracy = serializers.FloatField()
    margin = serializers.FloatField()
    held_out_accuracy = serializers.FloatField(required=False)
    held_out_margin = serializers.FloatField(required=False)
    learning_rate = serializers.FloatField()
    gradient_norm = serializers.FloatField()
    seconds = serializers.FloatField()
    memory_bytes = serializers.IntegerField()


class RunViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[MpoRun]):
    queryset = MpoRun.objects.none()
    serializer_class = RunSerializer
    filterset_fields = ("pair_set", "job")

    def get_queryset(self) -> QuerySet[MpoRun]:
        return run_queries.runs()

    def get_permissions(self) -> list[BasePermission]:
        return [IsAdmin() if self.action in ("create", "cancel", "resume") else IsReviewer()]

    @extend_schema(request=RunRequestSerializer, responses={202: RunSerializer})
    def create(self, request: Request) -> Response:
        """Train a LoRA on a pair set. Everything is checked before it is queued; an error names the field."""
        asked = RunRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given = dict(asked.validated_data)
        defaults = Settings.for_family(class_named(given["pipeline"]) or "").to_dict()
        settings = defaults | given.pop("settings")
        run = create_run(**given, settings=settings, requested_by=request.user)
        location = request.build_absolute_uri(reverse("api-mpo-run-detail", args=[run.pk]))
        return Response(RunSerializer(run).data, status=status.HTTP_202_ACCEPTED, headers={"Location": location})

    @extend_schema(request=None, responses=RunSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: Any = None) -> Response:
        """Stop after the current step; the state is kept, and the run can be resumed."""
        run = self.get_object()
        if run.job is None:
            raise ConflictError(gettext("This run has no job to cancel."))
        request_cancel(job=run.job)
        return Response(RunSerializer(self.get_object()).data)

    @extend_schema(request=None, responses={202: RunSerializer})
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: Any = None) -> Response:
        """Resume from the last state."""
        run = resume_run(run=self.get_object(), requested_by=request.user)
        return Response(RunSerializer(run).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(responses=MetricsSerializer(many=True))
    @action(detail=True, methods=["get"], filterset_fields=(), pagination_class=None)
    def metrics(self, request: Request, pk: Any = None) -> Response:
        """The curves so far, one entry per step."""
        return Response(read_lines(self.get_object().folder / "metrics.jsonl"))

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"], filterset_fields=(), pagination_class=None)
    def download(self, request: Request, pk: Any = None) -> HttpResponseBase:
        """All files of a finished run as a ZIP: the LoRA, manifest, model card, curves, pairs."""
        run = self.get_object()
        if run.finished_at is None:
            raise ConflictError(
                gettext("This run is not finished, so there is nothing to download yet."), code="unfinished"
            )
        stem = slugify(run.name)[:60] or f"run-{run.pk}"
        headers = {"Content-Disposition": f'attachment; filename="{stem}.zip"'}
        content = zipped(stem, dict(run_queries.artifacts(run)))
        return StreamingHttpResponse(content, content_type="application/zip", headers=headers)


class ModelComparisonSerializer(serializers.ModelSerializer[ModelComparison]):
    prompts = serializers.ListField(child=serializers.IntegerField(), read_only=True)
    sampling = serializers.DictField(read_only=True)
    result = serializers.DictField(
        read_only=True, help_text=("Per run: changes in reward, dimensions, and sub-dimensions with intervals; rates.")
    )
    job = JobSerializer(read_only=True, allow_null=True)
    created_by = person_field()

    class Meta:
        model = ModelComparison
        fields = (
            "id", "name", "runs", "reward_model", "prompt_set", "prompts", "left_out", "per_prompt", "sampling",
            "seed", "tie_margin", "result", "finished_at", "job", "created_by", "created_at",
        )  # fmt: skip
        read_only_fields = fields


class ComparisonRequestSerializer(serializers.Serializer[Any]):
    runs = serializers.PrimaryKeyRelatedField(queryset=MpoRun.objects.all(), many=True, allow_empty=False)
    prompt_set = serializers.PrimaryKeyRelatedField(
        queryset=PromptSet.objects.all(),
        allow_null=True,
        default=None,
        help_text="null: the prompts the runs held out.",
    )
    reward_model = serializers.PrimaryKeyRelatedField(
        queryset=RewardModel.objects.all(), allow_null=True, default=None, help_text="null: the promoted one."
    )
    per_prompt = serializers.IntegerField(min_value=1, max_value=64, default=4)
    steps = serializers.IntegerField(min_value=1, max_value=1000, allow_null=True, default=None)
    guidance_scale = serializers.FloatField(min_value=0, allow_null=True, default=None)
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=1)
    tie_margin = serializers.FloatField(min_value=0, default=0.0)
    name = serializers.CharField(required=False, allow_blank=True, max_length=200, default="")


class AskSerializer(serializers.Serializer[Any]):
    run = serializers.PrimaryKeyRelatedField(queryset=MpoRun.objects.all())
    pairs = serializers.IntegerField(min_value=1, max_value=MOST_PAIRS, default=50)
    overlap = serializers.IntegerField(min_value=1, max_value=50, default=3)
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=0)


class ShareSerializer(serializers.Serializer[comparison_queries.Share]):
    count = serializers.IntegerField()
    of = serializers.IntegerField()
    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True, help_text="Of the 95% Wilson interval.")
    high = serializers.FloatField(allow_null=True)


class VerdictSerializer(serializers.Serializer[comparison_queries.Verdict]):
    run = serializers.IntegerField(source="verdict.run_id")
    campaign = serializers.IntegerField(source="verdict.campaign_id")
    pairs = serializers.IntegerField()
    compared = serializers.IntegerField(help_text="Pairs compared by at least one person.")
    answers = serializers.IntegerField()
    needed = serializers.IntegerField()
    win = ShareSerializer()
    tie = ShareSerializer()
    lose = ShareSerializer()
    preferred = ShareSerializer(help_text="Wins among pairs with a preference.")
    model_win = ShareSerializer(help_text="The reward model's preferences for the same pairs.")
    model_tie = ShareSerializer()
    model_lose = ShareSerializer()
    agreement = ShareSerializer(help_text="People and the reward model prefer the same item.")


class ModelComparisonViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[ModelComparison]
):
    queryset = ModelComparison.objects.none()
    serializer_class = ModelComparisonSerializer
    filterset_fields = ("runs", "reward_model", "prompt_set")

    def get_queryset(self) -> QuerySet[ModelComparison]:
        return comparison_queries.comparisons()

    def get_permissions(self) -> list[BasePermission]:
        return [IsAdmin() if self.action in ("create", "cancel", "resume", "ask") else IsReviewer()]

    @extend_schema(request=ComparisonRequestSerializer, responses={202: ModelComparisonSerializer})
    def create(self, request: Request) -> Response:
        """Generate the same prompts and seeds with finished runs and their reference model, and score all results."""
        asked = ComparisonRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given = dict(asked.validated_data)
        sampling = {name: given.pop(name) for name in ("steps", "guidance_scale")}
        made = create_comparison(**given, sampling=sampling, requested_by=request.user)
        location = request.build_absolute_uri(reverse("api-model-comparison-detail", args=[made.pk]))
        data = ModelComparisonSerializer(made).data
        return Response(data, status=status.HTTP_202_ACCEPTED, headers={"Location": location})

    @extend_schema(request=None, responses=ModelComparisonSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: Any = None) -> Response:
        """Stop; generated items are kept so that the comparison can be resumed."""
        found = self.get_object()
        if found.job is None:
            raise ConflictError(gettext("This comparison has no job to cancel."))
        request_cancel(job=found.job)
        return Response(ModelComparisonSerializer(self.get_object()).data)

    @extend_schema(request=None, responses={202: ModelComparisonSerializer})
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: Any = None) -> Response:
        """Resume with the missing items."""
        found = resume_comparison(comparison=self.get_object(), requested_by=request.user)
        return Response(ModelComparisonSerializer(found).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(request=AskSerializer, responses={201: VerdictSerializer})
    @action(detail=True, methods=["post"])
    def ask(self, request: Request, pk: Any = None) -> Response:
        """Send a sample to annotators as a blind side-by-side campaign."""
        asked = AskSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        verdict = ask_people(comparison=self.get_object(), requested_by=request.user, **asked.validated_data)
        data = VerdictSerializer(comparison_queries.verdict_of(verdict)).data
        return Response(data, status=status.HTTP_201_CREATED)

    @extend_schema(responses=VerdictSerializer(many=True))
    @action(detail=True, methods=["get"], filterset_fields=(), pagination_class=None)
    def verdicts(self, request: Request, pk: Any = None) -> Response:
        """People's preferences about the runs they were asked about, next to the reward model's."""
        asked = comparison_queries.verdicts(self.get_object()).values()
        said = [comparison_queries.verdict_of(one) for one in asked]
        return Response(VerdictSerializer(said, many=True).data)
