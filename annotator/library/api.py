"""The library for programs: items, prompts, generators; imports by upload."""

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.accounts.roles import IsAdmin, IsReviewer
from annotator.core.api import StrictMultiPartParser, person_field
from annotator.jobs.api import JobSerializer
from annotator.library import queries, services
from annotator.library.example import COLUMNS
from annotator.library.filters import ItemFilter
from annotator.library.forms import ImportForm, default_name
from annotator.library.models import Generator, ImportBatch, ImportProblem, Item, Prompt


class PromptSerializer(serializers.ModelSerializer[Prompt]):
    item_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = Prompt
        fields = ("id", "text", "item_count", "created_at")
        read_only_fields = fields


class GeneratorSerializer(serializers.ModelSerializer[Generator]):
    item_count = serializers.IntegerField(read_only=True)
    parameters = serializers.DictField(read_only=True)

    class Meta:
        model = Generator
        fields = ("id", "name", "version", "parameters", "item_count", "created_at")
        read_only_fields = fields


class ItemPromptSerializer(serializers.ModelSerializer[Prompt]):
    class Meta:
        model = Prompt
        fields = ("id", "text")
        read_only_fields = fields


class ItemGeneratorSerializer(serializers.ModelSerializer[Generator]):
    parameters = serializers.DictField(read_only=True)

    class Meta:
        model = Generator
        fields = ("id", "name", "version", "parameters")
        read_only_fields = fields


class ItemSerializer(serializers.ModelSerializer[Item]):
    prompt = ItemPromptSerializer(read_only=True)
    generator = ItemGeneratorSerializer(read_only=True)
    extra = serializers.DictField(read_only=True, help_text="Other columns of the manifest.")
    media_url = serializers.SerializerMethodField(
        help_text=(
            "What people and judges see: the file itself, or its normalized view if browsers would "
            "show the file differently."
        )
    )
    original_url = serializers.SerializerMethodField(help_text="The file as imported; `sha256` is its hash.")
    thumbnail_url = serializers.SerializerMethodField()

    class Meta:
        model = Item
        fields = (
            "id", "media_type", "prompt", "generator", "sha256", "mime_type", "size_bytes", "width", "height",
            "duration_ms", "frame_rate", "frame_count", "source", "license", "external_id", "file_name", "extra",
            "batch", "media_url", "original_url", "thumbnail_url", "created_at",
        )  # fmt: skip
        read_only_fields = fields

    def _url(self, name: str, item: Item) -> str:
        url = reverse(name, args=[item.pk])
        request = self.context.get("request")
        return request.build_absolute_uri(url) if request else url

    @extend_schema_field(serializers.URLField)
    def get_media_url(self, item: Item) -> str:
        return self._url("library:media", item)

    @extend_schema_field(serializers.URLField)
    def get_original_url(self, item: Item) -> str:
        return self._url("library:original", item)

    @extend_schema_field(serializers.URLField)
    def get_thumbnail_url(self, item: Item) -> str:
        return self._url("library:thumbnail", item)


class ImportProblemSerializer(serializers.ModelSerializer[ImportProblem]):
    class Meta:
        model = ImportProblem
        fields = ("row", "file", "field", "code", "message")
        read_only_fields = fields


class ImportBatchSerializer(serializers.ModelSerializer[ImportBatch]):
    imported_by = person_field()
    job = JobSerializer(read_only=True, allow_null=True)

    class Meta:
        model = ImportBatch
        fields: tuple[str, ...] = (
            "id", "name", "job", "imported_by", "rows", "imported", "duplicates", "rejected", "created_at",
            "finished_at",
        )  # fmt: skip
        read_only_fields = fields


class ImportBatchDetailSerializer(ImportBatchSerializer):
    """Includes its first problems; the whole list is under ``problems/``."""

    FIRST = 100

    problems = serializers.SerializerMethodField()

    class Meta(ImportBatchSerializer.Meta):
        fields = (*ImportBatchSerializer.Meta.fields, "problems")
        read_only_fields = fields

    @extend_schema_field(ImportProblemSerializer(many=True))
    def get_problems(self, batch: ImportBatch) -> list[dict[str, Any]]:
        return list(ImportProblemSerializer(queries.problems_of(batch)[: self.FIRST], many=True).data)


