"""Reads of dataset versions and of the campaigns they come from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery

from annotator.campaigns.models import (
    Assignment,
    AssignmentState,
    Campaign,
    CampaignKind,
    HumanComparison,
    that_count,
)
from annotator.core import figures
from annotator.datasets.models import DatasetVersion
from annotator.jobs.models import Job, JobState
from annotator.trust.queries import ConsensusMethod

if TYPE_CHECKING:
    from annotator.datasets.annotated import ExportableCampaign

EXPORT_TASK = "datasets.export"
COUNTS = "datasets.annotations"


def versions() -> QuerySet[DatasetVersion]:
    """List dataset versions with what a list of them shows."""
    return DatasetVersion.objects.select_related("campaign__checklist_version", "created_by").order_by("-created_at")


def campaigns_to_export() -> QuerySet[Campaign]:
    """List all campaigns with their ``newest`` version, the most recent first."""
    newest = DatasetVersion.objects.filter(campaign=OuterRef("pk")).order_by("-version").values("version")[:1]
    return (
        Campaign.objects.select_related("checklist_version")
        .annotate(newest=Subquery(newest, output_field=IntegerField()))
        .order_by("-created_at")
    )


def with_annotations(campaigns: Iterable[Campaign]) -> list[ExportableCampaign]:
    """Give each campaign the number of ``annotations`` an export would hold.

    For campaigns of comparisons, it is the number of comparisons. Where there are many, it is what a worker counted
    seconds ago.

    Args:
        campaigns: Rows of ``campaigns_to_export``.
    """
    counts: dict[int, int] = figures.present(COUNTS)
    found = cast("list[ExportableCampaign]", list(campaigns))
    for campaign in found:
        campaign.annotations = counts.get(campaign.pk, 0)
    return found


def count_annotations(_of: str) -> dict[int, int]:
    """Count what an export of each campaign would hold."""
    counted = Assignment.objects.filter(that_count()).order_by().values_list("campaign_item__campaign")
    compared = HumanComparison.objects.filter(state=AssignmentState.SUBMITTED).order_by().values_list("pair__campaign")
    compared = compared.filter(pair__campaign__kind=CampaignKind.COMPARING)
    return dict(counted.annotate(n=Count("pk"))) | dict(compared.annotate(n=Count("pk")))


def export_job(campaign: Campaign) -> Job | None:
    """Find a campaign's last export, unless it ended well."""
    job = Job.objects.filter(kind=EXPORT_TASK, params__campaign=campaign.pk).order_by("-created_at").first()
    return None if job is None or job.state == JobState.SUCCEEDED else job


def last_consensus(campaign: Campaign) -> str:
    """Read the consensus method of a campaign's newest version.

    A campaign without a version has the majority.
    """
    newest = DatasetVersion.objects.filter(campaign=campaign).order_by("-version").first()
    return str(newest.manifest.get("consensus", ConsensusMethod.MAJORITY)) if newest else ConsensusMethod.MAJORITY


def consensus_name(version: DatasetVersion) -> str:
    """Name the consensus method of a version for people."""
    method = version.manifest.get("consensus", ConsensusMethod.MAJORITY)
    if version.manifest.get("kind") == "comparisons":
        return ""
    return str(ConsensusMethod(method).label) if method in ConsensusMethod.values else str(method)
