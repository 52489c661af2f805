"""Reads of dataset versions and of the campaigns they come from."""

from __future__ import annotations

from django.db.models import Case, Count, IntegerField, Max, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce

from annotator.campaigns.models import Campaign, CampaignKind
from annotator.datasets.models import DatasetVersion
from annotator.datasets.queries.annotations import exported_annotations, exported_comparisons
from annotator.jobs.models import Job, JobState
from annotator.trust.queries import ConsensusMethod

EXPORT_TASK = "datasets.export"


def versions() -> QuerySet[DatasetVersion]:
    return DatasetVersion.objects.select_related("campaign__checklist_version", "created_by").order_by("-created_at")


def campaigns_to_export() -> QuerySet[Campaign]:
    """All campaigns, the most recent first.

    Each with the ``annotations`` (or comparisons) that an export would hold, and its ``newest`` version.
    """
    compared = (
        exported_comparisons(OuterRef("pk"))
        .order_by().values("pair__campaign").annotate(n=Count("pk")).values("n")
    )  # fmt: skip
    counted = (
        exported_annotations(OuterRef("pk"))
        .order_by().values("campaign_item__campaign").annotate(n=Count("pk")).values("n")
    )  # fmt: skip
    return (
        Campaign.objects.select_related("checklist_version")
        .annotate(
            annotations=Case(
                When(kind=CampaignKind.COMPARING, then=Coalesce(Subquery(compared), Value(0))),
                default=Coalesce(Subquery(counted), Value(0)),
                output_field=IntegerField(),
            ),
            newest=Max("dataset_versions__version"),
        )
        .order_by("-created_at")
    )


def export_job(campaign: Campaign) -> Job | None:
    """The last export of a campaign, while it runs or where it did not end well."""
    job = Job.objects.filter(kind=EXPORT_TASK, params__campaign=campaign.pk).order_by("-created_at").first()
    return None if job is None or job.state == JobState.SUCCEEDED else job


def last_consensus(campaign: Campaign) -> str:
    """What the newest version of a campaign was made by; the majority where there is none."""
    newest = DatasetVersion.objects.filter(campaign=campaign).order_by("-version").first()
    return str(newest.manifest.get("consensus", ConsensusMethod.MAJORITY)) if newest else ConsensusMethod.MAJORITY


def consensus_name(version: DatasetVersion) -> str:
    """How the answers of several people became one in this version, for people."""
    method = version.manifest.get("consensus", ConsensusMethod.MAJORITY)
    if version.manifest.get("kind") == "comparisons":
        return ""
    return str(ConsensusMethod(method).label) if method in ConsensusMethod.values else str(method)
