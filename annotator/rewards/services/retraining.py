"""A dataset that grows asks for a new candidate by itself. Nothing is promoted unless the gate is set to."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Max

from annotator.campaigns.models import Assignment, Campaign, ChecklistVersion, that_count
from annotator.jobs.models import Job
from annotator.rewards.models import RewardModel, RewardModelState, Snapshot
from annotator.rewards.services.training import TRAIN_TASK, request_training


def retrain_when_grown() -> list[Job]:
    """Ask for a training for each checklist version with RETRAIN_AFTER_ANNOTATIONS new submitted annotations since
    the last one was asked for. Returns the jobs; none where the setting is 0."""
    enough = settings.RETRAIN_AFTER_ANNOTATIONS
    if enough <= 0:
        return []
    jobs = []
    for version in ChecklistVersion.objects.filter(campaigns__isnull=False).distinct():
        if new_annotations(version) >= enough:
            campaigns = Campaign.objects.filter(
                checklist_version=version, campaign_items__submitted__gt=0
            ).select_related("checklist_version")
            jobs.append(
                request_training(
                    campaigns=campaigns.distinct(),
                    **_as_before(version),
                    promote=settings.RETRAIN_PROMOTES,
                    score_after=settings.RETRAIN_PROMOTES,
                    automatic=True,
                )
            )
    return jobs


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


def new_annotations(version: ChecklistVersion) -> int:
    """Annotations of this checklist version that count, submitted since a training on it was last asked for."""
    submitted = Assignment.objects.filter(that_count(), campaign_item__campaign__checklist_version=version)
    since = last_asked(version)
    return submitted.filter(submitted_at__gt=since).count() if since else submitted.count()


def last_asked(version: ChecklistVersion) -> datetime | None:
    """When a snapshot of this version was last made or a training asked for. A training that failed counts as well:
    the same data would fail again."""
    snapshot = Snapshot.objects.filter(checklist_version=version).aggregate(last=Max("created_at"))["last"]
    asked = Job.objects.filter(kind=TRAIN_TASK, params__checklist_version=version.pk)
    job = asked.aggregate(last=Max("created_at"))["last"]
    return max((moment for moment in (snapshot, job) if moment is not None), default=None)
