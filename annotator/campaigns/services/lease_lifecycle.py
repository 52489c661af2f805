"""The life of a lease, of an item to judge as of a pair to compare: taken, kept, given back, taken up again.

A lease takes one of its subject's ``open_slots``; whatever ends it without an answer opens the slot again.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from django.db import connection, transaction
from django.db.models import F, ForeignKey, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotator.campaigns import hooks
from annotator.campaigns.models import (
    Assignment,
    AssignmentState,
    Campaign,
    CampaignState,
    HumanComparison,
    Lease,
    SkipReason,
)
from annotator.core.errors import ConflictError, ProblemError
from annotator.core.metrics import LEASES_EXPIRED
from annotator.core.transactions import write_last

Turn = TypeVar("Turn", bound=Lease)
Taken = TypeVar("Taken")

# What is on the screen and what is being loaded behind it.
LEASES_AT_ONCE = 2


@dataclass(frozen=True)
class Words:
    """What annotators are told; ``not_open`` has a place for the campaign's state. ``lapsed`` and ``taken`` are said
    only of what is retaken where it is needed."""

    not_open: Any
    skipped: Any
    submitted: Any
    no_reason: Any
    lapsed: Any = ""
    taken: Any = ""


WORDS: dict[type[Lease], Words] = {
    Assignment: Words(
        not_open=gettext_lazy("This campaign is %(state)s; no items are being assigned."),
        skipped=gettext_lazy("You skipped this item. Reopen it to answer it."),
        submitted=gettext_lazy("You have submitted this item. You can correct your answers but not skip the item."),
        no_reason=gettext_lazy("Choose a reason for skipping this item."),
    ),
    HumanComparison: Words(
        not_open=gettext_lazy("This campaign is %(state)s; no pairs are being assigned."),
        skipped=gettext_lazy("You skipped this pair. Reopen it to answer it."),
        lapsed=gettext_lazy(
            "Your time for this pair ran out, and another annotator has it now. Continue with the next one."
        ),
        submitted=gettext_lazy("You have compared this pair. You can correct your answer but not skip the pair."),
        no_reason=gettext_lazy("Choose a reason for skipping this pair."),
        taken=gettext_lazy("Others have compared this pair in the meantime. It is no longer needed."),
    ),
}


def enter(model: type[Lease], campaign: Campaign, annotator: Any) -> None:
    """Check that this person may be given work now.

    Requests of the same person wait for each other from here on.

    Raises:
        ConflictError: If the campaign is not open, or this person may not work in it now (``hooks.gates``).
    """
    if campaign.state != CampaignState.OPEN:
        raise ConflictError(str(WORDS[model].not_open) % {"state": campaign.get_state_display().lower()})
    for gate in hooks.gates:
        gate(campaign, annotator)
    one_at_a_time(campaign, annotator)


def one_at_a_time(campaign: Campaign, annotator: Any) -> None:
    """Make one person's requests for leases in a campaign wait for each other.

    They wait until the transaction ends. Two tabs or a double click of one person queue up here; different people never
    meet.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [campaign.pk, annotator.pk])


def held_and_lapsed(model: type[Turn], campaign: Campaign, annotator: Any) -> tuple[list[Turn], dict[int, Turn]]:
    """Find and lock this person's open leases and those that ran out.

    Open leases come as a list, the oldest first; those that ran out are found by subject. They are locked before any
    subject is, in the order in which every other service locks, so that no two wait for each other.
    """
    rows = list(
        model._default_manager.select_for_update(of=("self",))
        .filter(
            annotator=annotator,
            state__in=[AssignmentState.LEASED, AssignmentState.EXPIRED],
            **{f"{model.subject_field}__campaign": campaign},
        )
        .order_by("leased_at", "pk")
    )
    held = [row for row in rows if row.state == AssignmentState.LEASED]
    return held, {row.subject_id: row for row in rows if row.state == AssignmentState.EXPIRED}


def first_free(queue: QuerySet[Any], take: Callable[[QuerySet[Any]], Taken | None]) -> Taken | None:
    """Take the first row of the queue that nobody else is taking.

    Returns what ``take`` makes of it, or None where there is none.
    """
    # Rows that somebody else is taking now are passed over. Only where all the rest is being taken does one wait:
    # their slots may be for us as well.
    taken = take(queue.select_for_update(skip_locked=True, of=("self",)))
    return taken if taken is not None or not queue.exists() else take(queue.select_for_update(of=("self",)))


def locked(model: type[Turn], token: uuid.UUID, annotator: Any) -> Turn:
    """Lock a person's own lease and read it with its campaign.

    Raises:
        DoesNotExist: If it is not theirs.
    """
    return (
        model._default_manager.select_for_update(of=("self",))
        .select_related(f"{model.subject_field}__campaign__checklist_version")
        .get(token=token, annotator=annotator)
    )


def renew(lease: Lease, expires: datetime) -> None:
    """Let an open lease run longer."""
    lease.lease_expires_at = expires
    save(lease, "lease_expires_at")


def keep(lease: Lease) -> None:
    """Renew the lease of whoever is answering.

    It is written only when half of it has passed.
    """
    now, seconds = timezone.now(), lease.campaign.lease_seconds
    if lease.state == AssignmentState.LEASED and lease.lease_expires_at - now < timedelta(seconds=seconds / 2):
        renew(lease, now + timedelta(seconds=seconds))


def require_room(held: int) -> None:
    """Check that somebody may hold one more item or pair.

    Raises:
        ConflictError: If somebody holds as many items or pairs as one person can.
    """
    if held >= LEASES_AT_ONCE:
        raise ConflictError(
            _("You already have %(n)d open items. Finish or skip one of them first.") % {"n": held}, code="enough"
        )


