"""Retraining policies for programs."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.accounts.roles import IsAdmin, IsReviewer
from annotator.campaigns.models import ChecklistVersion
from annotator.core.api import person_field
from annotator.core.errors import ProblemError
from annotator.jobs.api import JobSerializer
from annotator.rewards import judges, queries, services
from annotator.rewards.models import BaseModel, RetrainingPolicy
from annotator.rewards.services.policies import BASE


class RetrainingPolicySerializer(serializers.ModelSerializer[RetrainingPolicy]):
    """When a kind of judge is retrained on a checklist version. These two cannot be changed later."""

    checklist_version = serializers.PrimaryKeyRelatedField(queryset=ChecklistVersion.objects.all())
    checklist = serializers.StringRelatedField(source="checklist_version", read_only=True)
    base = serializers.PrimaryKeyRelatedField(
        queryset=BaseModel.objects.all(),
        allow_null=True,
        required=False,
        help_text="For kinds that have one; the same as `base` in judge_settings.",
    )
    judge_settings = serializers.DictField(
        required=False, help_text="Settings of the kind; missing ones get their defaults."
    )
    after_annotations = serializers.IntegerField(
        allow_null=True, required=False, min_value=1, max_value=10_000_000, help_text="New annotations; null: never."
    )
    nightly_hour = serializers.IntegerField(
        allow_null=True, required=False, min_value=0, max_value=23, help_text="UTC; null: not nightly."
    )
    new_annotations = serializers.SerializerMethodField(
        help_text="Submitted since a training of this kind was last requested."
    )
    created_by = person_field()

    class Meta:
        model = RetrainingPolicy
        fields = ("id", "checklist_version", "checklist", "judge", "base", "judge_settings", "enabled",
                  "after_annotations", "nightly_hour", "promotes", "new_annotations", "problem", "created_by",
                  "created_at", "updated_at")  # fmt: skip
        read_only_fields = ("problem", "created_at", "updated_at")
        validators: list[Any] = []  # the service says in words where there is one already

    def get_new_annotations(self, policy: RetrainingPolicy) -> int:
        return queries.new_annotations(policy.checklist_version, policy.judge)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if self.instance is not None:
            for name in ("checklist_version", "judge"):
                if name in given and given[name] != getattr(self.instance, name):
                    raise serializers.ValidationError({name: gettext("It cannot be changed. Create another policy.")})
        return given

    def create(self, given: dict[str, Any]) -> RetrainingPolicy:
        values = _with_base(given["judge"], given, given.pop("judge_settings", {}))
        return services.create_policy(by=self.context["request"].user, **values)

    def update(self, policy: RetrainingPolicy, given: dict[str, Any]) -> RetrainingPolicy:
        values = _with_base(policy.judge, given, given.pop("judge_settings", policy.judge_settings))
        values = {name: value for name, value in values.items() if name not in ("checklist_version", "judge")}
        values.setdefault("after_annotations", policy.after_annotations)
        values.setdefault("nightly_hour", policy.nightly_hour)
        return services.change_policy(policy=policy, **values)


def _with_base(judge: str, given: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """The values for the service, with the base model among the kind's own settings."""
    values = {name: value for name, value in given.items() if name != BASE}
    base = given.get(BASE)
    if base is not None and BASE not in judges.kind_of(judge).settings_form.base_fields:
        raise ProblemError(
            gettext("Judges of the kind “%(judge)s” do not use a base model.") % {"judge": judge},
            code="base",
            field=BASE,
        )
    return {**values, "judge_settings": own if base is None else {**own, BASE: base.pk}}


class RetrainingPolicyViewSet(viewsets.ModelViewSet[RetrainingPolicy]):
    queryset = RetrainingPolicy.objects.none()
    serializer_class = RetrainingPolicySerializer
    filterset_fields = ("checklist_version", "judge", "enabled")

    def get_queryset(self) -> QuerySet[RetrainingPolicy]:
        return queries.policies().order_by("pk")

    def get_permissions(self) -> list[BasePermission]:
        return [IsReviewer() if self.action in ("list", "retrieve") else IsAdmin()]

    def perform_destroy(self, instance: RetrainingPolicy) -> None:
        services.delete_policy(policy=instance)

    @extend_schema(request=None, responses={202: JobSerializer})
    @action(detail=True, methods=["post"])
    def retrain(self, request: Request, pk: Any = None) -> Response:
        """Request a training now. If one of this kind is already in progress on this checklist, its job is returned."""
        job, _asked = services.retrain_now(policy=self.get_object(), by=request.user)
        return Response(JobSerializer(job, context=self.get_serializer_context()).data, status=status.HTTP_202_ACCEPTED)
