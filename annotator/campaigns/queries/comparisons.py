"""Pairs, who has compared what, and what people preferred."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum
from django.http import Http404
from django.utils.translation import gettext
from numpy.typing import NDArray

from annotator.campaigns.models import (
    Assignment,
    AssignmentState,
    Campaign,
    CampaignKind,
    ComparisonPair,
    HumanComparison,
    Preference,
)
from annotator.campaigns.queries.ahead import leased_ahead
from annotator.core import figures

if TYPE_CHECKING:
    from annotator.campaigns.annotated import CountedCampaign, PairResult

PAIRS, SUMMARY = "campaigns.pairs", "campaigns.comparisons"
SUBMITTED = Q(comparisons__state=AssignmentState.SUBMITTED)


@dataclass(frozen=True)
class Preferences:
    """n comparisons, in the order they were begun.

    ``left``, ``right``: items as they were shown; ``pairs``, ``annotators``, ``prompts``: int64 [n] each.
    ``preferred``: int8 [n], +1 left, −1 right, 0 tie. ``first_preferred``: the same for the pair's first item.
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    preferred: NDArray[np.int8]
    first_preferred: NDArray[np.int8]
    pairs: NDArray[np.int64]
    annotators: NDArray[np.int64]
    prompts: NDArray[np.int64]


def preferences(campaigns: Iterable[Campaign]) -> Preferences:
    """Read what people preferred in these campaigns."""
    rows = list(
        HumanComparison.objects.filter(pair__campaign__in=list(campaigns), state=AssignmentState.SUBMITTED)
        .order_by("pk")
        .values_list("pair", "pair__first", "pair__second", "pair__first__prompt", "annotator", "swapped", "preference")
    )
    sign = {Preference.LEFT: 1, Preference.RIGHT: -1, Preference.TIE: 0}
    numbers = np.array([row[:5] for row in rows], dtype=np.int64).reshape(-1, 5)
    swapped = np.array([row[5] for row in rows], dtype=bool)
    preferred = np.array([sign[Preference(row[6])] for row in rows], dtype=np.int8)
    return Preferences(
        left=np.where(swapped, numbers[:, 2], numbers[:, 1]),
        right=np.where(swapped, numbers[:, 1], numbers[:, 2]),
        preferred=preferred,
        first_preferred=np.where(swapped, -preferred, preferred).astype(np.int8),
        pairs=numbers[:, 0],
        annotators=numbers[:, 4],
        prompts=numbers[:, 3],
    )


def pair_results(campaign: Campaign) -> QuerySet[PairResult]:
    """List the pairs of a campaign with what people said of them.

    Each pair has ``for_first``, ``for_second``, ``ties``, how many said ``much_better``, and how often it was
    ``skipped``, each a number of people.
    """
    first = Q(comparisons__preference=Preference.LEFT, comparisons__swapped=False) | Q(
        comparisons__preference=Preference.RIGHT, comparisons__swapped=True
    )
    second = Q(comparisons__preference=Preference.RIGHT, comparisons__swapped=False) | Q(
        comparisons__preference=Preference.LEFT, comparisons__swapped=True
    )
    return (
        campaign.pairs.select_related("first__prompt", "first__generator", "second__generator")
        .annotate(
            for_first=Count("comparisons", filter=SUBMITTED & first),
            for_second=Count("comparisons", filter=SUBMITTED & second),
            ties=Count("comparisons", filter=SUBMITTED & Q(comparisons__preference=Preference.TIE)),
            much_better=Count("comparisons", filter=SUBMITTED & Q(comparisons__much_better=True)),
            skipped=Count("comparisons", filter=Q(comparisons__state=AssignmentState.SKIPPED)),
        )
        .order_by("pk")
    )


@dataclass(frozen=True)
class ComparisonSummary:
    """What people said in a campaign, in numbers of comparisons.

    ``left_share`` is how often the left item was taken where one was preferred, 0..1 (far from a half, people favor a
    side). ``same_share`` is how often two people say the same of a pair, 0..1. Both are None where nothing can be said
    yet.
    """

    submitted: int
    ties: int
    skipped: int
    left_share: float | None
    same_share: float | None


def comparison_summary(campaign: Campaign) -> ComparisonSummary:
    """Summarize what people said in a campaign.

    For a large campaign, these are the figures a worker counted seconds ago.
    """
    found: ComparisonSummary | None = figures.present(SUMMARY, campaign.pk)
    return found or ComparisonSummary(0, 0, 0, None, None)


def summarize_comparisons(pk: int) -> ComparisonSummary:
    """Count what people said in a campaign."""
    campaign = Campaign.objects.get(pk=pk)
    said = preferences([campaign])
    decided = said.preferred != 0
    skipped = HumanComparison.objects.filter(pair__campaign=campaign, state=AssignmentState.SKIPPED).count()
    return ComparisonSummary(
        submitted=len(said.preferred),
        ties=int((~decided).sum()),
        skipped=skipped,
        left_share=float((said.preferred[decided] == 1).mean()) if decided.any() else None,
        same_share=_same_share(said),
    )


