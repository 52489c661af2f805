"""The end of an assignment: submitted whole, or skipped with a reason."""

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from annotator.campaigns.checklists import checklist_in, checklist_of
from annotator.campaigns.models import Assignment, AssignmentState, Flag, FlagOutcome, Purpose, SkipReason
from annotator.campaigns.services.flags import put_flag
from annotator.campaigns.services.judgments import require_changeable
from annotator.campaigns.services.leases import retake
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


def _own(assignment_id: int, annotator: Any) -> Assignment:
    return (
        Assignment.objects.select_for_update(of=("self",))
        .select_related("campaign_item__campaign__checklist_version")
        .get(pk=assignment_id, annotator=annotator)
    )


@transaction.atomic
def submit_assignment(*, assignment_id: int, annotator: Any) -> Assignment:
    """Close one's own assignment. Doing so twice is doing it once.

    Raises Assignment.DoesNotExist, ConflictError (see ``record_judgment``), or ProblemError (code ``incomplete``,
    with the ids under ``missing``) while answers are lacking.
    """
    assignment = _own(assignment_id, annotator)
    if assignment.state == AssignmentState.SUBMITTED:
        return assignment
    require_changeable(assignment)
    checklist = checklist_of(assignment.campaign_item.campaign.checklist_version)
    lacking = missing(checklist, dict(assignment.judgments.values_list("sub_dimension", "level")))
    if lacking:
        raise ProblemError(_still_to_answer(assignment, lacking), code="incomplete", missing=lacking)
    assignment.state = AssignmentState.SUBMITTED
    assignment.submitted_at = timezone.now()
    assignment.save(update_fields=["state", "submitted_at"])
    assignment_submitted.send(sender=Assignment, assignment=assignment)
    # Last of all: everybody who submits this item or is handed it now waits for this row.
    write_last(
        "UPDATE campaigns_campaignitem SET submitted = submitted + 1 WHERE id = %s", [assignment.campaign_item_id]
    )
    return assignment


def _still_to_answer(assignment: Assignment, lacking: list[str]) -> str:
    checklist = checklist_in(assignment.campaign_item.campaign.checklist_version, get_language())
    names = ", ".join(f"“{checklist.sub_dimension(id).name}”" for id in lacking[:3])
    if len(lacking) > 3:
        return _("Still to answer: %(names)s and %(n)d more.") % {"names": names, "n": len(lacking) - 3}
    return _("Still to answer: %(names)s.") % {"names": names}


@transaction.atomic
def skip_assignment(*, assignment_id: int, annotator: Any, reason: str, note: str = "") -> Assignment:
    """Leave an item with a reason; somebody else gets it. What was answered is kept with the skipped assignment."""
    if reason not in SkipReason.values:
        raise ProblemError(_("Choose why you skip this item."), code="no_reason")
    assignment = _own(assignment_id, annotator)
    if assignment.state == AssignmentState.SKIPPED:
        return assignment
    if assignment.state == AssignmentState.SUBMITTED:
        raise ConflictError(_("You have submitted this item; it can be corrected, but not skipped."), code="submitted")
    held = assignment.state == AssignmentState.LEASED
    assignment.state, assignment.skip_reason, assignment.skip_note = AssignmentState.SKIPPED, reason, note.strip()
    assignment.save(update_fields=["state", "skip_reason", "skip_note"])
    put_flag(assignment, reason, note=note, with_skip=True)
    if held:
        write_last(
            "UPDATE campaigns_campaignitem SET open_slots = open_slots + 1 WHERE id = %s",
            [assignment.campaign_item_id],
        )
    return assignment


@transaction.atomic
def take_up_again(*, assignment_id: int, annotator: Any) -> Assignment:
    """Open a skipped or expired assignment of one's own again, while its item still needs somebody."""
    assignment = _own(assignment_id, annotator)
    if assignment.state in (AssignmentState.SKIPPED, AssignmentState.EXPIRED):
        if assignment.campaign_item.purpose == Purpose.WITHDRAWN:
            raise ConflictError(
                _("This item has been taken out of the campaign; nobody needs to judge it."), code="out"
            )
        if not retake(assignment, assignment.campaign_item.campaign):
            raise ConflictError(
                _("Others have annotated this item meanwhile; it is not needed any more."), code="taken"
            )
        Flag.objects.filter(assignment=assignment, with_skip=True, outcome=FlagOutcome.OPEN).delete()
        assignment.skip_reason = assignment.skip_note = ""
        assignment.save(update_fields=["skip_reason", "skip_note"])
    return assignment
