"""Prompt sets for programs: make, look, download."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

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
from annotator.core.api import StrictMultiPartParser, person_field
from annotator.generations import queries, services
from annotator.generations.models import PromptSet, PromptSetMember
from annotator.generations.prompts import KINDS, PromptList, from_texts, read_prompts

if TYPE_CHECKING:
    from annotator.generations.annotated import MadePromptSet

CONTENT_TYPES = {"txt": "text/plain", "jsonl": "application/jsonl"}


class PromptSetSerializer(serializers.ModelSerializer[PromptSet]):
    prompt_count = serializers.IntegerField(read_only=True)
    generations = serializers.IntegerField(read_only=True, help_text="Generation sets that use it.")
    created_by = person_field()

    class Meta:
        model = PromptSet
        fields: tuple[str, ...] = (
            "id", "name", "description", "prompt_count", "generations", "created_by", "created_at",
        )  # fmt: skip
        read_only_fields = fields


class RowNoteSerializer(serializers.Serializer[Any]):
    row = serializers.IntegerField(help_text="Starts at 1; for a table, after its header.")
    code = serializers.CharField()
    message = serializers.CharField()


class MadePromptSetSerializer(PromptSetSerializer):
    """Includes the rows without a usable prompt."""

    left_out = RowNoteSerializer(many=True, read_only=True)

    class Meta(PromptSetSerializer.Meta):
        fields = (*PromptSetSerializer.Meta.fields, "left_out")
        read_only_fields = fields


class PromptSetRequestSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=200)
    description = serializers.CharField(required=False, allow_blank=True, max_length=2000, default="")
    prompts = serializers.ListField(child=serializers.CharField(allow_blank=True), max_length=50_000)
    leave_out = serializers.BooleanField(default=False, help_text="Leave out prompts that cannot be used.")


class PromptFileSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=200)
    description = serializers.CharField(required=False, allow_blank=True, max_length=2000, default="")
    file = serializers.FileField()
    kind = serializers.ChoiceField(choices=KINDS, default="txt")
    column = serializers.CharField(required=False, allow_blank=True, max_length=200, default="")
    leave_out = serializers.BooleanField(default=False, help_text="Leave out rows that cannot be used.")


class MemberSerializer(serializers.ModelSerializer[PromptSetMember]):
    id = serializers.IntegerField(source="prompt_id", read_only=True, help_text="Of the prompt.")
    text = serializers.CharField(source="prompt.text", read_only=True)

    class Meta:
        model = PromptSetMember
        fields = ("id", "position", "text")
        read_only_fields = fields


class PromptSetViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, viewsets.GenericViewSet[PromptSet]
):
    queryset = PromptSet.objects.none()
    serializer_class = PromptSetSerializer
    filterset_fields = ("name",)

    def get_queryset(self) -> QuerySet[PromptSet]:
        return queries.prompt_sets()

    def get_permissions(self) -> list[BasePermission]:
        return [IsAdmin() if self.action in ("create", "upload", "destroy") else IsReviewer()]

    @extend_schema(request=PromptSetRequestSerializer, responses={201: MadePromptSetSerializer})
    def create(self, request: Request) -> Response:
        """Create a set from these texts. Repeated and empty ones are left out and listed."""
        asked = PromptSetRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return self._made(request, asked.validated_data, from_texts(asked.validated_data["prompts"]))

    @extend_schema(request={"multipart/form-data": PromptFileSerializer}, responses={201: MadePromptSetSerializer})
    @action(detail=False, methods=["post"], parser_classes=(StrictMultiPartParser,), filterset_fields=())
    def upload(self, request: Request) -> Response:
        """Create a set from a file: text with one prompt per line, a CSV table, or JSON Lines."""
        asked = PromptFileSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        data = asked.validated_data
        return self._made(request, data, read_prompts(data["file"].read(), data["kind"], data["column"]))

    def _made(self, request: Request, data: dict[str, Any], found: PromptList) -> Response:
        made = services.import_prompts(
            name=data["name"],
            description=data["description"],
            found=found,
            leave_out=data["leave_out"],
            created_by=request.user,
        )
        notes = sorted([*found.left_out, *found.unusable], key=lambda note: note.row)
        one = cast("MadePromptSet", self.get_queryset().get(pk=made.pk))
        one.left_out = notes
        location = request.build_absolute_uri(reverse("api-prompt-set-detail", args=[made.pk]))
        body = MadePromptSetSerializer(one).data
        return Response(body, status=status.HTTP_201_CREATED, headers={"Location": location})

    def perform_destroy(self, instance: PromptSet) -> None:
        services.delete_prompt_set(prompt_set=instance)

    @extend_schema(responses=MemberSerializer(many=True))
    @action(detail=True, methods=["get"], filterset_fields=())
    def prompts(self, request: Request, pk: Any = None) -> Response:
        """The prompts in order, page by page."""
        page = self.paginate_queryset(queries.members(self.get_object()))
        return self.get_paginated_response(MemberSerializer(page, many=True).data)

    @extend_schema(
        parameters=[OpenApiParameter("kind", str, OpenApiParameter.PATH, enum=[*CONTENT_TYPES])],
        responses={(200, content_type): OpenApiTypes.BINARY for content_type in CONTENT_TYPES.values()},
    )
    @action(
        detail=True,
        methods=["get"],
        url_path="download/(?P<kind>txt|jsonl)",
        filterset_fields=(),
        pagination_class=None,
    )
    def download(self, request: Request, pk: Any = None, kind: str = "") -> HttpResponseBase:
        """All prompts as one file: one per line, or JSON Lines."""
        found = self.get_object()
        headers = {"Content-Disposition": f'attachment; filename="prompts-{found.pk}.{kind}"'}
        content_type = CONTENT_TYPES[kind] + ("; charset=utf-8" if kind == "txt" else "")
        return StreamingHttpResponse(queries.written(found, kind), content_type=content_type, headers=headers)
