"""Retraining by itself: which kind of judge is trained anew on a checklist's annotations, and when.

A policy says it for one kind on one checklist version. Where the probe has none, the settings RETRAIN_AFTER_ANNOTATIONS
and RETRAIN_PROMOTES hold. All of it follows from what is in the database, the jobs that were asked for included: the
scheduler may tick as often as it likes, twice at once, or be down for hours.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import BigIntegerField, Max, Q, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.translation import gettext

from annotator.campaigns.models import Assignment, Campaign, ChecklistVersion, that_count
from annotator.core.errors import ProblemError
from annotator.jobs.models import FINISHED, Job
from annotator.rewards.models import RetrainingPolicy, RewardModel, RewardModelState, Snapshot
from annotator.rewards.services.training_request import TRAIN_TASK, request_training

logger = logging.getLogger(__name__)

PROBE = "probe"
_LOCK = 0x5E_9158  # advisory lock of the retrainings, one a checklist version


def retrain_when_grown(now: datetime | None = None) -> list[Job]:
    """Ask for the trainings that are due. Returns their jobs.

    A training that cannot be asked for keeps no other one from being asked for: its policy tells the reason.
    """
    now = now or timezone.now()
    jobs = [_by_policy(policy, now) for policy in _enabled_policies()]
    jobs += [_by_settings(version) for version in versions_without_policy()]
    return [job for job in jobs if job is not None]


def _enabled_policies() -> QuerySet[RetrainingPolicy]:
    return RetrainingPolicy.objects.filter(enabled=True).select_related("checklist_version").order_by("pk")


def versions_without_policy() -> QuerySet[ChecklistVersion]:
    """Checklist versions in use whose probe is retrained as the settings say."""
    found = ChecklistVersion.objects.filter(campaigns__isnull=False).exclude(policies__judge=PROBE)
    return found.distinct().order_by("pk")


def _by_policy(policy: RetrainingPolicy, now: datetime) -> Job | None:
    if not is_due(policy, now):
        return None
    try:
        job, asked = _ask(policy.checklist_version, policy.judge, policy.judge_settings, promotes=policy.promotes)
    except ProblemError as problem:
        logger.warning("retraining cannot be asked for: %s", problem.message, extra={"policy": policy.pk})
        _note_problem(policy, problem.message)
        return None
    _note_problem(policy, "")
    return job if asked else None


def _by_settings(version: ChecklistVersion) -> Job | None:
    enough = settings.RETRAIN_AFTER_ANNOTATIONS
    if enough <= 0 or new_annotations(version, PROBE) < enough:
        return None
    try:
        job, asked = _ask(version, PROBE, {}, promotes=settings.RETRAIN_PROMOTES)
    except ProblemError as problem:
        logger.warning("retraining cannot be asked for: %s", problem.message, extra={"checklist": version.pk})
        return None
    return job if asked else None


def _note_problem(policy: RetrainingPolicy, problem: str) -> None:
    # Not through save(): a policy counts as changed when a person changes it.
    RetrainingPolicy.objects.filter(pk=policy.pk).exclude(problem=problem).update(problem=problem)


def is_due(policy: RetrainingPolicy, now: datetime) -> bool:
    """Tell whether an enabled policy asks for a training now.

    Without new annotations it does not: a training that failed on these would fail again, and one that succeeded would
    give the same version.
    """
    new = new_annotations(policy.checklist_version, policy.judge)
    if not new:
        return False
    if policy.after_annotations is not None and new >= policy.after_annotations:
        return True
    if policy.nightly_hour is None:
        return False
    last = last_asked(policy.checklist_version, policy.judge)
    return nightly_is_due(now, policy.nightly_hour, since=policy.updated_at, last=last)


def nightly_is_due(now: datetime, hour: int, *, since: datetime, last: datetime | None) -> bool:
    """Tell whether tonight's training is due.

    It is due where today's hour (0–23, in the zone of ``now``) has come and nothing was trained from then on. So it
    runs once a day however often this is asked. Where nobody asked at that hour, it is made up for later the same day.

    Args:
        since: When the policy was made or changed; an hour that had passed by then waits for the next day.
        last: When a training of this kind was last asked for, for whatever reason.
    """
    moment = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    return since <= moment <= now and (last is None or last < moment)


def retrain_now(*, policy: RetrainingPolicy, by: Any = None) -> tuple[Job, bool]:
    """Request a training as the policy says, by hand.

    Returns (its job, True), or (the job under way, False).

    Raises:
        ProblemError: If nothing has been submitted yet or the settings no longer hold.
    """
    return _ask(
        policy.checklist_version, policy.judge, policy.judge_settings, promotes=policy.promotes, by=by, automatic=False
    )


@transaction.atomic
def _ask(
    version: ChecklistVersion,
    judge: str,
    judge_settings: Mapping[str, Any],
    *,
    promotes: bool,
    by: Any = None,
    automatic: bool = True,
) -> tuple[Job, bool]:
    """(a new training's job, True), or (the one of this kind that is under way, False)."""
    with connection.cursor() as cursor:  # two ticks at once, or a tick and a click, ask one after the other
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK, version.pk % 2**31])
    job = under_way(version, judge)
    if job is not None:
        return job, False
    campaigns = Campaign.objects.filter(checklist_version=version, campaign_items__submitted__gt=0)
    found = list(campaigns.select_related("checklist_version").distinct())
    if not found:
        raise ProblemError(
            gettext("No annotations have been submitted on %(version)s yet. Annotate some items, then try again.")
            % {"version": version},
            code="no_annotations",
        )
    job = request_training(
        campaigns=found,
        **_as_before(version),
        judge=judge,
        settings=judge_settings,
        promote=promotes,
        score_after=promotes,
        automatic=automatic,
        requested_by=by,
    )
    return job, True


