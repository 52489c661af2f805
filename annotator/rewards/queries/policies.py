"""Retraining policies, and where each one stands."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db.models import QuerySet

from annotator.campaigns.models import ChecklistVersion
from annotator.jobs.models import Job
from annotator.rewards.models import RetrainingPolicy
from annotator.rewards.services import retraining


@dataclass(frozen=True)
class PolicyStatus:
    """``new``: annotations since its last training was asked for; ``last``: that training's job, ``under_way``: the
    one that has not ended."""

    policy: RetrainingPolicy
    new: int
    last: Job | None
    under_way: Job | None

    @property
    def missing(self) -> int | None:
        """How many more annotations it waits for; None where their number does not matter."""
        enough = self.policy.after_annotations
        return None if enough is None else max(enough - self.new, 0)


def policies() -> QuerySet[RetrainingPolicy]:
    return RetrainingPolicy.objects.select_related("checklist_version", "base", "created_by").order_by(
        "checklist_version__media_type", "checklist_version", "judge"
    )


def policy_status(policy: RetrainingPolicy) -> PolicyStatus:
    version, judge = policy.checklist_version, policy.judge
    return PolicyStatus(
        policy=policy,
        new=retraining.new_annotations(version, judge),
        last=retraining.trainings(version, judge).order_by("-created_at").first(),
        under_way=retraining.under_way(version, judge),
    )


@dataclass(frozen=True)
class DefaultStatus:
    """A checklist version whose probe is retrained as the settings say: ``after`` so many annotations, 0 for never."""

    version: ChecklistVersion
    after: int
    promotes: bool
    new: int


def default_statuses() -> list[DefaultStatus]:
    after, promotes = settings.RETRAIN_AFTER_ANNOTATIONS, settings.RETRAIN_PROMOTES
    return [
        DefaultStatus(version, after, promotes, retraining.new_annotations(version))
        for version in retraining.versions_without_policy()
    ]


def versions_in_use() -> QuerySet[ChecklistVersion]:
    """Checklist versions that a campaign asks."""
    return (
        ChecklistVersion.objects.filter(campaigns__isnull=False).distinct().order_by("media_type", "name", "-version")
    )
