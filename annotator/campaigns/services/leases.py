"""Who works on what: an item is handed out under a lease, by row locks that nobody waits for."""

from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from annotator.campaigns import hooks
from annotator.campaigns.models import Assignment, AssignmentState, Campaign, CampaignItem, CampaignState, Purpose
from annotator.core.errors import ConflictError

# The item on the screen and the one being loaded behind it.
LEASES_AT_ONCE = 2


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
    with connection.cursor() as cursor:
        # Two tabs or a double click of one person queue up here; different people never meet.
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [campaign.pk, annotator.pk])
    now = timezone.now()
    expires = now + timedelta(seconds=campaign.lease_seconds)
    held, lapsed = _own(campaign, annotator)
    for assignment in held:
        if assignment.pk != after:
            assignment.lease_expires_at = expires
            assignment.save(update_fields=["lease_expires_at"])
            return assignment
    if len(held) >= LEASES_AT_ONCE:
        return None
    chosen = next((item for chooser in hooks.choosers if (item := chooser(campaign, annotator))), None)
    if chosen:
        CampaignItem.objects.filter(pk=chosen.pk).update(open_slots=F("open_slots") - 1)
    taken = chosen.pk if chosen else take_from_queue(_queue(campaign, annotator, lapsed))
    if taken is None:
        return None
    assignment = lapsed.get(taken) or Assignment(campaign_item_id=taken, annotator=annotator)
    assignment.state, assignment.leased_at, assignment.lease_expires_at = AssignmentState.LEASED, now, expires
    assignment.save()
    return assignment


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


def _queue(campaign: Campaign, annotator: Any, lapsed: dict[int, Assignment]) -> QuerySet[CampaignItem]:
    had = Exists(Assignment.objects.filter(campaign_item=OuterRef("pk"), annotator=annotator))
    mine = (~had | Q(pk__in=[*lapsed])) if lapsed else ~had
    return CampaignItem.objects.filter(mine, campaign=campaign, purpose=Purpose.WORK, open_slots__gt=0).order_by(
        F("priority").desc(), "pk"
    )


def take_from_queue(queue: QuerySet[Any]) -> int | None:
    """Take a slot of the first row (an item, or a pair to compare); its pk, or None where there is none."""
    # Rows that somebody else is taking now are passed over. Only where all the rest is being taken does one wait:
    # their slots may be for us as well.
    taken = _take(queue.select_for_update(skip_locked=True, of=("self",)))
    return taken if taken is not None or not queue.exists() else _take(queue.select_for_update(of=("self",)))


def _take(queue: QuerySet[Any]) -> int | None:
    # Finding, locking and counting down in one statement: the ORM would need two, and every annotator waits for this.
    found, values = queue.values("pk")[:1].query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {queue.model._meta.db_table} SET open_slots = open_slots - 1 WHERE id = ({found}) RETURNING id",
            values,
        )
        row = cursor.fetchone()
    return row[0] if row else None


@transaction.atomic
def release_expired_leases(*, now: Any = None, limit: int = 1000) -> int:
    """Give back the slots of leases that ran out; what was answered stays. Returns how many."""
    now = now or timezone.now()
    expired = list(
        Assignment.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(state=AssignmentState.LEASED, lease_expires_at__lt=now)
        .order_by("pk")[:limit]
    )
    for assignment in expired:
        give_back(assignment, AssignmentState.EXPIRED)
    return len(expired)


def give_back(assignment: Assignment, state: str) -> None:
    """End a lease without an annotation: the slot is open again. Within a transaction, the row locked."""
    Assignment.objects.filter(pk=assignment.pk).update(state=state)
    CampaignItem.objects.filter(pk=assignment.campaign_item_id).update(open_slots=F("open_slots") + 1)


def retake(assignment: Assignment, campaign: Campaign) -> bool:
    """Take a slot again for a lease that ran out; False where none is left. Within a transaction, the row locked."""
    if not CampaignItem.objects.filter(pk=assignment.campaign_item_id, open_slots__gt=0).update(
        open_slots=F("open_slots") - 1
    ):
        return False
    assignment.state = AssignmentState.LEASED
    assignment.lease_expires_at = timezone.now() + timedelta(seconds=campaign.lease_seconds)
    assignment.save(update_fields=["state", "lease_expires_at"])
    return True
