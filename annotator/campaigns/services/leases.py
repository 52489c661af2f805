"""Who works on what: an item is handed out under a lease, by row locks that nobody waits for."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection, transaction
from django.db.models import BooleanField, Exists, F, Func, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.functions import MD5, Cast, Concat
from django.utils import timezone
from django.utils.translation import gettext as _

from annotator.campaigns import hooks
from annotator.campaigns.models import (
    DATA,
    Assignment,
    AssignmentState,
    Campaign,
    CampaignItem,
    CampaignState,
    Purpose,
)
from annotator.campaigns.services.suggestions import suggest
from annotator.core.errors import ConflictError
from annotator.core.transactions import write_last

Taken = TypeVar("Taken")

# The item on the screen and the one being loaded behind it.
LEASES_AT_ONCE = 2

# So many items from the head of the queue are shuffled for each person. Enough that nobody foresees the next one, few
# enough that the head is finished before the tail is begun, and that a draw costs the same in a campaign of any size.
SHUFFLED_AT_ONCE = 200


@transaction.atomic
def lease_next_item(*, campaign: Campaign, annotator: Any, after: int | None = None) -> Assignment | None:
    """The assignment to work on next, or None where nothing is left for this person.

    An open lease of this person comes first (``after`` names an assignment not to be given again: the one
    on the screen, while the next is being prefetched). Otherwise the first item of the queue that still needs
    somebody, that nobody else is taking at this very moment, and that this person has not had. A lease that
    ran out is taken up again with the answers it had.

    Raises ConflictError where the campaign is not open, or this person may not work in it now (``hooks.gates``).
    """
    if campaign.state != CampaignState.OPEN:
        raise ConflictError(
            _("This campaign is %(state)s; no items are handed out.") % {"state": campaign.get_state_display().lower()}
        )
    for gate in hooks.gates:
        gate(campaign, annotator)
    one_at_a_time(campaign, annotator)
    now = timezone.now()
    expires = now + timedelta(seconds=campaign.lease_seconds)
    held, lapsed = _own(campaign, annotator)
    # What is on the screen is not its own next one, though its lease ran out while somebody was away.
    lapsed = {item: assignment for item, assignment in lapsed.items() if assignment.pk != after}
    for assignment in held:
        if assignment.pk != after:
            assignment.lease_expires_at = expires
            assignment.save(update_fields=["lease_expires_at"])
            return assignment
    if len(held) >= LEASES_AT_ONCE:
        return None
    chosen = next((item for chooser in hooks.choosers if (item := chooser(campaign, annotator))), None)
    chosen = chosen or _gold_that_lapsed(lapsed)
    turn = Assignment(annotator=annotator, state=AssignmentState.LEASED, leased_at=now, lease_expires_at=expires)
    if chosen:
        taken = _lease(turn, CampaignItem.objects.filter(pk=chosen.pk))
    else:
        taken = first_free(_queue(campaign, annotator, lapsed), lambda queue: _lease(turn, queue))
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


def one_at_a_time(campaign: Campaign, annotator: Any) -> None:
    """Make the requests of one person for leases in one campaign wait for each other, until the transaction ends.

    Two tabs or a double click of one person queue up here; different people never meet.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [campaign.pk, annotator.pk])


def _own(campaign: Campaign, annotator: Any) -> tuple[list[Assignment], dict[int, Assignment]]:
    """This person's open leases, the oldest first, and those that ran out, by item.

    Locked before any item is, in the order in which every other service locks: nobody ever stands in a circle.
    """
    rows = list(
        Assignment.objects.select_for_update(of=("self",))
        .filter(
            annotator=annotator,
            state__in=[AssignmentState.LEASED, AssignmentState.EXPIRED],
            campaign_item__campaign=campaign,
        )
        .order_by("leased_at", "pk")
    )
    held = [row for row in rows if row.state == AssignmentState.LEASED]
    return held, {row.campaign_item_id: row for row in rows if row.state == AssignmentState.EXPIRED}


def _gold_that_lapsed(lapsed: dict[int, Assignment]) -> CampaignItem | None:
    """The gold item whose turn it is among the leases that ran out. It comes back just as work does, by the queue:
    whoever lets leases run out would otherwise know gold by its staying away."""
    if not lapsed:
        return None
    items = CampaignItem.objects.filter(pk__in=[*lapsed], purpose__in=DATA, open_slots__gt=0).in_bulk()
    first = next((items[pk] for pk in lapsed if pk in items), None)
    return first if first and first.purpose == Purpose.GOLD else None


