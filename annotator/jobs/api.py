"""Jobs for programs: look, and cancel."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.core.api import person_field
from annotator.core.errors import NotAllowedError
from annotator.jobs import queries, services
from annotator.jobs.models import Job


class JobSerializer(serializers.ModelSerializer[Job]):
    title = serializers.CharField(source="name", read_only=True)
    stage = serializers.CharField(source="stage_name", read_only=True)
    fraction = serializers.FloatField(read_only=True, allow_null=True, help_text="Of the current stage, 0..1.")
    rate_per_second = serializers.FloatField(read_only=True, allow_null=True)
    result = serializers.JSONField(
        source="shown_result", read_only=True, help_text="The result; null until the job has succeeded."
    )
    requested_by = person_field()

    class Meta:
        model = Job
        fields = (
            "id", "kind", "title", "queue", "state", "stage", "done", "total", "fraction", "rate_per_second",
            "result", "error", "attempts", "requested_by", "created_at", "started_at", "finished_at",
        )  # fmt: skip
        read_only_fields = fields


class JobViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Job]):
    queryset = Job.objects.none()
    serializer_class = JobSerializer
    filterset_fields = ("state", "kind", "queue")

    def get_queryset(self) -> QuerySet[Job]:
        return queries.visible_jobs(self.request.user)

    @extend_schema(request=None, responses=JobSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: Any = None) -> Response:
        """Cancel the job."""
        job = self.get_object()
        if not job.is_finished and not queries.may_cancel(request.user, job):
            raise NotAllowedError(gettext("Only an admin or the person who requested this job can cancel it."))
        return Response(JobSerializer(services.request_cancel(job=job)).data)