class ImportRequestSerializer(serializers.Serializer[Any]):
    """The fields of the import page."""

    upload = serializers.FileField(help_text="A ZIP archive.")
    manifest = serializers.FileField(required=False, help_text="CSV or JSONL; default: taken from the archive.")
    name = serializers.CharField(required=False, max_length=200)
    generator = serializers.CharField(required=False, max_length=200, help_text="For rows without a value.")
    generator_version = serializers.CharField(required=False, max_length=100, help_text="For rows without a value.")
    source = serializers.CharField(required=False, max_length=300, help_text="For rows without a value.")
    license = serializers.CharField(required=False, max_length=200, help_text="For rows without a value.")

    def get_fields(self) -> dict[str, serializers.Field]:
        fields = super().get_fields()
        for column, _label, _help in COLUMNS:
            fields[f"column_{column}"] = serializers.CharField(
                required=False, max_length=200, help_text=f"The manifest's name for the column {column}."
            )
        return fields


class PromptViewSet(viewsets.ReadOnlyModelViewSet[Prompt]):
    queryset = Prompt.objects.none()
    serializer_class = PromptSerializer
    permission_classes = (IsReviewer,)

    def get_queryset(self) -> QuerySet[Prompt]:
        return queries.prompts()


class GeneratorViewSet(viewsets.ReadOnlyModelViewSet[Generator]):
    queryset = Generator.objects.none()
    serializer_class = GeneratorSerializer
    permission_classes = (IsReviewer,)
    filterset_fields = ("name", "version")

    def get_queryset(self) -> QuerySet[Generator]:
        return queries.generators()


class ItemViewSet(viewsets.ReadOnlyModelViewSet[Item]):
    """Items with all their data. Not for annotators, who judge without knowing the generator."""

    queryset = Item.objects.none()
    serializer_class = ItemSerializer
    permission_classes = (IsReviewer,)
    filterset_class = ItemFilter

    def get_queryset(self) -> QuerySet[Item]:
        return queries.items_for(self.request.user)


class ImportViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.CreateModelMixin, viewsets.GenericViewSet[ImportBatch]
):
    queryset = ImportBatch.objects.none()
    serializer_class = ImportBatchSerializer
    parser_classes = (StrictMultiPartParser,)

    def get_queryset(self) -> QuerySet[ImportBatch]:
        return queries.batches()

    def get_permissions(self) -> list[BasePermission]:
        return [IsAdmin() if self.action == "create" else IsReviewer()]

    def get_serializer_class(self) -> type[serializers.BaseSerializer]:
        return ImportBatchDetailSerializer if self.action == "retrieve" else ImportBatchSerializer

    @extend_schema(request={"multipart/form-data": ImportRequestSerializer}, responses={202: ImportBatchSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Upload an archive. A job imports it; poll the import for progress."""
        form = ImportForm(request.data, request.FILES)
        if not form.is_valid():
            raise serializers.ValidationError(form.errors.get_json_data())
        data = form.cleaned_data
        batch = services.start_import(
            upload=data["upload"],
            manifest=data["manifest"] or None,
            name=data["name"] or default_name(data["upload"]),
            options=form.options(),
            requested_by=request.user,
        )
        location = request.build_absolute_uri(reverse("api-import-detail", args=[batch.pk]))
        body = ImportBatchSerializer(batch, context=self.get_serializer_context()).data
        return Response(body, status=status.HTTP_202_ACCEPTED, headers={"Location": location})

    @extend_schema(responses=ImportProblemSerializer(many=True))
    @action(detail=True, methods=["get"])
    def problems(self, request: Request, pk: Any = None) -> Response:
        """Every rejected row of an import."""
        page = self.paginate_queryset(queries.problems_of(self.get_object()))
        return self.get_paginated_response(ImportProblemSerializer(page, many=True).data)
