"""Checklist versions as they were when they were used."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.accounts.roles import IsAdmin
from annotator.campaigns import services
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import ChecklistVersion


class LevelSerializer(serializers.Serializer[Any]):
    score = serializers.IntegerField()
    name = serializers.CharField()
    guidance = serializers.CharField()


class QuestionSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    text = serializers.CharField(help_text="May contain {prompt}.")
    threshold = serializers.IntegerField(help_text="Yes exactly if the level is at least this.")
    is_presence = serializers.BooleanField(
        help_text="“Is there one at all?”: a no masks the questions that depend on it."
    )


class MaskSerializer(serializers.Serializer[Any]):
    question = serializers.CharField()
    owner = serializers.CharField(help_text="The sub-dimension that the question belongs to.")


class AppliesWhenSerializer(serializers.Serializer[Any]):
    sub_dimension = serializers.CharField()
    below = serializers.IntegerField()


class SubDimensionSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    kind = serializers.ChoiceField(choices=["ordinal", "category"])
    levels = LevelSerializer(many=True)
    questions = QuestionSerializer(many=True)
    mask = MaskSerializer(allow_null=True)
    applies_when = AppliesWhenSerializer(allow_null=True)


class DimensionSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    sub_dimensions = SubDimensionSerializer(many=True)


class ChecklistSerializer(serializers.ModelSerializer[ChecklistVersion]):
    class Meta:
        model = ChecklistVersion
        fields: tuple[str, ...] = ("id", "media_type", "name", "version", "content_hash", "created_at")
        read_only_fields = fields


class ChecklistDetailSerializer(ChecklistSerializer):
    """Includes all levels and questions, and the source file."""

    dimensions = serializers.SerializerMethodField()

    class Meta(ChecklistSerializer.Meta):
        fields = (*ChecklistSerializer.Meta.fields, "dimensions", "source")
        read_only_fields = fields

    @extend_schema_field(DimensionSerializer(many=True))
    def get_dimensions(self, version: ChecklistVersion) -> list[dict[str, Any]]:
        return list(DimensionSerializer(checklist_of(version).dimensions, many=True).data)


class ChecklistFileSerializer(serializers.Serializer[Any]):
    source = serializers.CharField(max_length=500_000, help_text="The YAML of a checklist.")
    name = serializers.CharField(max_length=100, default="checklist.yaml", help_text="Shown in errors.")


class ChecklistViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.CreateModelMixin, viewsets.GenericViewSet[ChecklistVersion]
):
    """Versions never change: the same content is the same version, and different content is a different one."""

    queryset = ChecklistVersion.objects.order_by("media_type", "name", "-version")
    serializer_class = ChecklistSerializer
    filterset_fields = ("media_type", "name")

    def get_queryset(self) -> QuerySet[ChecklistVersion]:
        return ChecklistVersion.objects.order_by("media_type", "name", "-version")

    def get_permissions(self) -> list[BasePermission]:
        return [IsAdmin() if self.action == "create" else IsAuthenticated()]

    def get_serializer_class(self) -> type[serializers.BaseSerializer]:
        return ChecklistSerializer if self.action == "list" else ChecklistDetailSerializer

    @extend_schema(
        request=ChecklistFileSerializer,
        responses={200: ChecklistDetailSerializer, 201: ChecklistDetailSerializer},
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Store a checklist file: 201 for a new version, 200 if this content already exists."""
        sent = ChecklistFileSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        values = sent.validated_data
        version, new = services.load_checklist_text(text=values["source"], source=values["name"])
        body = ChecklistDetailSerializer(version, context=self.get_serializer_context()).data
        return Response(body, status=status.HTTP_201_CREATED if new else status.HTTP_200_OK)
