"""Base models for programs: what could be registered, register, look, check again, forget."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.accounts.roles import IsAdmin, IsReviewer
from annotator.core.api import person_field
from annotator.rewards import queries, services, vlms
from annotator.rewards.models import BaseModel, BaseModelState


class BaseReportSerializer(serializers.Serializer[Any]):
    """Results of the check; null if the model is not ready."""

    family = serializers.CharField()
    tested = serializers.BooleanField(help_text="Whether the platform's tests cover this family.")
    model_class = serializers.CharField()
    media_type = serializers.CharField(help_text="Of the two media used in the check.")
    parameters = serializers.IntegerField()
    dtype = serializers.CharField(help_text="Number format it was opened in.")
    device = serializers.CharField()
    weights_bytes = serializers.IntegerField()
    memory_bytes = serializers.IntegerField(help_text="Of the weights and one batch.")
    way = serializers.ChoiceField(choices=["packed", "cached", "loop"], help_text="How it processes questions.")
    way_reason = serializers.CharField(help_text="Why no faster way is used.")
    ways = serializers.ListField(child=serializers.CharField(), help_text="All supported ways, fastest first.")
    probe_items = serializers.IntegerField()
    probe_questions = serializers.IntegerField()
    largest_difference = serializers.FloatField(help_text="In P(yes) from the plain loop, on the test media.")
    tokens = serializers.IntegerField(help_text="Of the larger of the two media, with its prompt.")
    context = serializers.IntegerField(allow_null=True, help_text="The longest sequence it supports.")
    digest = serializers.CharField()
    revision = serializers.CharField(allow_null=True)


class BaseModelSerializer(serializers.ModelSerializer[BaseModel]):
    state = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField(help_text="Why it was rejected.")
    report = serializers.SerializerMethodField()
    versions = serializers.IntegerField(source="made", read_only=True, default=0, help_text="Versions based on it.")
    created_by = person_field()

    class Meta:
        model = BaseModel
        fields = ("id", "name", "revision", "state", "error", "report", "digest", "job", "versions", "created_by",
                  "created_at")  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(choices=BaseModelState.choices))
    def get_state(self, base: BaseModel) -> str:
        return queries.outcome(base).state

    def get_error(self, base: BaseModel) -> str:
        return queries.outcome(base).error

    @extend_schema_field(BaseReportSerializer(allow_null=True))
    def get_report(self, base: BaseModel) -> dict[str, Any] | None:
        return dict(base.report) if queries.outcome(base).state == BaseModelState.READY else None


class BaseModelRequestSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(
        max_length=300, help_text="Path below VLM_ROOTS, as in `found/`, or a hub ID if those are allowed."
    )
    revision = serializers.CharField(
        max_length=100, default="", allow_blank=True, help_text="For a hub ID: commit, branch, or tag."
    )


class FoundSerializer(serializers.Serializer[Any]):
    names = serializers.ListField(child=serializers.CharField(), help_text="Not registered yet.")
    from_hub = serializers.BooleanField(help_text="Whether a hub ID can be registered.")


class BaseModelViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, viewsets.GenericViewSet[BaseModel]
):
    """Vision-language models that judges can be based on, each checked by a GPU worker before it can be used."""

    queryset = BaseModel.objects.none()
    serializer_class = BaseModelSerializer

    def get_queryset(self) -> QuerySet[BaseModel]:
        return queries.bases()

    def get_permissions(self) -> list[BasePermission]:
        return [IsReviewer() if self.action in ("list", "retrieve") else IsAdmin()]

    def _whole(self, base: BaseModel) -> dict[str, Any]:
        return dict(self.get_serializer(queries.bases().get(pk=base.pk)).data)

    @extend_schema(request=BaseModelRequestSerializer, responses={201: BaseModelSerializer})
    def create(self, request: Request) -> Response:
        """Register a model and request its check; `job` is the check, and `state` is its outcome."""
        given = BaseModelRequestSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        base = services.register_base(requested_by=request.user, **given.validated_data)
        return Response(self._whole(base), status=status.HTTP_201_CREATED)

    def perform_destroy(self, base: BaseModel) -> None:
        services.delete_base(base=base)

    @extend_schema(request=None, responses={202: BaseModelSerializer})
    @action(detail=True, methods=["post"])
    def check(self, request: Request, pk: Any = None) -> Response:
        """Check its files again."""
        base = services.request_check(base=self.get_object(), requested_by=request.user)
        return Response(self._whole(base), status=status.HTTP_202_ACCEPTED)

    @extend_schema(responses=FoundSerializer)
    @action(detail=False, pagination_class=None)
    def found(self, request: Request) -> Response:
        """Models below VLM_ROOTS that can be registered."""
        return Response({"names": queries.registrable(), "from_hub": vlms.hub_allowed()})
