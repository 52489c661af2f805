"""Which of two generations of one prompt is preferred: handed out under a lease, kept once a person and pair."""

from datetime import timedelta
from itertools import combinations
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, F, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from annotator.campaigns import hooks
from annotator.campaigns.models import (
    AssignmentState,
    Campaign,
    CampaignKind,
    CampaignState,
    Comparison,
    ComparisonChange,
    ComparisonPair,
    Preference,
    SkipReason,
)
from annotator.campaigns.queries.comparisons import annotated, waiting_pairs
from annotator.campaigns.services.leases import LEASES_AT_ONCE, first_free, one_at_a_time, require_room
from annotator.campaigns.services.pairs import add_pairs
from annotator.core.errors import ConflictError, ProblemError
from annotator.core.transactions import write_last
from annotator.library.models import Item


@transaction.atomic
def lease_next_pair(*, campaign: Campaign, annotator: Any, after: int | None = None) -> Comparison | None:
    """The pair to compare next, or None where nothing is left for this person; see ``lease_next_item``.

    In a campaign of comparisons, the first of its pairs that still needs somebody. In one that judges items, pairs of
    items of one prompt that this person has annotated there: so a comparison shows nothing that its annotator was not
    given, and the judgments are made before, not coloured by it.

    Raises ConflictError where the campaign is not open, or this person may not work in it now.
    """
    if campaign.state != CampaignState.OPEN:
        raise ConflictError(
            _("This campaign is %(state)s; no pairs are handed out.") % {"state": campaign.get_state_display().lower()}
        )
    for gate in hooks.gates:
        gate(campaign, annotator)
    one_at_a_time(campaign, annotator)
    now = timezone.now()
    expires = now + timedelta(seconds=campaign.lease_seconds)
    held, lapsed = _own(campaign, annotator)
    for comparison in held:
        if comparison.pk != after:
            comparison.lease_expires_at = expires
            comparison.save(update_fields=["lease_expires_at", "updated_at"])
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


def _turn(pair: int, annotator: Any) -> Comparison:
    # The pair's row is locked by the slot just taken: nobody else is counted in between.
    row = ComparisonPair.objects.annotate(before=Count("comparisons")).get(pk=pair)
    return Comparison(pair=row, annotator=annotator, swapped=row.swapped != bool(row.before % 2))


def _own(campaign: Campaign, annotator: Any) -> tuple[list[Comparison], dict[int, Comparison]]:
    """This person's open leases, the oldest first, and those that ran out, by pair; locked before any pair is."""
    rows = list(
        Comparison.objects.select_for_update(of=("self",))
        .filter(
            annotator=annotator, state__in=[AssignmentState.LEASED, AssignmentState.EXPIRED], pair__campaign=campaign
        )
        .order_by("leased_at", "pk")
    )
    held = [row for row in rows if row.state == AssignmentState.LEASED]
    return held, {row.pair_id: row for row in rows if row.state == AssignmentState.EXPIRED}


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


def _locked(comparison_id: int, annotator: Any) -> Comparison:
    return (
        Comparison.objects.select_for_update(of=("self",))
        .select_related("pair__campaign")
        .get(pk=comparison_id, annotator=annotator)
    )


@transaction.atomic
def record_comparison(*, comparison_id: int, annotator: Any, preference: str, milliseconds: int = 0) -> Comparison:
    """Save one's own preference; again is changing one's mind, until the campaign is closed, and the history is kept.

    Raises Comparison.DoesNotExist where it is not this person's, ProblemError for no preference, ConflictError where
    it can no longer be given (code ``closed``, ``skipped``, ``lease_expired``).
    """
    if preference not in Preference.values:
        raise ProblemError(_("A preference is left, right or tie."), code="no_preference")
    comparison = _locked(comparison_id, annotator)
    _require_changeable(comparison)
    if comparison.preference == preference and comparison.state == AssignmentState.SUBMITTED:
        return comparison  # a double click
    first_time = comparison.state != AssignmentState.SUBMITTED
    comparison.preference, comparison.milliseconds = preference, max(milliseconds, 0)
    comparison.state = AssignmentState.SUBMITTED
    comparison.submitted_at = comparison.submitted_at or timezone.now()
    comparison.save()
    ComparisonChange.objects.create(comparison=comparison, preference=preference, milliseconds=comparison.milliseconds)
    if first_time:
        write_last("UPDATE campaigns_comparisonpair SET submitted = submitted + 1 WHERE id = %s", [comparison.pair_id])
    return comparison