def _same_share(said: Preferences) -> float | None:
    """Of all two people who compared the same pair, the share that said the same."""
    _, index = np.unique(said.pairs, return_inverse=True)
    counts = np.zeros((index.max(initial=-1) + 1, 3), dtype=np.int64)
    np.add.at(counts, (index, said.first_preferred.astype(np.int64) + 1), 1)
    people = counts.sum(axis=1)
    twos = int((people * (people - 1)).sum())
    return float((counts * (counts - 1)).sum() / twos) if twos else None


@dataclass(frozen=True)
class PairProgress:
    """Of a campaign: its ``pairs``, those that are ``complete``; comparisons ``needed`` and ``submitted``."""

    pairs: int = 0
    complete: int = 0
    needed: int = 0
    submitted: int = 0


def pair_progress(campaigns: Iterable[Campaign]) -> dict[int, PairProgress]:
    """Count how far the pairs of campaigns are, by the campaign's pk.

    Campaigns without pairs are not in the result.
    """
    counts: dict[int, PairProgress] = figures.present(PAIRS)
    return {campaign.pk: counts[campaign.pk] for campaign in campaigns if campaign.pk in counts}


def count_all_pairs(_of: str) -> dict[int, PairProgress]:
    """Count the pairs of each campaign that has any."""
    rows = (
        ComparisonPair.objects.order_by()
        .values("campaign")
        .annotate(
            pairs=Count("pk"),
            complete=Count("pk", filter=Q(submitted__gte=F("needed"))),
            all_needed=Sum("needed"),
            all_submitted=Sum("submitted"),
        )
    )
    return {
        row["campaign"]: PairProgress(row["pairs"], row["complete"], row["all_needed"], row["all_submitted"])
        for row in rows
    }


def count_pairs(campaigns: Iterable[CountedCampaign]) -> None:
    """Count pairs and comparisons for campaigns that compare.

    Each campaign gets the counts that ``add_progress`` gives the others.
    """
    comparing = [campaign for campaign in campaigns if campaign.kind == CampaignKind.COMPARING]
    progress = pair_progress(comparing) if comparing else {}
    for campaign in comparing:
        found = progress.get(campaign.pk, PairProgress())
        campaign.items_count, campaign.complete_count = found.pairs, found.complete
        campaign.needed_count, campaign.submitted_count = found.needed, found.submitted


def my_comparison(annotator: Any, token: uuid.UUID) -> HumanComparison:
    """Find a comparison of this person, with what its page shows.

    A comparison of somebody else raises Http404.
    """
    found = (
        HumanComparison.objects.select_related("pair__campaign", "pair__first__prompt", "pair__second")
        .filter(token=token, annotator=annotator)
        .first()
    )
    if found is None:
        raise Http404(gettext("You have no such comparison."))
    return found


def previous_comparison(
    annotator: Any, campaign: Campaign, before: HumanComparison | None = None
) -> HumanComparison | None:
    """Find what this person compared last in the campaign.

    With ``before``, find what they compared last before that one.
    """
    done = HumanComparison.objects.filter(
        annotator=annotator, pair__campaign=campaign, state__in=[AssignmentState.SUBMITTED, AssignmentState.SKIPPED]
    )
    if before is not None:
        done = done.filter(pk__lt=before.pk)
    return done.order_by("-pk").first()


def my_comparisons(annotator: Any, campaign: Campaign) -> QuerySet[HumanComparison]:
    """List what this person compared, skipped or has open, newest first."""
    ahead = [pk for pk, _ in leased_ahead(HumanComparison, campaign.pk, annotator=annotator)]
    return (
        HumanComparison.objects.filter(annotator=annotator, pair__campaign=campaign)
        .exclude(state=AssignmentState.EXPIRED)
        .exclude(pk__in=ahead)
        .select_related("pair__first__prompt", "pair__second")
        .order_by("-pk")
    )


def annotated(campaign: Campaign, annotator: Any) -> QuerySet[Assignment]:
    """What this person has annotated in a campaign."""
    return Assignment.objects.filter(
        annotator=annotator, campaign_item__campaign=campaign, state=AssignmentState.SUBMITTED
    )


def waiting_pairs(campaign: Campaign, annotator: Any) -> QuerySet[ComparisonPair]:
    """List the pairs this person may be given.

    These are the pairs that still need somebody and that this person has not had, or whose lease ran out. In a campaign
    that judges items, they are only pairs of items that this person has annotated there.
    """
    had = HumanComparison.objects.filter(pair=OuterRef("pk"), annotator=annotator).exclude(
        state=AssignmentState.EXPIRED
    )
    queue = ComparisonPair.objects.filter(~Exists(had), campaign=campaign, open_slots__gt=0)
    if campaign.kind == CampaignKind.JUDGING:
        done = annotated(campaign, annotator)
        queue = queue.filter(
            Exists(done.filter(campaign_item__item=OuterRef("first"))),
            Exists(done.filter(campaign_item__item=OuterRef("second"))),
        )
    return queue.order_by("pk")


def pairs_left(annotator: Any, campaign: Campaign) -> int:
    """Count the pairs this person holds or can still be given."""
    held = HumanComparison.objects.filter(annotator=annotator, pair__campaign=campaign, state=AssignmentState.LEASED)
    return held.count() + waiting_pairs(campaign, annotator).count()
