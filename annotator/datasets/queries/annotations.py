"""Which annotations an export takes, and what it would hold now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max, OuterRef, Q, QuerySet

from annotator.campaigns.models import Assignment, AssignmentState, Campaign, CampaignKind, HumanComparison, that_count
from annotator.core import figures


def exported_annotations(campaign: Campaign | int | OuterRef) -> QuerySet[Assignment]:
    """List the submitted annotations that count.

    Left out are annotations that a reviewer has put aside, qualification tests, and items that were taken out.
    """
    return Assignment.objects.filter(that_count(), campaign_item__campaign=campaign)


def exported_comparisons(campaign: Campaign | int | OuterRef) -> QuerySet[HumanComparison]:
    """List the submitted comparisons of a campaign."""
    return HumanComparison.objects.filter(pair__campaign=campaign, state=AssignmentState.SUBMITTED)


@dataclass(frozen=True)
class ExportPreview:
    """``annotations``: comparisons in a campaign that compares; ``items`` its pairs there."""

    annotations: int
    items: int
    annotators: int
    synthetic: int
    last_submitted: object | None
    licenses: list[tuple[str, int]]


PREVIEW = "datasets.preview"


def preview(campaign: Campaign) -> ExportPreview:
    """Say what an export of the campaign would hold.

    For a large campaign, this is what a worker counted seconds ago.
    """
    found: ExportPreview = figures.present(PREVIEW, campaign.pk)
    return found


def count_preview(pk: int) -> ExportPreview:
    """Count what an export would hold."""
    campaign = Campaign.objects.get(pk=pk)
    compares = campaign.kind == CampaignKind.COMPARING
    found: QuerySet[Any] = exported_comparisons(campaign) if compares else exported_annotations(campaign)
    counts = found.aggregate(
        annotations=Count("pk"),
        items=Count("pair" if compares else "campaign_item__item", distinct=True),
        annotators=Count("annotator", distinct=True),
        synthetic=Count("annotator", distinct=True, filter=Q(annotator__is_synthetic=True)),
        last_submitted=Max("submitted_at"),
    )
    if compares:
        return ExportPreview(**counts, licenses=[])
    licenses = (
        found.order_by().values_list("campaign_item__item__license")
        .annotate(n=Count("campaign_item__item", distinct=True)).order_by("-n", "campaign_item__item__license")
    )  # fmt: skip
    return ExportPreview(**counts, licenses=list(licenses))
