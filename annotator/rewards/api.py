"""Reward models and scores for programs: look, train, promote, score; one score taken apart."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.accounts.roles import IsAdmin, IsReviewer
from annotator.campaigns.models import Campaign
from annotator.core.api import person_field
from annotator.core.api_queries import takes
from annotator.jobs.api import JobSerializer
from annotator.jobs.models import Job
from annotator.rewards import queries, services
from annotator.rewards.filters import ScoreFilter
from annotator.rewards.models import RewardModel, Score, Snapshot
from annotator.rewards.services.training_request import TRAIN_TASK
from annotator.rewards.services.version_comparison import finished_comparison
from annotator.rewards.version_serializers import VersionComparisonSerializer, VersionsSerializer
from annotator.trust.queries import ConsensusMethod


class SnapshotSerializer(serializers.ModelSerializer[Snapshot]):
    class Meta:
        model = Snapshot
        fields = ("id", "campaigns", "consensus", "items", "prompts", "judgments", "sha256", "created_at")
        read_only_fields = fields


class RewardModelSerializer(serializers.ModelSerializer[RewardModel]):
    checklist = serializers.StringRelatedField(source="checklist_version", read_only=True)
    overall = serializers.DictField(
        source="metrics.overall",
        read_only=True,
        default=dict,
        help_text="Means over sub-dimensions, on held-out prompts.",
    )
    created_by = person_field()

    class Meta:
        model = RewardModel
        fields: tuple[str, ...] = (
            "id", "media_type", "version", "state", "judge", "checklist", "overall", "created_by", "created_at",
            "promoted_at",
        )  # fmt: skip
        read_only_fields = fields


class RewardModelDetailSerializer(RewardModelSerializer):
    """Includes metrics by sub-dimension, weights by question, and the training data."""

    snapshot = SnapshotSerializer(read_only=True, allow_null=True)
    metrics = serializers.DictField(read_only=True)
    manifest = serializers.DictField(read_only=True)
    gate = serializers.DictField(
        source="shown_gate",
        read_only=True,
        help_text="What the gate compared when the version was created, and its decision: passes, reason, "
        "asked, against (the version that was promoted), how (items, shares or none), and, if both "
        "were compared on common held-out items, items, prompts, rows (one per sub-dimension, with "
        "old, new, and difference of log_loss and accuracy) and overall. Empty for versions "
        "created before the gate existed.",
    )
    scored = serializers.SerializerMethodField(help_text="How many items have a score from this version.")

    class Meta(RewardModelSerializer.Meta):
        fields = (*RewardModelSerializer.Meta.fields, "snapshot", "weights", "intercept", "metrics", "manifest", "gate",
                  "job", "scored")  # fmt: skip
        read_only_fields = fields

    def get_scored(self, model: RewardModel) -> int:
        return model.scores.count()


class TrainingRequestSerializer(serializers.Serializer[Any]):
    campaigns = serializers.PrimaryKeyRelatedField(
        queryset=Campaign.objects.select_related("checklist_version"), many=True, allow_empty=False
    )
    promote = serializers.BooleanField(default=False, help_text="Promote it if it passes the gate.")
    score_after = serializers.BooleanField(default=True)
    mine_after = serializers.BooleanField(default=False, help_text="Mine preference pairs from those scores.")
    consensus = serializers.ChoiceField(choices=ConsensusMethod.choices, default=ConsensusMethod.MAJORITY)
    comparisons = serializers.PrimaryKeyRelatedField(
        queryset=Campaign.objects.all(),
        many=True,
        default=list,
        help_text="Campaigns in which people compared items: the weights are fitted to their preferences. "
        "None: all sub-dimensions have equal weight.",
    )
    seed = serializers.IntegerField(default=0, min_value=0, max_value=2**31 - 1)
    keep_limited = serializers.BooleanField(
        default=False, help_text="Count sub-dimensions in the reward that held-out prompts give no reason to trust."
    )
    judge = serializers.CharField(default="probe", max_length=40, help_text="The kind of judge: probe, vlm, endpoint.")
    settings = serializers.DictField(
        default=dict, help_text=("By name, for this kind; missing settings get their defaults. See the training form.")
    )

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if given["mine_after"] and not given["score_after"]:
            raise serializers.ValidationError(
                {"mine_after": gettext("Pairs are mined from scores: set score_after as well.")}
            )
        return given


class NoteSerializer(serializers.Serializer[Any]):
    note = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=500, help_text="Kept in the version's history."
    )


class EstimateSerializer(serializers.Serializer[Any]):
    """What a training takes. Null: unknown."""

    items = serializers.IntegerField()
    memory_bytes = serializers.IntegerField(allow_null=True, help_text="Peak, on each device.")
    seconds = serializers.FloatField(allow_null=True, help_text="Of the whole training.")
    disk_bytes = serializers.IntegerField(allow_null=True)
    scoring_seconds = serializers.FloatField(allow_null=True, help_text="Per item.")
    scoring_bytes = serializers.IntegerField(allow_null=True, help_text="Memory of the loaded judge.")
    device = serializers.CharField(allow_blank=True)
    fits = serializers.BooleanField()
    steps = serializers.IntegerField(allow_null=True)
    notes = serializers.ListField(child=serializers.CharField())
    settings = serializers.DictField(help_text="All settings, including chosen defaults.")


class ResumeSerializer(serializers.Serializer[Any]):
    job = serializers.PrimaryKeyRelatedField(
        queryset=Job.objects.filter(kind=TRAIN_TASK), pk_field=serializers.UUIDField(),
        help_text="A training that was canceled or failed.",
    )  # fmt: skip


class ScoringRequestSerializer(serializers.Serializer[Any]):
    mine_after = serializers.BooleanField(default=False, help_text="Mine preference pairs from the scores.")


class ScoreSerializer(serializers.ModelSerializer[Score]):
    prompt = serializers.IntegerField(source="item.prompt_id", read_only=True)

    class Meta:
        model = Score
        fields: tuple[str, ...] = ("id", "item", "prompt", "reward_model", "reward", "by_dimension", "created_at")
        read_only_fields = fields


class QuestionPartSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    text = serializers.CharField()
    p_yes = serializers.FloatField(help_text="Probability of a yes where the question applies.")
    applies = serializers.FloatField(help_text="Probability that it applies.")
    weight = serializers.FloatField()
    contribution = serializers.FloatField(help_text="weight × applies × (2 · p_yes − 1)")


class SubDimensionPartSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    expected_level = serializers.FloatField()
    likeliest_level = serializers.CharField()
    lowest = serializers.IntegerField()
    highest = serializers.IntegerField()
    contribution = serializers.FloatField()
    lost = serializers.FloatField(help_text="The difference from the maximum it could contribute for this item.")
    questions = QuestionPartSerializer(many=True)


class DimensionPartSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    contribution = serializers.FloatField()
    sub_dimensions = SubDimensionPartSerializer(many=True)


class ScoreDetailSerializer(ScoreSerializer):
    """The reward is the intercept plus the contributions of the dimensions, which are sums of their parts."""

    intercept = serializers.FloatField(source="reward_model.intercept", read_only=True)
    best = serializers.FloatField(read_only=True, help_text="The maximum reward for this item.")
    explanation = serializers.CharField(read_only=True, help_text="Where reward was lost, in sentences.")
    dimensions = DimensionPartSerializer(many=True, read_only=True)

    class Meta(ScoreSerializer.Meta):
        fields = (*ScoreSerializer.Meta.fields, "p_yes", "intercept", "best", "explanation", "dimensions")
        read_only_fields = fields

    def to_representation(self, score: Score) -> dict[str, Any]:
        parts = queries.item_score(score)
        for name, value in (("best", parts.best), ("explanation", parts.explanation.text),
                            ("dimensions", parts.dimensions)):  # fmt: skip
            setattr(score, name, value)
        return dict(super().to_representation(score))


class RewardModelViewSet(viewsets.ReadOnlyModelViewSet[RewardModel]):
    queryset = RewardModel.objects.none()
    serializer_class = RewardModelSerializer
    filterset_fields = ("media_type", "state")

    def get_queryset(self) -> QuerySet[RewardModel]:
        return queries.models().order_by("media_type", "-version")

    def get_permissions(self) -> list[BasePermission]:
        reads = ("list", "retrieve", "compare", "request_comparison")
        return [IsReviewer() if self.action in reads else IsAdmin()]

    def get_serializer_class(self) -> type[serializers.BaseSerializer]:
        return RewardModelSerializer if self.action == "list" else RewardModelDetailSerializer

    def _accepted(self, job: Any) -> Response:
        body = JobSerializer(job, context=self.get_serializer_context()).data
        return Response(body, status=status.HTTP_202_ACCEPTED)

    @extend_schema(request=TrainingRequestSerializer, responses={202: JobSerializer})
    @action(detail=False, methods=["post"])
    def train(self, request: Request) -> Response:
        """Request a new version. The job's result names it; a repeated request returns the job in progress."""
        given = TrainingRequestSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return self._accepted(services.request_training(requested_by=request.user, **given.validated_data))

    @extend_schema(
        parameters=[OpenApiParameter("model", int, many=True, description="IDs of the versions; at most 8.")],
        responses=VersionComparisonSerializer,
    )
    @action(detail=False, methods=["get"], pagination_class=None, filterset_fields=())
    @takes("model")
    def compare(self, request: Request) -> Response:
        """Versions side by side: each as measured in training, and all of them on the held-out items they share, if
        that was computed (request it with POST)."""
        given = VersionsSerializer(data={"models": request.query_params.getlist("model")})
        given.is_valid(raise_exception=True)
        models = given.validated_data["models"]
        done = finished_comparison(model.pk for model in models)
        body = {
            "versions": [queries.version_figures(model) for model in models],
            "common": done.result if done is not None else None,
        }
        return Response(VersionComparisonSerializer(body).data)

    @extend_schema(request=VersionsSerializer, responses={202: JobSerializer})
    @compare.mapping.post
    def request_comparison(self, request: Request) -> Response:
        """Request the versions' figures on the held-out items they share. The job's result contains them; versions
        compared before return the earlier job."""
        given = VersionsSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        job = services.request_comparison(models=given.validated_data["models"], requested_by=request.user)
        return self._accepted(job)

    @extend_schema(request=TrainingRequestSerializer, responses=EstimateSerializer)
    @action(detail=False, methods=["post"])
    def estimate(self, request: Request) -> Response:
        """Estimate a training without starting it."""
        given = TrainingRequestSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        return Response(
            services.estimate_training(campaigns=asked["campaigns"], judge=asked["judge"], settings=asked["settings"])
        )

    @extend_schema(request=ResumeSerializer, responses={202: JobSerializer})
    @action(detail=False, methods=["post"])
    def resume(self, request: Request) -> Response:
        """Resume an interrupted training from its last checkpoint, on the same judgments."""
        given = ResumeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return self._accepted(services.resume_training(job=given.validated_data["job"], requested_by=request.user))

    @extend_schema(request=ScoringRequestSerializer, responses={202: JobSerializer})
    @action(detail=True, methods=["post"])
    def score(self, request: Request, pk: Any = None) -> Response:
        """Request scores of all items that this version has not scored."""
        given = ScoringRequestSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        job = services.request_scoring(
            reward_model=self.get_object(), requested_by=request.user, **given.validated_data
        )
        return self._accepted(job)

    def _note(self, request: Request) -> str:
        given = NoteSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return str(given.validated_data["note"])

    @extend_schema(request=NoteSerializer, responses=RewardModelDetailSerializer)
    @action(detail=True, methods=["post"])
    def promote(self, request: Request, pk: Any = None) -> Response:
        """Promote this version, so that it scores; the current one is retired."""
        model = services.promote(reward_model=self.get_object(), by=request.user, note=self._note(request))
        return Response(self.get_serializer(model).data)

    @extend_schema(request=NoteSerializer, responses=RewardModelDetailSerializer)
    @action(detail=True, methods=["post"], url_path="roll-back")
    def roll_back(self, request: Request, pk: Any = None) -> Response:
        """Promote the previously promoted version and return it. This one must be promoted."""
        model = services.roll_back(reward_model=self.get_object(), by=request.user, note=self._note(request))
        return Response(self.get_serializer(model).data)

    @extend_schema(request=None, responses=RewardModelDetailSerializer)
    @action(detail=True, methods=["post"])
    def retire(self, request: Request, pk: Any = None) -> Response:
        """Retire this version. Its scores are kept."""
        model = services.retire(reward_model=self.get_object(), by=request.user)
        return Response(self.get_serializer(model).data)


class ScoreViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Score]):
    """Scores. A single one includes its breakdown: dimension, sub-dimension, question."""

    queryset = Score.objects.none()
    permission_classes = (IsReviewer,)
    filterset_class = ScoreFilter

    def get_queryset(self) -> QuerySet[Score]:
        scores = Score.objects.order_by("pk")
        if self.action == "retrieve":
            return scores.select_related("item__prompt", "reward_model__checklist_version")
        return scores.select_related("item")

    def get_serializer_class(self) -> type[serializers.BaseSerializer]:
        return ScoreDetailSerializer if self.action == "retrieve" else ScoreSerializer
