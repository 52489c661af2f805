"""Who works on what: an item is handed out under a lease, by row locks that nobody waits for."""

import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection, transaction
from django.db.models import BooleanField, Exists, F, Func, OuterRef, QuerySet, TextField, Value
from django.db.models.functions import MD5, Cast, Concat
from django.utils import timezone

from annotator.campaigns import hooks
from annotator.campaigns.models import (
    DATA,
    Assignment,
    AssignmentState,
    Campaign,
    CampaignItem,
    Purpose,
)
from annotator.campaigns.services.lease_lifecycle import (
    LEASES_AT_ONCE,
    enter,
    first_free,
    held_and_lapsed,
    release_expired,
    renew,
)
from annotator.campaigns.services.suggestions import suggest
from annotator.core.transactions import write_last
from reward_engine.storage import sha256

# So many items from the head of the queue are shuffled for each person. Enough that nobody foresees the next one, few
# enough that the head is finished before the tail is begun, and that a draw costs the same in a campaign of any size.
SHUFFLED_AT_ONCE = 200


@transaction.atomic
def lease_next_item(*, campaign: Campaign, annotator: Any, after: uuid.UUID | None = None) -> Assignment | None:
    """Lease the item to work on next.

    Returns its assignment, or None where nothing is left for this person.

    An open lease of this person comes first (``after`` names an assignment not to be given again: the one on the
    screen, while the next is being prefetched). Otherwise it is the first item of the queue that still needs somebody,
    that nobody else is taking at this very moment, and that this person has not had. A lease that ran out is taken up
    again with the answers it had, needed or not.

    Raises:
        ConflictError: If the campaign is not open, or this person may not work in it now (``hooks.gates``).
    """
    enter(Assignment, campaign, annotator)
    now = timezone.now()
    expires = now + timedelta(seconds=campaign.lease_seconds)
    held, lapsed = held_and_lapsed(Assignment, campaign, annotator)
    # What is on the screen is not its own next one, though its lease ran out while somebody was away.
    lapsed = {item: assignment for item, assignment in lapsed.items() if assignment.token != after}
    for assignment in held:
        if assignment.token != after:
            renew(assignment, expires)
            return assignment
    if len(held) >= LEASES_AT_ONCE:
        return None
    offered = (chooser(campaign, annotator) for chooser in hooks.choosers)
    chosen = next((one for one in offered if one), None)
    chosen = chosen or _first_that_lapsed(lapsed)
    turn = Assignment(annotator=annotator, state=AssignmentState.LEASED, leased_at=now, lease_expires_at=expires)
    if chosen:
        taken = _lease(turn, CampaignItem.objects.filter(pk=chosen.pk))
    else:
        taken = first_free(_queue(campaign, annotator), lambda queue: _lease(turn, queue))
    if taken is None:
        return None
    pk, item = taken
    if item in lapsed:
        return Assignment.objects.get(pk=pk)
    turn.pk, turn.campaign_item_id = pk, item
    turn._state.adding = False
    if campaign.suggestions_percent and not (chosen and chosen.purpose == Purpose.QUALIFICATION):
        suggest(turn, campaign)  # a test is taken without help
        turn.save(update_fields=["suggestions", "suggested_by", "suggestions_shown"])
    return turn


def _first_that_lapsed(lapsed: dict[int, Assignment]) -> CampaignItem | None:
    """The first item whose lease ran out, whether others have finished it meanwhile or not: gold is never finished,
    and whoever lets leases run out would know it by its coming back for sure."""
    if not lapsed:
        return None
    items = CampaignItem.objects.filter(pk__in=[*lapsed], purpose__in=DATA).in_bulk()
    return next((items[pk] for pk in lapsed if pk in items), None)


def _queue(campaign: Campaign, annotator: Any) -> QuerySet[CampaignItem]:
    """What this person may be given, the most urgent first; items of equal priority in an order of their own.

    The order is a keyed digest: the same each time the same person asks, another for everybody else, and without a
    trace of the items' ids. Gold, which comes from outside this queue, breaks no order that somebody could see.
    """
    had = Exists(Assignment.objects.filter(campaign_item=OuterRef("pk"), annotator=annotator))
    waiting = CampaignItem.objects.filter(campaign=campaign, purpose=Purpose.WORK, open_slots__gt=0)
    head = ArraySubquery(
        waiting.filter(~had).order_by(F("priority").desc(), "random_key").values("pk")[:SHUFFLED_AT_ONCE]
    )
    # An array is worked out once. Of `id IN (SELECT …)` PostgreSQL asks the whole again, under the lock, for each row
    # that somebody else has just changed, and everybody who wants that row waits for it.
    among = Func(F("pk"), head, template="(%(expressions)s))", arg_joiner=" = ANY(", output_field=BooleanField())
    key = sha256(f"{settings.SECRET_KEY}:queue:{campaign.pk}:{annotator.pk}".encode())
    place = MD5(Concat(Value(key), Cast("pk", TextField())))
    return waiting.filter(among).order_by(F("priority").desc(), place)


def _lease(turn: Assignment, queue: QuerySet[CampaignItem]) -> tuple[int, int] | None:
    """Take a slot of the first item of the queue and keep it for this turn: (assignment, item), or None.

    Finding, locking, counting down and leasing are one statement, the last of the transaction: everybody who is handed
    an item and everybody who submits one waits for it. A lease that ran out is taken up again.
    """
    found, values = queue.values("pk")[:1].query.sql_with_params()
    fields = [f for f in Assignment._meta.concrete_fields if not f.primary_key and f.name != "campaign_item"]
    columns = ", ".join(str(f.column) for f in fields)
    given = ", ".join(f"%s::{f.db_type(connection)}" for f in fields)
    rows = write_last(
        f"""WITH taken AS (
              UPDATE campaigns_campaignitem SET open_slots = open_slots - 1 WHERE id = ({found}) RETURNING id
            )
            INSERT INTO campaigns_assignment (campaign_item_id, {columns}) SELECT id, {given} FROM taken
            ON CONFLICT (campaign_item_id, annotator_id) DO UPDATE
            SET state = EXCLUDED.state, leased_at = EXCLUDED.leased_at, lease_expires_at = EXCLUDED.lease_expires_at
            RETURNING id, campaign_item_id""",
        [*values, *(f.get_db_prep_save(getattr(turn, f.attname), connection) for f in fields)],
    )
    return rows[0] if rows else None


def release_expired_leases(*, now: Any = None, limit: int = 1000) -> int:
    """Give back the slots of items whose leases ran out; what was answered stays. Returns how many."""
    return release_expired(Assignment, now=now, limit=limit)
