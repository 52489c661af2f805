"""Which of two generations of one prompt is preferred: handed out under a lease, kept once per person and pair."""

import uuid
from datetime import timedelta
from itertools import combinations
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from annotator.campaigns.models import (
    AssignmentState,
    Campaign,
    CampaignKind,
    ComparisonPair,
    HumanComparison,
    HumanComparisonChange,
    Preference,
)
from annotator.campaigns.queries.comparisons import annotated, waiting_pairs
from annotator.campaigns.services.lease_lifecycle import (
    LEASES_AT_ONCE,
    enter,
    first_free,
    held_and_lapsed,
    locked,
    open_slot,
    release_expired,
    renew,
    require_changeable,
    skip,
    take_up,
)
from annotator.campaigns.services.pairs import add_pairs
from annotator.core.errors import ProblemError
from annotator.core.transactions import write_last
from annotator.library.models import Item


@transaction.atomic
def lease_next_pair(*, campaign: Campaign, annotator: Any, after: uuid.UUID | None = None) -> HumanComparison | None:
    """Lease the pair to compare next, or None where nothing is left.

    In a campaign of comparisons, it is the first pair that still needs somebody. In a campaign that judges items, it is
    a pair of items of one prompt that this person has annotated there. So a comparison shows nothing that its annotator
    was not given, and the judgments are made before the comparison can color them. See also ``lease_next_item``.

    Raises:
        ConflictError: If the campaign is not open, or this person may not work in it now.
    """
    enter(HumanComparison, campaign, annotator)
    now = timezone.now()
    expires = now + timedelta(seconds=campaign.lease_seconds)
    held, lapsed = held_and_lapsed(HumanComparison, campaign, annotator)
    for comparison in held:
        if comparison.token != after:
            renew(comparison, expires)
            return comparison
    if len(held) >= LEASES_AT_ONCE:
        return None
    queue = waiting_pairs(campaign, annotator)
    taken = first_free(queue, _take)
    if taken is None and campaign.kind == CampaignKind.JUDGING and _offer_own(campaign, annotator):
        taken = first_free(queue, _take)
    if taken is None:
        return None
    comparison = lapsed.get(taken) or _turn(taken, annotator)
    comparison.state, comparison.leased_at, comparison.lease_expires_at = AssignmentState.LEASED, now, expires
    comparison.save()
    return comparison


def _take(queue: QuerySet[ComparisonPair]) -> int | None:
    """Take a slot of the first pair of the queue; its pk, or None."""
    # Finding, locking and counting down in one statement: the ORM would need two.
    found, values = queue.values("pk")[:1].query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE campaigns_comparisonpair SET open_slots = open_slots - 1 WHERE id = ({found}) RETURNING id", values
        )
        row = cursor.fetchone()
    return row[0] if row else None


def _turn(pair: int, annotator: Any) -> HumanComparison:
    # The pair's row is locked by the slot just taken: nobody else is counted in between.
    row = ComparisonPair.objects.annotate(before=Count("comparisons")).get(pk=pair)
    return HumanComparison(pair=row, annotator=annotator, swapped=row.swapped != bool(row.before % 2))


def _offer_own(campaign: Campaign, annotator: Any) -> int:
    """Make pairs of what this person has annotated, where nobody has before; returns how many."""
    done = annotated(campaign, annotator).values("campaign_item__item")
    items = list(Item.objects.filter(pk__in=done).order_by("prompt_id", "pk"))
    known = {frozenset(pair) for pair in campaign.pairs.values_list("first", "second")}
    fresh = [
        (first, second)
        for first, second in combinations(items, 2)
        if first.prompt_id == second.prompt_id and frozenset((first.pk, second.pk)) not in known
    ]
    return add_pairs(campaign=campaign, pairs=fresh, seed=campaign.pk) if fresh else 0


@transaction.atomic
def record_comparison(
    *, token: uuid.UUID, annotator: Any, preference: str, much_better: bool = False, milliseconds: int = 0
) -> HumanComparison:
    """Save one's own preference.

    Saving again replaces the preference until the campaign is closed. The history keeps both.

    Args:
        much_better: Whether the preferred item is much better; only in campaigns that ask for it.

    Raises:
        HumanComparison.DoesNotExist: If it is not this person's.
        ProblemError: For no preference, or a strength where none is asked for or neither item is preferred (code
            ``no_strength``).
        ConflictError: If it can no longer be given (code ``closed``, ``skipped``, ``lease_expired``).
    """
    if preference not in Preference.values:
        raise ProblemError(_("The preference must be left, right, or tie."), code="no_preference")
    comparison = locked(HumanComparison, token, annotator)
    require_changeable(comparison)
    if much_better:
        _require_strength(comparison, preference)
    same = (comparison.preference, comparison.much_better) == (preference, much_better)
    if same and comparison.state == AssignmentState.SUBMITTED:
        return comparison  # a double click
    first_time = comparison.state != AssignmentState.SUBMITTED
    comparison.preference, comparison.much_better = preference, much_better
    comparison.milliseconds = max(milliseconds, 0)
    comparison.state = AssignmentState.SUBMITTED
    comparison.submitted_at = comparison.submitted_at or timezone.now()
    comparison.save()
    HumanComparisonChange.objects.create(
        comparison=comparison,
        preference=preference,
        much_better=much_better,
        milliseconds=comparison.milliseconds,
    )
    if first_time:
        write_last("UPDATE campaigns_comparisonpair SET submitted = submitted + 1 WHERE id = %s", [comparison.pair_id])
    return comparison


def _require_strength(comparison: HumanComparison, preference: str) -> None:
    if not comparison.campaign.asks_strength:
        raise ProblemError(
            _("This campaign does not ask how much better an item is. Leave out “much better”."), code="no_strength"
        )
    if preference == Preference.TIE:
        raise ProblemError(
            _("“Much better” needs a preferred item. Choose left or right, or leave it out."), code="no_strength"
        )


@transaction.atomic
def skip_comparison(*, token: uuid.UUID, annotator: Any, reason: str, note: str = "") -> HumanComparison:
    """Leave a pair with a reason; somebody else gets it."""
    comparison, before = skip(HumanComparison, token, annotator, reason=reason, note=note)
    if before == AssignmentState.LEASED:
        open_slot(comparison)
    return comparison


@transaction.atomic
def take_up_pair_again(*, token: uuid.UUID, annotator: Any) -> HumanComparison:
    """Open one's own skipped or expired pair again while it needs somebody."""
    comparison = locked(HumanComparison, token, annotator)
    if comparison.state in (AssignmentState.SKIPPED, AssignmentState.EXPIRED):
        take_up(comparison)
    return comparison


def release_expired_pairs(*, now: Any = None, limit: int = 1000) -> int:
    """Give back the slots of pairs whose leases ran out. Returns how many."""
    return release_expired(HumanComparison, now=now, limit=limit)
