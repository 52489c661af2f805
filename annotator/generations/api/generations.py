"""Generation sets for programs: ask a pipeline here, or send what was made elsewhere, one by one."""

from itertools import islice
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.accounts.roles import IsAdmin, IsReviewer
from annotator.core.api import StrictMultiPartParser, person_field
from annotator.core.api_queries import takes
from annotator.generations import queries, services
from annotator.generations.models import GeneratedItem, GenerationSet, Precision, PromptSet
from annotator.generations.services.generation_plan import MOST_PER_PROMPT, MOST_SEED
from annotator.jobs.api import JobSerializer
from annotator.jobs.services import request_cancel
from annotator.library.models import MediaType, Prompt

DEFAULTS = services.GenerationSpec(prompt_set=None, pipeline="")  # type: ignore[arg-type] # only its numbers are looked at
MOST_LACKING = 1000


class GenerationSetSerializer(serializers.ModelSerializer[GenerationSet]):
    prompt_count = serializers.IntegerField(read_only=True)
    wanted = serializers.IntegerField(read_only=True, help_text="Prompts × items per prompt.")
    made_count = serializers.IntegerField(read_only=True)
    made_with = serializers.DictField(read_only=True, help_text="Pipeline class, fingerprints, precision, device.")
    job = JobSerializer(read_only=True, allow_null=True)
    created_by = person_field()

    class Meta:
        model = GenerationSet
        fields = (
            "id", "name", "source", "prompt_set", "media_type", "per_prompt", "prompt_count", "wanted", "made_count",
            "pipeline", "lora", "steps", "guidance_scale", "width", "height", "frames", "seed", "precision",
            "batch_size", "made_with", "generator", "score_after", "job", "scoring_job", "created_by", "created_at",
        )  # fmt: skip
        read_only_fields = fields


class _RequestSerializer(serializers.Serializer[Any]):
    prompt_set = serializers.PrimaryKeyRelatedField(queryset=PromptSet.objects.all())
    per_prompt = serializers.IntegerField(min_value=1, max_value=MOST_PER_PROMPT, default=DEFAULTS.per_prompt)
    seed = serializers.IntegerField(
        min_value=0,
        max_value=MOST_SEED,
        default=0,
        help_text="Each item's seed is derived from it, the prompt, and the index.",
    )
    score_after = serializers.BooleanField(default=True, help_text="Score them once all are generated.")


class GenerationRequestSerializer(_RequestSerializer):
    name = serializers.CharField(required=False, allow_blank=True, max_length=200, default="")
    pipeline = serializers.CharField(max_length=500, help_text="A folder below an allowed one, or a hub ID.")
    lora = serializers.CharField(required=False, allow_blank=True, max_length=500, default="")
    steps = serializers.IntegerField(
        min_value=1, allow_null=True, default=None, help_text="null: the recommended value."
    )
    guidance_scale = serializers.FloatField(min_value=0, allow_null=True, default=None)
    width = serializers.IntegerField(
        min_value=1, allow_null=True, default=None, help_text="null: the pipeline's default."
    )
    height = serializers.IntegerField(min_value=1, allow_null=True, default=None)
    frames = serializers.IntegerField(min_value=1, allow_null=True, default=None, help_text="Videos only.")
    precision = serializers.ChoiceField(choices=Precision.choices, default=Precision.AUTO)
    batch_size = serializers.IntegerField(
        min_value=1, max_value=256, allow_null=True, default=None, help_text="null: as many as fit."
    )


class ExternalSetSerializer(_RequestSerializer):
    name = serializers.CharField(max_length=200)
    media_type = serializers.ChoiceField(choices=MediaType.choices)
    generator = serializers.CharField(max_length=200, help_text="The model that generates them.")
    generator_version = serializers.CharField(required=False, allow_blank=True, max_length=100, default="")
    generator_parameters = serializers.DictField(
        default=dict, help_text="Steps, guidance: what distinguishes it from other generators."
    )


class LackingQuerySerializer(serializers.Serializer[Any]):
    limit = serializers.IntegerField(min_value=1, max_value=MOST_LACKING, default=100, help_text="Slots per answer.")


class SlotSerializer(serializers.Serializer[queries.Slot]):
    prompt = serializers.IntegerField(help_text="ID of the prompt.")
    text = serializers.CharField()
    index = serializers.IntegerField()
    seed = serializers.IntegerField(help_text="The seed a pipeline here would use; another one may be sent.")


class GeneratedItemSerializer(serializers.ModelSerializer[GeneratedItem]):
    class Meta:
        model = GeneratedItem
        fields = ("id", "prompt", "index", "seed", "item", "created_at")
        read_only_fields = fields


class ExternalItemSerializer(serializers.Serializer[Any]):
    prompt = serializers.PrimaryKeyRelatedField(
        queryset=Prompt.objects.all(), help_text="One of the prompts in the set."
    )
    index = serializers.IntegerField(min_value=0, max_value=MOST_PER_PROMPT - 1, help_text="0 … items per prompt − 1.")
    seed = serializers.IntegerField(min_value=0, max_value=MOST_SEED)
    file = serializers.FileField(help_text="The image or video.")


class GenerationSetViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[GenerationSet]):
    queryset = GenerationSet.objects.none()
    serializer_class = GenerationSetSerializer
    filterset_fields = ("prompt_set", "source", "media_type", "name")

    def get_queryset(self) -> QuerySet[GenerationSet]:
        return queries.generation_sets()

    def get_permissions(self) -> list[BasePermission]:
        looks = self.request.method in ("GET", "HEAD", "OPTIONS")
        return [IsReviewer() if looks else IsAdmin()]

    @extend_schema(request=GenerationRequestSerializer, responses={202: GenerationSetSerializer})
    def create(self, request: Request) -> Response:
        """Generate with a pipeline on this platform. Bad requests are rejected at once; poll the job for progress."""
        asked = GenerationRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        spec = dict(asked.validated_data)
        name, score_after = spec.pop("name"), spec.pop("score_after")
        made = services.request_generation(
            name=name, spec=services.GenerationSpec(**spec), score_after=score_after, requested_by=request.user
        )
        return self._answer(request, made, status.HTTP_202_ACCEPTED)

    @extend_schema(request=ExternalSetSerializer, responses={201: GenerationSetSerializer})
    @action(detail=False, methods=["post"], filterset_fields=())
    def external(self, request: Request) -> Response:
        """Create an empty set for media generated elsewhere; then send them one by one to its items."""
        asked = ExternalSetSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        made = services.create_external_set(**asked.validated_data, requested_by=request.user)
        return self._answer(request, made, status.HTTP_201_CREATED)

    def _answer(self, request: Request, made: GenerationSet, code: int) -> Response:
        body = GenerationSetSerializer(self.get_queryset().get(pk=made.pk)).data
        location = request.build_absolute_uri(reverse("api-generation-set-detail", args=[made.pk]))
        return Response(body, status=code, headers={"Location": location})

    @extend_schema(
        parameters=[LackingQuerySerializer],
        responses=SlotSerializer(many=True),
    )
    @action(detail=True, methods=["get"], filterset_fields=(), pagination_class=None)
    @takes("limit")
    def lacking(self, request: Request, pk: Any = None) -> Response:
        """Missing items, prompt by prompt: where a sampler starts, or resumes after a break."""
        given = LackingQuerySerializer(data=request.query_params)
        given.is_valid(raise_exception=True)
        slots = islice(queries.lacking(self.get_object()), given.validated_data["limit"])
        return Response(SlotSerializer(list(slots), many=True).data)

    @extend_schema(methods=["GET"], responses=GeneratedItemSerializer(many=True))
    @extend_schema(
        methods=["POST"],
        request={"multipart/form-data": ExternalItemSerializer},
        responses={200: GeneratedItemSerializer, 201: GeneratedItemSerializer},
    )
    @action(detail=True, methods=["get", "post"], parser_classes=(StrictMultiPartParser,), filterset_fields=())
    def items(self, request: Request, pk: Any = None) -> Response:
        """List the generated items, or send one generated elsewhere: 201 for a new item, 200 for the same one again."""
        found = self.get_object()
        if request.method == "GET":
            page = self.paginate_queryset(found.made.order_by("pk"))
            return self.get_paginated_response(GeneratedItemSerializer(page, many=True).data)
        asked = ExternalItemSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        data = asked.validated_data
        made, new = services.add_external_item(
            generation_set=found, prompt=data["prompt"], index=data["index"], seed=data["seed"], upload=data["file"],
            by=request.user,
        )  # fmt: skip
        code = status.HTTP_201_CREATED if new else status.HTTP_200_OK
        return Response(GeneratedItemSerializer(made).data, status=code)

    @extend_schema(request=None, responses=JobSerializer)
    @action(detail=True, methods=["post"], filterset_fields=())
    def cancel(self, request: Request, pk: Any = None) -> Response:
        """Cancel its job. Generated items are kept."""
        return Response(JobSerializer(request_cancel(job=services.job_of(self.get_object()))).data)

    @extend_schema(request=None, responses={202: JobSerializer})
    @action(detail=True, methods=["post"], filterset_fields=())
    def resume(self, request: Request, pk: Any = None) -> Response:
        """Resume with the missing items."""
        found = services.resume_generation(generation_set=self.get_object(), requested_by=request.user)
        return Response(JobSerializer(found.job).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(request=None, responses={202: JobSerializer})
    @action(detail=True, methods=["post"], filterset_fields=())
    def score(self, request: Request, pk: Any = None) -> Response:
        """Score the unscored items with the promoted reward model."""
        job = services.request_set_scoring(generation_set=self.get_object(), requested_by=request.user)
        return Response(JobSerializer(job).data, status=status.HTTP_202_ACCEPTED)
