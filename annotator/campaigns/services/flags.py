"""Reports on items: made by annotators while they go on or as they leave, settled by reviewers."""

import uuid
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotator.accounts.models import Role
from annotator.accounts.roles import has_role
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Assignment, Campaign, Flag, FlagOutcome, FlagReason
from annotator.campaigns.services.withdrawal import take_out
from annotator.core.errors import ConflictError, NotAllowedError, ProblemError
from reward_engine.errors import ChecklistError


@transaction.atomic
def flag_item(*, token: uuid.UUID, annotator: Any, reason: str, sub_dimension: str = "", note: str = "") -> Flag:
    """Report something about the item of one's own assignment.

    The same report again only changes its note.

    Raises:
        Assignment.DoesNotExist: If it is not this person's.
        ProblemError: Without a reason, or for an unclear question without saying which (code ``no_reason``,
            ``no_ladder``).
    """
    if reason not in FlagReason.values:
        raise ProblemError(_("Choose a reason for the report."), code="no_reason")
    assignment = _own(token, annotator)
    sub_dimension = sub_dimension if reason == FlagReason.UNCLEAR else ""
    if reason == FlagReason.UNCLEAR:
        _require_ladder(assignment, sub_dimension)
    return put_flag(assignment, reason, sub_dimension=sub_dimension, note=note)


def put_flag(
    assignment: Assignment, reason: str, *, sub_dimension: str = "", note: str = "", with_skip: bool = False
) -> Flag:
    """Create or change the open report of this kind.

    The caller has begun a transaction and locked the assignment.
    """
    flag, _made = Flag.objects.update_or_create(
        assignment=assignment,
        reason=reason,
        sub_dimension=sub_dimension,
        outcome=FlagOutcome.OPEN,
        defaults={"note": note.strip()},
        create_defaults={"note": note.strip(), "item_id": assignment.campaign_item.item_id, "with_skip": with_skip},
    )
    return flag


@transaction.atomic
def withdraw_flag(*, token: uuid.UUID, annotator: Any, reason: str, sub_dimension: str = "") -> bool:
    """Take back one's own report while nobody has settled it. Returns whether there was one."""
    assignment = _own(token, annotator)
    gone, _by_model = Flag.objects.filter(
        assignment=assignment, reason=reason, sub_dimension=sub_dimension, outcome=FlagOutcome.OPEN, with_skip=False
    ).delete()
    return bool(gone)


@transaction.atomic
def settle_flag(*, flag: Flag, by: Any, outcome: str, answer: str = "", take_item_out: bool = False) -> int:
    """Settle a report, and all open ones that say the same of its item.

    Returns how many were settled. Unsafe content that is ``upheld`` stays hidden until somebody asks for it. Where it
    is ``dismissed``, it is shown again.

    Args:
        take_item_out: Where it is upheld, the item also leaves every campaign in which this was reported.

    Raises:
        ConflictError: If it has been settled already.
    """
    if outcome not in (FlagOutcome.UPHELD, FlagOutcome.DISMISSED):
        raise ProblemError(_("Say whether the report is valid or there is no problem."), code="no_outcome")
    flag = Flag.objects.select_for_update().get(pk=flag.pk)
    if flag.outcome:
        raise ConflictError(_("This report is already resolved."), code="settled")
    same = Flag.objects.filter(
        item=flag.item_id, reason=flag.reason, sub_dimension=flag.sub_dimension, outcome=FlagOutcome.OPEN
    )
    if take_item_out and outcome == FlagOutcome.UPHELD:
        for campaign in Campaign.objects.filter(campaign_items__assignments__flags__in=same).distinct():
            take_out(campaign=campaign, items=[flag.item_id])
    return same.update(
        outcome=outcome, answer=answer.strip(), settled_by=by, settled_at=timezone.now(), updated_at=timezone.now()
    )


@transaction.atomic
def reopen_flag(*, flag: Flag) -> None:
    """Open a settled report for review again.

    Raises:
        ConflictError: If its author has made the same report again.
    """
    flag = Flag.objects.select_for_update().get(pk=flag.pk)
    same = Flag.objects.filter(
        assignment=flag.assignment_id, reason=flag.reason, sub_dimension=flag.sub_dimension, outcome=FlagOutcome.OPEN
    )
    if same.exclude(pk=flag.pk).exists():
        raise ConflictError(_("The same report was made again and is already open."), code="open_already")
    flag.outcome, flag.answer, flag.settled_by, flag.settled_at = FlagOutcome.OPEN, "", None, None
    flag.save()


def _own(token: uuid.UUID, annotator: Any) -> Assignment:
    if not has_role(annotator, Role.ANNOTATOR):
        raise NotAllowedError(_("Only annotators can report items."))
    return (
        Assignment.objects.select_for_update(of=("self",))
        .select_related("campaign_item__campaign__checklist_version")
        .get(token=token, annotator=annotator)
    )


def _require_ladder(assignment: Assignment, sub_dimension: str) -> None:
    try:
        checklist_of(assignment.campaign_item.campaign.checklist_version).sub_dimension(sub_dimension)
    except ChecklistError as error:
        raise ProblemError(_("Choose which question is unclear."), code="no_ladder") from error
