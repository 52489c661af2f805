"""Which annotations an export takes, and what it would hold now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max, OuterRef, Q, QuerySet

from annotator.campaigns.models import Assignment, AssignmentState, Campaign, CampaignKind, Comparison, that_count


def exported_annotations(campaign: Campaign | int | OuterRef) -> QuerySet[Assignment]:
    """The submitted annotations that count: none a reviewer has put aside, no qualification
    tests, no items that were taken out."""
    return Assignment.objects.filter(that_count(), campaign_item__campaign=campaign)


def exported_comparisons(campaign: Campaign | int | OuterRef) -> QuerySet[Comparison]:
    """The submitted comparisons of a campaign."""
    return Comparison.objects.filter(pair__campaign=campaign, state=AssignmentState.SUBMITTED)


@dataclass(frozen=True)
class ExportPreview:
    """``annotations``: comparisons in a campaign that compares; ``items`` its pairs there."""

    annotations: int
    items: int
    annotators: int
    synthetic: int
    last_submitted: object | None
    licences: list[tuple[str, int]]


def preview(campaign: Campaign) -> ExportPreview:
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
        return ExportPreview(**counts, licences=[])
    licences = (
        found.order_by().values_list("campaign_item__item__licence")
        .annotate(n=Count("campaign_item__item", distinct=True)).order_by("-n", "campaign_item__item__licence")
    )  # fmt: skip
    return ExportPreview(**counts, licences=list(licences))
