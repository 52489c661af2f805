"""Retraining policies: made, changed and deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from annotator.campaigns.models import ChecklistVersion
from annotator.core.errors import ConflictError, ProblemError
from annotator.rewards import judges
from annotator.rewards.models import BaseModel, RetrainingPolicy

BASE = "base"
LAST_HOUR = 23


def create_policy(
    *, checklist_version: ChecklistVersion, judge: str, by: Any = None, **values: Any
) -> RetrainingPolicy:
    """Set when a kind is retrained on a checklist version.

    ``values`` are as :func:`change_policy` takes them.

    Raises:
        ConflictError: If there is a policy for the two.
        ProblemError: If values are out of range.
    """
    policy = RetrainingPolicy(checklist_version=checklist_version, judge=judge, created_by=by)
    try:
        with transaction.atomic():
            return change_policy(policy=policy, **values)
    except IntegrityError as error:
        raise ConflictError(
            gettext("A retraining policy for %(judge)s on %(checklist_version)s already exists. Change that one.")
            % {"judge": judge, "checklist_version": checklist_version},
            code="policy_exists",
            field="judge",
        ) from error


def change_policy(
    *,
    policy: RetrainingPolicy,
    judge_settings: Mapping[str, Any] | None = None,
    enabled: bool | None = None,
    after_annotations: int | None = None,
    nightly_hour: int | None = None,
    promotes: bool | None = None,
) -> RetrainingPolicy:
    """Set when, with which settings and whether it promotes.

    With None for both moments, it is trained by hand only.

    Args:
        judge_settings: The kind's own, checked by it; its base model, where it has one, is among them. None leaves
            them, ``enabled`` and ``promotes`` as they are.

    Raises:
        ProblemError: Naming the field.
    """
    kind = judges.kind_of(policy.judge)
    if after_annotations is not None and after_annotations < 1:
        raise ProblemError(
            gettext("At least one new annotation is required."), code="policy", field="after_annotations"
        )
    if nightly_hour is not None and not 0 <= nightly_hour <= LAST_HOUR:
        raise ProblemError(gettext("The hour must be a number from 0 to 23."), code="policy", field="nightly_hour")
    given = policy.judge_settings if judge_settings is None else judge_settings
    policy.judge_settings = kind.check_settings(given, policy.checklist_version.media_type)
    policy.base = _base(policy.judge_settings)
    policy.enabled = policy.enabled if enabled is None else enabled
    policy.promotes = policy.promotes if promotes is None else promotes
    policy.after_annotations, policy.nightly_hour, policy.problem = after_annotations, nightly_hour, ""
    policy.save()
    return policy


def _base(chosen: Mapping[str, Any]) -> BaseModel | None:
    """The base model that the settings name: kept as a reference, so that it is not deleted from under the policy."""
    pk = chosen.get(BASE)
    return BaseModel.objects.filter(pk=pk).first() if isinstance(pk, int) else None


def delete_policy(*, policy: RetrainingPolicy) -> None:
    """Retrain no longer by this policy. For the probe, the platform's settings hold again."""
    policy.delete()
