"""Many whole annotations at once, with the same outcome as one keystroke after another.

What ``lease_next_item``, ``record_judgment`` and ``submit_assignment`` keep true is kept true here: nobody has an item
twice, slots never fall below zero, every ladder is answered by a level it has, a mask and what hangs on it agree, each
judgment has its history, and whoever listens to ``assignment_submitted`` is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext

from annotator.accounts.models import User
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import (
    Assignment,
    AssignmentState,
    Campaign,
    CampaignItem,
    CampaignState,
    Judgment,
    JudgmentChange,
)
from annotator.campaigns.services.submissions import missing
from annotator.campaigns.signals import assignment_submitted
from annotator.core.errors import ConflictError, ProblemError
from reward_engine.answers import implied
from reward_engine.checklist import Checklist


@dataclass(frozen=True)
class Annotation:
    """All answers of one person about one item. ``milliseconds``: by sub-dimension."""

    item_id: int
    annotator: User
    levels: dict[str, int]
    milliseconds: dict[str, int]


Accepted = list[tuple[Assignment, Annotation]]


@transaction.atomic
def submit_annotations(*, campaign: Campaign, annotations: Sequence[Annotation]) -> int:
    """Submit those whose person has not had the item and whose item still needs somebody; returns how many.

    Raises:
        ConflictError: If the campaign is not open.
        ProblemError: If answers are lacking or contradict each other; then nothing is submitted.
    """
    if campaign.state != CampaignState.OPEN:
        raise ConflictError(
            gettext("This campaign is %(state)s; no items are being assigned.")
            % {"state": campaign.get_state_display().lower()}
        )
    checklist = checklist_of(campaign.checklist_version)
    for annotation in annotations:
        _check(checklist, annotation)
    # In the order of the primary key, so that two who do this at once wait instead of deadlocking.
    locked = {
        row.item_id: row
        for row in CampaignItem.objects.select_for_update()
        .filter(campaign=campaign, item_id__in={annotation.item_id for annotation in annotations})
        .order_by("pk")
    }
    had = set(
        Assignment.objects.filter(campaign_item__in=locked.values()).values_list("campaign_item_id", "annotator_id")
    )
    accepted: Accepted = []
    now = timezone.now()
    for annotation in annotations:
        row = locked.get(annotation.item_id)
        if row is None or row.open_slots <= 0 or (row.pk, annotation.annotator.pk) in had:
            continue
        had.add((row.pk, annotation.annotator.pk))
        row.open_slots -= 1
        assignment = Assignment(
            campaign_item=row,
            annotator=annotation.annotator,
            state=AssignmentState.SUBMITTED,
            leased_at=now - timedelta(milliseconds=sum(annotation.milliseconds.values())),
            lease_expires_at=now + timedelta(seconds=campaign.lease_seconds),
            submitted_at=now,
        )
        accepted.append((assignment, annotation))
    for answers in _rounds(accepted):
        _write(checklist, answers)
    return len(accepted)


def _rounds(accepted: Accepted) -> Iterator[Accepted]:
    """One answer an item at a time: who listens finds the item as it was just then, not with answers to come."""
    waiting = accepted
    while waiting:
        seen: set[int] = set()
        now: Accepted = []
        later: Accepted = []
        for pair in waiting:
            (later if pair[0].campaign_item_id in seen else now).append(pair)
            seen.add(pair[0].campaign_item_id)
        yield now
        waiting = later


def _check(checklist: Checklist, annotation: Annotation) -> None:
    lacking = missing(checklist, annotation.levels)
    if lacking:
        raise ProblemError(
            gettext("Not answered yet: %(names)s.") % {"names": ", ".join(lacking)}, code="incomplete", missing=lacking
        )
    for id, level in annotation.levels.items():
        sub = checklist.sub_dimension(id)
        if level not in sub.scores:
            raise ProblemError(
                gettext("“%(name)s” has no level %(level)s.") % {"name": sub.name, "level": level}, code="no_level"
            )
        if sub.masked_by_other and sub.mask is not None:
            owner = checklist.sub_dimension(sub.mask.owner)
            if (annotation.levels[owner.id] == owner.lowest) != (level == sub.lowest):
                raise ProblemError(
                    gettext("“%(name)s” contradicts “%(name2)s”.") % {"name": sub.name, "name2": owner.name},
                    code="implied",
                )


def _write(checklist: Checklist, accepted: Accepted) -> None:
    Assignment.objects.bulk_create([assignment for assignment, _ in accepted])
    judgments, changes = [], []
    for assignment, annotation in accepted:
        follows = _consequences(checklist, annotation.levels)
        for sequence, (id, level) in enumerate(annotation.levels.items(), 1):
            cause = follows.get(id)
            spent = 0 if cause else annotation.milliseconds.get(id, 0)
            judgments.append(Judgment(assignment=assignment, sub_dimension=id, level=level, milliseconds=spent))
            changes.append(
                JudgmentChange(
                    assignment=assignment,
                    sub_dimension=id,
                    level=level,
                    milliseconds=spent,
                    idempotency_key=f"synthetic-{cause}>{id[:22]}" if cause else f"synthetic-{id}",
                    sequence=sequence,
                )
            )
    Judgment.objects.bulk_create(judgments, batch_size=2000)
    JudgmentChange.objects.bulk_create(changes, batch_size=2000)
    answered = CampaignItem.objects.filter(pk__in=[assignment.campaign_item_id for assignment, _ in accepted])
    answered.update(open_slots=F("open_slots") - 1, submitted=F("submitted") + 1)
    for assignment, _ in accepted:
        assignment_submitted.send(sender=Assignment, assignment=assignment)


def _consequences(checklist: Checklist, levels: dict[str, int]) -> dict[str, str]:
    """Which answers follow from another one ("no movement" answers how smooth it is): dependent → its owner."""
    return {dependent: id for id, level in levels.items() for dependent in implied(checklist, id, level)}