def _require_changeable(comparison: Comparison) -> None:
    campaign = comparison.pair.campaign
    if campaign.state == CampaignState.CLOSED:
        raise ConflictError(
            _("The campaign “%(name)s” has been closed; its answers can no longer be changed.")
            % {"name": campaign.name},
            code="closed",
        )
    if comparison.state == AssignmentState.SKIPPED:
        raise ConflictError(_("You have skipped this pair. Take it up again to answer it."), code="skipped")
    if comparison.state == AssignmentState.EXPIRED and not _retake(comparison):
        raise ConflictError(
            _("The time for this pair ran out and it has been given to somebody else: go on with the next one."),
            code="lease_expired",
        )


@transaction.atomic
def skip_comparison(*, comparison_id: int, annotator: Any, reason: str, note: str = "") -> Comparison:
    """Leave a pair with a reason; somebody else gets it."""
    if reason not in SkipReason.values:
        raise ProblemError(_("Choose why you skip this pair."), code="no_reason")
    comparison = _locked(comparison_id, annotator)
    if comparison.state == AssignmentState.SKIPPED:
        return comparison
    if comparison.state == AssignmentState.SUBMITTED:
        raise ConflictError(_("You have compared this pair; it can be corrected, but not skipped."), code="submitted")
    held = comparison.state == AssignmentState.LEASED
    comparison.state, comparison.skip_reason, comparison.skip_note = AssignmentState.SKIPPED, reason, note.strip()
    comparison.save(update_fields=["state", "skip_reason", "skip_note", "updated_at"])
    if held:
        _give_back(comparison)
    return comparison


@transaction.atomic
def take_up_pair_again(*, comparison_id: int, annotator: Any) -> Comparison:
    """Open a skipped or expired pair of one's own again, while it still needs somebody."""
    comparison = _locked(comparison_id, annotator)
    if comparison.state in (AssignmentState.SKIPPED, AssignmentState.EXPIRED):
        if not _retake(comparison):
            raise ConflictError(_("Others have compared this pair meanwhile; it is not needed any more."), code="taken")
        comparison.skip_reason = comparison.skip_note = ""
        comparison.save(update_fields=["skip_reason", "skip_note", "updated_at"])
    return comparison


@transaction.atomic
def release_expired_pairs(*, now: Any = None, limit: int = 1000) -> int:
    """Give back the slots of leases of pairs that ran out. Returns how many."""
    expired = list(
        Comparison.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(state=AssignmentState.LEASED, lease_expires_at__lt=now or timezone.now())
        .order_by("pk")[:limit]
    )
    for comparison in expired:
        Comparison.objects.filter(pk=comparison.pk).update(state=AssignmentState.EXPIRED)
        _give_back(comparison)
    return len(expired)


def _give_back(comparison: Comparison) -> None:
    ComparisonPair.objects.filter(pk=comparison.pair_id).update(open_slots=F("open_slots") + 1)


def _retake(comparison: Comparison) -> bool:
    """Take a slot again; False where none is left. Within a transaction, the row locked."""
    campaign, annotator = comparison.pair.campaign, comparison.annotator
    one_at_a_time(campaign, annotator)
    for gate in hooks.gates:
        gate(campaign, annotator)
    held = Comparison.objects.filter(annotator=annotator, pair__campaign=campaign, state=AssignmentState.LEASED)
    require_room(held.count())
    if not ComparisonPair.objects.filter(pk=comparison.pair_id, open_slots__gt=0).update(
        open_slots=F("open_slots") - 1
    ):
        return False
    comparison.state = AssignmentState.LEASED
    comparison.lease_expires_at = timezone.now() + timedelta(seconds=campaign.lease_seconds)
    comparison.save(update_fields=["state", "lease_expires_at", "updated_at"])
    return True
