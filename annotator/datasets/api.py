"""Datasets for programs: export a campaign, look at versions, download files."""

from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import reverse
from django.utils.translation import gettext
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.accounts.reauthentication import ShownLately
from annotator.accounts.roles import IsAdmin, IsReviewer
from annotator.campaigns.models import Campaign
from annotator.core.api import person_field
from annotator.core.api_queries import takes
from annotator.core.downloads import content_type
from annotator.core.errors import ProblemError
from annotator.datasets import downloads, formats, queries, services
from annotator.datasets.formats.splits import SPLITS
from annotator.datasets.models import DatasetVersion
from annotator.jobs.api import JobSerializer
from annotator.trust.queries import ConsensusMethod


class FileSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    bytes = serializers.IntegerField()
    sha256 = serializers.CharField()
    rows = serializers.IntegerField(allow_null=True)


class DatasetVersionSerializer(serializers.ModelSerializer[DatasetVersion]):
    files = FileSerializer(many=True, read_only=True)
    manifest = serializers.DictField(read_only=True)
    created_by = person_field()

    class Meta:
        model = DatasetVersion
        fields = ("id", "campaign", "version", "annotations", "items", "files", "manifest", "job", "created_by",
                  "created_at")  # fmt: skip
        read_only_fields = fields


class ExportRequestSerializer(serializers.Serializer[Any]):
    campaign = serializers.PrimaryKeyRelatedField(queryset=Campaign.objects.all())
    consensus = serializers.ChoiceField(
        choices=ConsensusMethod.choices,
        default=ConsensusMethod.MAJORITY,
        help_text="How several people's answers become the consensus level.",
    )


class DatasetViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[DatasetVersion]):
    queryset = DatasetVersion.objects.none()
    serializer_class = DatasetVersionSerializer
    filterset_fields = ("campaign", "version", "job")

    def get_queryset(self) -> QuerySet[DatasetVersion]:
        return queries.versions()

    def get_permissions(self) -> list[BasePermission]:
        if self.action == "create":
            return [IsAdmin(), ShownLately()]
        return [IsReviewer(), ShownLately()] if self.action in ("file", "zip", "format_") else [IsReviewer()]

    @extend_schema(request=ExportRequestSerializer, responses={202: JobSerializer})
    def create(self, request: Request) -> Response:
        """Export a campaign: its annotations and their consensus, or its comparisons and pairs.

        Returns the job; when it has succeeded, its result names the dataset version.
        """
        asked = ExportRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        job = services.request_export(requested_by=request.user, **asked.validated_data)
        location = request.build_absolute_uri(reverse("api-job-detail", args=[job.pk]))
        return Response(JobSerializer(job).data, status=status.HTTP_202_ACCEPTED, headers={"Location": location})

    @extend_schema(
        parameters=[OpenApiParameter("name", str, OpenApiParameter.PATH)],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    @action(
        detail=True,
        methods=["get"],
        url_path=r"files/(?P<name>[A-Za-z0-9._-]+)",
        filterset_fields=(),
        pagination_class=None,
    )
    def file(self, request: Request, pk: Any = None, name: str = "") -> HttpResponseBase:
        """One file of a version."""
        version = self.get_object()
        recorded = downloads.recorded(version, name)
        if recorded is None:
            names = ", ".join(file["name"] for file in version.files)
            raise ProblemError(
                gettext("There is no file “%(name)s”. Available files: %(names)s.") % {"name": name, "names": names},
                code="no_file",
                status=404,
            )
        path = downloads.whole_file(version, recorded)
        response = FileResponse(path.open("rb"), as_attachment=True, content_type=content_type(name))
        response["ETag"] = f'"{recorded["sha256"]}"'
        return response

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"], filterset_fields=(), pagination_class=None)
    def zip(self, request: Request, pk: Any = None) -> HttpResponseBase:
        """All files of a version as one ZIP."""
        version = self.get_object()
        headers = {"Content-Disposition": f'attachment; filename="{downloads.stem(version)}.zip"'}
        return StreamingHttpResponse(downloads.zipped(version), content_type="application/zip", headers=headers)

    @extend_schema(
        operation_id="datasets_format",
        parameters=[
            OpenApiParameter("name", str, OpenApiParameter.PATH, enum=[*formats.FORMATS]),
            OpenApiParameter(
                "split", str, enum=[*SPLITS], description="Only the rows of this split; not for ZIP archives."
            ),
        ],
        responses={(200, form.content_type.split(";")[0]): OpenApiTypes.BINARY for form in formats.FORMATS.values()},
    )
    @action(
        detail=True, methods=["get"], url_path=r"formats/(?P<name>[a-z-]+)", filterset_fields=(), pagination_class=None
    )
    @takes("split")
    def format_(self, request: Request, pk: Any = None, name: str = "") -> HttpResponseBase:
        """A version in a format that other tools take, made while it is sent."""
        form, file_name, content = formats.export(self.get_object(), name, request.query_params.get("split", ""))
        headers = {"Content-Disposition": f'attachment; filename="{file_name}"'}
        return StreamingHttpResponse(content, content_type=form.content_type, headers=headers)