def require_changeable(lease: Lease) -> None:
    """Check that the person may still answer here.

    A lease that ran out is taken up again, if it can be.

    Raises:
        ConflictError: If they may not.
    """
    if lease.campaign.state == CampaignState.CLOSED:
        raise ConflictError(
            _("The campaign “%(name)s” is closed. Its answers can no longer be changed.")
            % {"name": lease.campaign.name},
            code="closed",
        )
    words = WORDS[type(lease)]
    if lease.state == AssignmentState.SKIPPED:
        raise ConflictError(str(words.skipped), code="skipped")
    if lease.state == AssignmentState.EXPIRED and not retake(lease):
        raise ConflictError(str(words.lapsed), code="lease_expired")


def skip(model: type[Turn], token: uuid.UUID, annotator: Any, *, reason: str, note: str) -> tuple[Turn, str]:
    """Leave a subject with a reason.

    Returns the lease and its state before. Where that state was ``leased``, call ``open_slot`` last.

    Raises:
        ProblemError: For no reason.
        ConflictError: If it has been submitted.
    """
    if reason not in SkipReason.values:
        raise ProblemError(str(WORDS[model].no_reason), code="no_reason")
    lease = locked(model, token, annotator)
    before = lease.state
    if before == AssignmentState.SUBMITTED:
        raise ConflictError(str(WORDS[model].submitted), code="submitted")
    if before != AssignmentState.SKIPPED:
        lease.state, lease.skip_reason, lease.skip_note = AssignmentState.SKIPPED, reason, note.strip()
        save(lease, "state", "skip_reason", "skip_note")
    return lease, before


def open_slot(lease: Lease) -> None:
    """Open the slot of an ended lease again.

    Call it as the last statement of the transaction, since others wait for that row.
    """
    table = lease.subject_model()._meta.db_table
    write_last(f"UPDATE {table} SET open_slots = open_slots + 1 WHERE id = %s", [lease.subject_id])


def give_back(lease: Lease, state: str) -> None:
    """End a lease without an answer: the slot is open again. Within a transaction, the row locked."""
    type(lease)._default_manager.filter(pk=lease.pk).update(state=state)
    lease.subject_model()._default_manager.filter(pk=lease.subject_id).update(open_slots=F("open_slots") + 1)


def retake(lease: Lease) -> bool:
    """Take a slot again for a lease that ran out or was skipped.

    Returns False where no slot is left. The caller has begun a transaction and locked the row.

    Raises:
        ConflictError: If this person may not work here now (``hooks.gates``) or holds as many leases as can be held
            (code ``enough``).
    """
    campaign, annotator = lease.campaign, lease.annotator
    one_at_a_time(campaign, annotator)
    if not lease.is_test:
        for gate in hooks.gates:
            gate(campaign, annotator)
    mine = type(lease)._default_manager.filter(annotator=annotator, state=AssignmentState.LEASED)
    require_room(mine.filter(**{f"{lease.subject_field}__campaign": campaign}).count())
    subject = lease.subject_model()._default_manager.filter(pk=lease.subject_id)
    if lease.retaken_where_needed:
        subject = subject.filter(open_slots__gt=0)
    if not subject.update(open_slots=F("open_slots") - 1):
        return False
    lease.state = AssignmentState.LEASED
    lease.lease_expires_at = timezone.now() + timedelta(seconds=campaign.lease_seconds)
    save(lease, "state", "lease_expires_at")
    return True


def take_up(lease: Lease) -> None:
    """Open a skipped or expired lease again.

    Raises:
        ConflictError: If its subject needs nobody any more.
    """
    if not retake(lease):
        raise ConflictError(str(WORDS[type(lease)].taken), code="taken")
    lease.skip_reason = lease.skip_note = ""
    save(lease, "skip_reason", "skip_note")


@transaction.atomic
def release_expired(model: type[Lease], *, now: datetime | None = None, limit: int = 1000) -> int:
    """Give back the slots of leases that ran out; what was answered stays. Returns how many."""
    expired = list(
        model._default_manager.select_for_update(skip_locked=True, of=("self",))
        .filter(state=AssignmentState.LEASED, lease_expires_at__lt=now or timezone.now())
        .order_by("pk")
        .values_list("pk", flat=True)[:limit]
    )
    if expired:
        model._default_manager.filter(pk__in=expired).update(state=AssignmentState.EXPIRED)
        LEASES_EXPIRED.inc(len(expired))
        column = cast("ForeignKey[Any]", model._meta.get_field(model.subject_field)).column
        subjects = model.subject_model()._meta.db_table
        write_last(
            f"""WITH freed AS (
                  SELECT {column} AS id, count(*) AS slots FROM {model._meta.db_table} WHERE id = ANY(%s)
                  GROUP BY {column}
                ), locked AS (
                  SELECT id FROM {subjects} WHERE id IN (SELECT id FROM freed) ORDER BY id FOR UPDATE
                )
                UPDATE {subjects} subject SET open_slots = open_slots + freed.slots
                FROM freed JOIN locked USING (id) WHERE subject.id = freed.id""",
            [expired],
        )
    return len(expired)


def save(lease: Lease, *fields: str) -> None:
    """Write these fields, and when it was changed where the model keeps that."""
    stamped = any(field.name == "updated_at" for field in lease._meta.fields)
    lease.save(update_fields=[*fields, *(["updated_at"] if stamped else [])])