def _as_before(version: ChecklistVersion) -> dict[str, Any]:
    """Consensus and comparisons of the promoted version of this checklist: a candidate differs by its data alone."""
    model = RewardModel.objects.filter(checklist_version=version, state=RewardModelState.PROMOTED).first()
    if model is None:
        return {}
    compared = [campaign["id"] for campaign in model.manifest.get("preferences", {}).get("campaigns", [])]
    return {
        "comparisons": Campaign.objects.filter(pk__in=compared),
        **({"consensus": model.snapshot.consensus} if model.snapshot else {}),
    }


def trainings(version: ChecklistVersion, judge: str) -> QuerySet[Job]:
    """Training jobs of a kind on a checklist version, in any state."""
    its = Q(params__judge=judge)
    if judge == PROBE:
        its |= ~Q(params__has_key="judge")  # of before there were kinds
    return Job.objects.filter(its, kind=TRAIN_TASK, params__checklist_version=version.pk)


def under_way(version: ChecklistVersion, judge: str) -> Job | None:
    """Find the training of this kind that has not ended, or None."""
    return trainings(version, judge).exclude(state__in=FINISHED).order_by("created_at").first()


def new_annotations(version: ChecklistVersion, judge: str = PROBE) -> int:
    """Count annotations since the last training of this kind.

    These are annotations of this checklist version that count and were submitted since it was last asked for.
    """
    submitted = Assignment.objects.filter(that_count(), campaign_item__campaign__checklist_version=version)
    since = last_asked(version, judge)
    return submitted.filter(submitted_at__gt=since).count() if since else submitted.count()


def last_asked(version: ChecklistVersion, judge: str = PROBE) -> datetime | None:
    """Find when a training of this kind was last asked for.

    Where it froze its snapshot, which comes later, that moment counts. A training that failed counts as well, since the
    same data would fail again.
    """
    asked = trainings(version, judge)
    frozen = asked.filter(params__has_key="snapshot").annotate(
        snapshot=Cast(KeyTextTransform("snapshot", "params"), BigIntegerField())
    )
    moments = (
        asked.aggregate(last=Max("created_at"))["last"],
        Snapshot.objects.filter(pk__in=frozen.values("snapshot")).aggregate(last=Max("created_at"))["last"],
        # Jobs may have been cleared away; versions stay.
        RewardModel.objects.filter(checklist_version=version, judge=judge).aggregate(last=Max("snapshot__created_at"))[
            "last"
        ],
    )
    return max((moment for moment in moments if moment is not None), default=None)
