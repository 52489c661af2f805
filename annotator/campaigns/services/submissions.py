"""The end of an assignment: submitted whole, or skipped with a reason."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotator.campaigns.models import Assignment, AssignmentState, Flag, FlagOutcome, Purpose
from annotator.campaigns.services.flags import put_flag
from annotator.campaigns.services.judgments import Act, Saved, Saving, open_saving
from annotator.campaigns.services.lease_lifecycle import locked, open_slot, skip, take_up
from annotator.campaigns.signals import assignment_submitted
from annotator.core.errors import ConflictError, ProblemError
from annotator.core.transactions import write_last
from reward_engine.checklist import Checklist


def missing(checklist: Checklist, levels: dict[str, int]) -> list[str]:
    """Ids of the sub-dimensions that still need an answer. A category is asked for only where it applies."""
    lacking = []
    for sub in checklist.sub_dimensions:
        if sub.id in levels:
            continue
        rule = sub.applies_when
        if sub.is_ordinal or rule is None or levels.get(rule.sub_dimension, rule.below) < rule.below:
            lacking.append(sub.id)
    return lacking


@dataclass(frozen=True)
class Submission:
    """The result of submitting an assignment with its last answers.

    ``outcomes`` has one outcome per act, as ``record_judgments`` returns them. ``problem`` is why the assignment was
    not submitted, or None.
    """

    assignment: Assignment
    outcomes: list[Saved | ProblemError]
    problem: ProblemError | None


@transaction.atomic
def submit_assignment(*, token: uuid.UUID, annotator: Any) -> Assignment:
    """Submit one's own assignment.

    Submitting it twice has the effect of submitting it once.

    Raises:
        Assignment.DoesNotExist: See ``record_judgments``.
        NotAllowedError: See ``record_judgments``.
        ConflictError: See ``record_judgments``.
        ProblemError: While answers are lacking (code ``incomplete``, with the IDs under ``missing``).
    """
    done = _submit(token, annotator, [])
    if done.problem is not None:
        raise done.problem
    return done.assignment


@transaction.atomic
def submit_with_judgments(*, token: uuid.UUID, annotator: Any, acts: Sequence[Act]) -> Submission:
    """Save the last answers and submit, in one transaction.

    What can be saved is saved, whatever becomes of the rest. An act that is refused keeps the assignment from being
    submitted.

    Raises:
        Assignment.DoesNotExist: See ``record_judgments``.
        NotAllowedError: See ``record_judgments``.
    """
    return _submit(token, annotator, acts)


def _submit(token: uuid.UUID, annotator: Any, acts: Sequence[Act]) -> Submission:
    saving = open_saving(token, annotator, acts)
    outcomes = saving.save_all(acts)
    assignment = saving.assignment
    problem = next((outcome for outcome in outcomes if isinstance(outcome, ProblemError)), None)
    if problem is None and assignment.state != AssignmentState.SUBMITTED:
        problem = _why_not(saving)
        if problem is None:
            _close(assignment)
    return Submission(assignment, outcomes, problem)


def _why_not(saving: Saving) -> ProblemError | None:
    """Say why the assignment cannot be submitted as it stands; None where it can."""
    try:
        saving.require_changeable()
    except ProblemError as problem:
        return problem
    lacking = missing(saving.checklist, saving.standing)
    if not lacking:
        return None
    return ProblemError(_still_to_answer(saving.checklist, lacking), code="incomplete", missing=lacking)


def _close(assignment: Assignment) -> None:
    assignment.state = AssignmentState.SUBMITTED
    assignment.submitted_at = timezone.now()
    assignment.save(update_fields=["state", "submitted_at"])
    assignment_submitted.send(sender=Assignment, assignment=assignment)
    # Last of all: everybody who submits this item or is handed it now waits for this row.
    write_last(
        "UPDATE campaigns_campaignitem SET submitted = submitted + 1 WHERE id = %s", [assignment.campaign_item_id]
    )


def _still_to_answer(checklist: Checklist, lacking: list[str]) -> str:
    names = ", ".join(f"“{checklist.sub_dimension(id).name}”" for id in lacking[:3])
    if len(lacking) > 3:
        return _("Not answered yet: %(names)s and %(n)d more.") % {"names": names, "n": len(lacking) - 3}
    return _("Not answered yet: %(names)s.") % {"names": names}


@transaction.atomic
def skip_assignment(*, token: uuid.UUID, annotator: Any, reason: str, note: str = "") -> Assignment:
    """Leave an item with a reason; somebody else gets it. What was answered is kept with the skipped assignment."""
    assignment, before = skip(Assignment, token, annotator, reason=reason, note=note)
    if before != AssignmentState.SKIPPED:
        put_flag(assignment, reason, note=note, with_skip=True)
    if before == AssignmentState.LEASED:
        open_slot(assignment)
    return assignment


@transaction.atomic
def take_up_again(*, token: uuid.UUID, annotator: Any) -> Assignment:
    """Open one's own skipped or expired assignment again.

    An assignment whose item is out of the campaign stays closed.
    """
    assignment = locked(Assignment, token, annotator)
    if assignment.state in (AssignmentState.SKIPPED, AssignmentState.EXPIRED):
        if assignment.campaign_item.purpose == Purpose.WITHDRAWN:
            raise ConflictError(
                _("This item was removed from the campaign. It no longer needs to be judged."), code="out"
            )
        take_up(assignment)
        Flag.objects.filter(assignment=assignment, with_skip=True, outcome=FlagOutcome.OPEN).delete()
    return assignment