def _queue(campaign: Campaign, annotator: Any, lapsed: dict[int, Assignment]) -> QuerySet[CampaignItem]:
    """What this person may be given, the most urgent first; items of equal priority in an order of their own.

    The order is a keyed digest: the same each time the same person asks, another for everybody else, and without a
    trace of the items' ids. Gold, which comes from outside this queue, breaks no order that somebody could see.
    """
    had = Exists(Assignment.objects.filter(campaign_item=OuterRef("pk"), annotator=annotator))
    mine = (~had | Q(pk__in=[*lapsed])) if lapsed else ~had
    waiting = CampaignItem.objects.filter(campaign=campaign, purpose=Purpose.WORK, open_slots__gt=0)
    head = ArraySubquery(waiting.filter(mine).order_by(F("priority").desc(), "lot").values("pk")[:SHUFFLED_AT_ONCE])
    # An array is worked out once. Of `id IN (SELECT …)` PostgreSQL asks the whole again, under the lock, for each row
    # that somebody else has just changed, and everybody who wants that row waits for it.
    among = Func(F("pk"), head, template="(%(expressions)s))", arg_joiner=" = ANY(", output_field=BooleanField())
    key = hashlib.sha256(f"{settings.SECRET_KEY}:queue:{campaign.pk}:{annotator.pk}".encode()).hexdigest()
    place = MD5(Concat(Value(key), Cast("pk", TextField())))
    return waiting.filter(among).order_by(F("priority").desc(), place)


def first_free(queue: QuerySet[Any], take: Callable[[QuerySet[Any]], Taken | None]) -> Taken | None:
    """What ``take`` makes of the first row of the queue that nobody else is taking now; None where there is none."""
    # Rows that somebody else is taking now are passed over. Only where all the rest is being taken does one wait:
    # their slots may be for us as well.
    taken = take(queue.select_for_update(skip_locked=True, of=("self",)))
    return taken if taken is not None or not queue.exists() else take(queue.select_for_update(of=("self",)))


def _lease(turn: Assignment, queue: QuerySet[CampaignItem]) -> tuple[int, int] | None:
    """Take a slot of the first item of the queue and keep it for this turn: (assignment, item), or None.

    Finding, locking, counting down and leasing are one statement, the last of the transaction: everybody who is handed
    an item and everybody who submits one waits for it. A lease that ran out is taken up again.
    """
    found, values = queue.values("pk")[:1].query.sql_with_params()
    fields = [f for f in Assignment._meta.concrete_fields if not f.primary_key and f.name != "campaign_item"]
    columns = ", ".join(f.column for f in fields)
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


@transaction.atomic
def release_expired_leases(*, now: Any = None, limit: int = 1000) -> int:
    """Give back the slots of leases that ran out; what was answered stays. Returns how many."""
    now = now or timezone.now()
    expired = list(
        Assignment.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(state=AssignmentState.LEASED, lease_expires_at__lt=now)
        .order_by("pk")
        .values_list("pk", flat=True)[:limit]
    )
    if expired:
        Assignment.objects.filter(pk__in=expired).update(state=AssignmentState.EXPIRED)
        write_last(
            """WITH freed AS (
                 SELECT campaign_item_id AS id, count(*) AS slots FROM campaigns_assignment WHERE id = ANY(%s)
                 GROUP BY campaign_item_id
               ), locked AS (
                 SELECT id FROM campaigns_campaignitem WHERE id IN (SELECT id FROM freed) ORDER BY id FOR UPDATE
               )
               UPDATE campaigns_campaignitem item SET open_slots = open_slots + freed.slots
               FROM freed JOIN locked USING (id) WHERE item.id = freed.id""",
            [expired],
        )
    return len(expired)


def require_room(held: int) -> None:
    """Raises ConflictError where somebody holds as many items or pairs as one person can."""
    if held >= LEASES_AT_ONCE:
        raise ConflictError(
            _("You hold %(n)d open items already. Finish or skip one of them first.") % {"n": held}, code="enough"
        )


def give_back(assignment: Assignment, state: str) -> None:
    """End a lease without an annotation: the slot is open again. Within a transaction, the row locked."""
    Assignment.objects.filter(pk=assignment.pk).update(state=state)
    CampaignItem.objects.filter(pk=assignment.campaign_item_id).update(open_slots=F("open_slots") + 1)


def retake(assignment: Assignment, campaign: Campaign) -> bool:
    """Take a slot again for a lease that ran out or an item that was skipped; False where none is left.

    Within a transaction, the row locked. Raises ConflictError where this person may not work here now (``hooks.gates``)
    or holds as many items as can be held (code ``enough``).
    """
    annotator = assignment.annotator
    one_at_a_time(campaign, annotator)
    if assignment.campaign_item.purpose != Purpose.QUALIFICATION:
        for gate in hooks.gates:
            gate(campaign, annotator)
    held = Assignment.objects.filter(
        annotator=annotator, campaign_item__campaign=campaign, state=AssignmentState.LEASED
    ).count()
    require_room(held)
    if not CampaignItem.objects.filter(pk=assignment.campaign_item_id, open_slots__gt=0).update(
        open_slots=F("open_slots") - 1
    ):
        return False
    assignment.state = AssignmentState.LEASED
    assignment.lease_expires_at = timezone.now() + timedelta(seconds=campaign.lease_seconds)
    assignment.save(update_fields=["state", "lease_expires_at"])
    return True
