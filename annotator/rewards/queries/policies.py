"""Retraining policies, and where each one stands."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db.models import QuerySet

from annotator.campaigns.models import ChecklistVersion
from annotator.core import figures
from annotator.jobs.models import Job
from annotator.rewards.models import RetrainingPolicy
from annotator.rewards.services import retraining


@dataclass(frozen=True)
class PolicyStatus:
    """How a policy stands.

    ``new`` counts annotations since its last training was asked for. ``last`` is that training's job, and ``under_way``
    the one that has not ended.
    """

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
    """List the policies by checklist and kind."""
    return RetrainingPolicy.objects.select_related("checklist_version", "base", "created_by").order_by(
        "checklist_version__media_type", "checklist_version", "judge"
    )


NEW = "rewards.new-annotations"


def new_annotations(version: ChecklistVersion, judge: str = retraining.PROBE) -> int:
    """Count annotations since the last training of this kind.

    Where there are many, this is what a worker counted seconds ago.
    """
    return int(figures.present(NEW, f"{version.pk}.{judge}"))


def count_new(of: str) -> int:
    """Count new annotations of “checklist version.kind of judge”."""
    version, _dot, judge = of.partition(".")
    return retraining.new_annotations(ChecklistVersion.objects.get(pk=int(version)), judge)


def policy_status(policy: RetrainingPolicy) -> PolicyStatus:
    """Read how a policy stands."""
    version, judge = policy.checklist_version, policy.judge
    return PolicyStatus(
        policy=policy,
        new=new_annotations(version, judge),
        last=retraining.trainings(version, judge).order_by("-created_at").first(),
        under_way=retraining.under_way(version, judge),
    )


@dataclass(frozen=True)
class DefaultStatus:
    """A checklist version without a policy, retrained as the settings say.

    It is retrained ``after`` so many annotations; 0 means never.
    """

    version: ChecklistVersion
    after: int
    promotes: bool
    new: int


def default_statuses() -> list[DefaultStatus]:
    """Read how versions without a policy stand."""
    after, promotes = settings.RETRAIN_AFTER_ANNOTATIONS, settings.RETRAIN_PROMOTES
    return [
        DefaultStatus(version, after, promotes, new_annotations(version))
        for version in retraining.versions_without_policy()
    ]


def versions_in_use() -> QuerySet[ChecklistVersion]:
    """Checklist versions that a campaign asks."""
    return (
        ChecklistVersion.objects.filter(campaigns__isnull=False).distinct().order_by("media_type", "name", "-version")
    )
