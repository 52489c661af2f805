"""One keystroke: a level for one sub-dimension, saved once however often it arrives."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from annotator.campaigns.checklists import checklist_in
from annotator.campaigns.models import (
    Assignment,
    AssignmentState,
    CampaignState,
    Judgment,
    JudgmentChange,
)
from annotator.campaigns.queries.work import may_annotate
from annotator.campaigns.services.leases import retake
from annotator.core.errors import ConflictError, NotAllowedError, ProblemError
from reward_engine.answers import implied
from reward_engine.checklist import Checklist, SubDimension
from reward_engine.errors import ChecklistError


@dataclass(frozen=True)
class Saved:
    """What stands now. ``levels``: the sub-dimensions this act touched, None where an answer was taken back.

    ``applied`` is False for a packet that came late, when a newer answer had already been saved, and for one that
    had been saved before.
    """

    levels: dict[str, int | None]
    applied: bool
    assignment: Assignment


@transaction.atomic
def record_judgment(
    *,
    assignment_id: int,
    annotator: Any,
    sub_dimension: str,
    level: int | None,
    milliseconds: int = 0,
    idempotency_key: str,
    sequence: int = 0,
) -> Saved:
    """Save, change or (``level=None``) take back one answer of one's own assignment.

    What follows from it is saved with it: "no hands" answers the ladders that hang on hands. A second arrival of the
    same ``idempotency_key`` has no effect; neither has an act whose ``sequence`` (the page's running count) is older
    than the one saved.

    Raises Assignment.DoesNotExist where it is not this person's, NotAllowedError for who is no annotator, ConflictError
    where it can no longer be changed (code ``lease_expired``, ``closed``, ``skipped``), ProblemError for a level or
    sub-dimension that does not exist.
    """
    key = stored_key(idempotency_key)
    changes = JudgmentChange.objects.filter(assignment=OuterRef("pk"))
    same_ladder = Max("changes__sequence", filter=Q(changes__sub_dimension=sub_dimension))
    locked = (
        Assignment.objects.select_for_update(of=("self",))
        .select_related("campaign_item__campaign__checklist_version")
        .get(pk=assignment_id, annotator=annotator)
    )
    history = (
        Assignment.objects.filter(pk=assignment_id)
        .annotate(
            may=may_annotate(annotator),
            arrived=Exists(changes.filter(idempotency_key=key)),
            newest=same_ladder,
        )
        .values("may", "arrived", "newest")
        .get()
    )
    if not history["may"]:
        raise NotAllowedError(_("Only annotators answer, and you are none (any more)."))
    campaign = locked.campaign_item.campaign
    checklist = checklist_in(campaign.checklist_version, get_language())  # its words may be needed in an error
    sub = _sub_dimension(checklist, sub_dimension)
    if history["arrived"] or (history["newest"] is not None and sequence < history["newest"]):
        standing = Judgment.objects.filter(assignment=locked, sub_dimension=sub_dimension).first()
        return Saved({sub_dimension: standing.level if standing else None}, applied=False, assignment=locked)
    require_changeable(locked)
    if level is not None:
        _require_level(sub, level)
    levels = {sub_dimension: level} | _consequences(checklist, locked, sub, level)
    _write(locked, levels, sub_dimension, max(milliseconds, 0))
    JudgmentChange.objects.bulk_create(
        JudgmentChange(
            assignment=locked,
            sub_dimension=id,
            level=value,
            milliseconds=max(milliseconds, 0) if id == sub_dimension else 0,
            idempotency_key=key if id == sub_dimension else _digest("follows", idempotency_key, id),
            sequence=sequence,
        )
        for id, value in levels.items()
    )
    _keep_lease(locked, campaign.lease_seconds)
    return Saved(levels, applied=True, assignment=locked)


def stored_key(idempotency_key: str) -> str:
    """What the history keeps of the key of an act."""
    return _digest("act", idempotency_key)


def _digest(*parts: str) -> str:
    """The parts as a key of 64 signs: whatever a client calls its act, two of them are never taken for one."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def require_changeable(assignment: Assignment) -> None:
    """Raises ConflictError unless the person may still answer here; takes up a lease that ran out, if it can."""
    campaign = assignment.campaign_item.campaign
    if campaign.state == CampaignState.CLOSED:
        raise ConflictError(
            _("The campaign “%(name)s” has been closed; its answers can no longer be changed.")
            % {"name": campaign.name},
            code="closed",
        )
    if assignment.state == AssignmentState.SKIPPED:
        raise ConflictError(_("You have skipped this item. Take it up again to answer it."), code="skipped")
    if assignment.state == AssignmentState.EXPIRED and not retake(assignment, campaign):
        raise ConflictError(
            _(
                "The time for this item ran out and it has been given to somebody else. What you had answered before "
                "is kept, but it is not needed any more: go on with the next item."
            ),
            code="lease_expired",
        )


def _sub_dimension(checklist: Checklist, id: str) -> SubDimension:
    try:
        return checklist.sub_dimension(id)
    except ChecklistError as error:
        raise ProblemError(
            _("This checklist has no question ladder “%(name)s”.") % {"name": id}, code=error.code
        ) from error


def _require_level(sub: SubDimension, level: int) -> None:
    if level not in sub.scores:
        raise ProblemError(
            _("“%(name)s” has no level %(level)s; its levels are %(lowest)d to %(highest)d.")
            % {"name": sub.name, "level": level, "lowest": sub.lowest, "highest": sub.highest},
            code="no_level",
        )


def _consequences(
    checklist: Checklist, assignment: Assignment, sub: SubDimension, level: int | None
) -> dict[str, int | None]:
    """What else changes with this answer: dependents that it closes, opens again, or empties."""
    if sub.masked_by_other and sub.mask is not None:
        owner = checklist.sub_dimension(sub.mask.owner)
        standing = Judgment.objects.filter(assignment=assignment, sub_dimension=owner.id).first()
        absent = standing is not None and standing.level == owner.lowest
        if absent != (level == sub.lowest) and level is not None:
            raise ProblemError(
                _("“%(name)s” follows from “%(owner)s”, which is “%(level)s”. Change that one instead.")
                % {
                    "name": sub.name,
                    "owner": owner.name,
                    "level": owner.level(standing.level).name if standing else _("not answered"),
                },
                code="implied",
            )
    closed: dict[str, int | None] = dict(implied(checklist, sub.id, level)) if level is not None else {}
    dependents = [dependent.id for dependent in checklist.dependents(sub.id)]
    if dependents and not closed:
        lowest = {dependent.id: dependent.lowest for dependent in checklist.dependents(sub.id)}
        standing_levels = Judgment.objects.filter(assignment=assignment, sub_dimension__in=dependents)
        closed = {
            judgment.sub_dimension: None
            for judgment in standing_levels
            if judgment.level == lowest[judgment.sub_dimension]
        }
    for category in checklist.sub_dimensions:
        rule = category.applies_when
        if rule and rule.sub_dimension == sub.id and (level is None or level >= rule.below):
            closed |= dict.fromkeys(
                Judgment.objects.filter(assignment=assignment, sub_dimension=category.id).values_list(
                    "sub_dimension", flat=True
                )
            )
    return closed


def _write(assignment: Assignment, levels: dict[str, int | None], own: str, milliseconds: int) -> None:
    gone = [id for id, level in levels.items() if level is None]
    if gone:
        Judgment.objects.filter(assignment=assignment, sub_dimension__in=gone).delete()
    suggested = assignment.suggestions or {}
    kept = [
        Judgment(
            assignment=assignment,
            sub_dimension=id,
            level=level,
            milliseconds=milliseconds if id == own else 0,
            suggested_level=suggested.get(id),
            suggestion_shown=id in suggested and assignment.suggestions_shown,
            updated_at=timezone.now(),
        )
        for id, level in levels.items()
        if level is not None
    ]
    if kept:
        Judgment.objects.bulk_create(
            kept,
            update_conflicts=True,
            unique_fields=["assignment", "sub_dimension"],
            update_fields=["level", "milliseconds", "suggested_level", "suggestion_shown", "updated_at"],
        )


def _keep_lease(assignment: Assignment, lease_seconds: int) -> None:
    """Whoever is answering keeps the item; written only when half of the lease has gone."""
    now = timezone.now()
    if assignment.state != AssignmentState.LEASED:
        return
    if assignment.lease_expires_at - now < timedelta(seconds=lease_seconds / 2):
        assignment.lease_expires_at = now + timedelta(seconds=lease_seconds)
        assignment.save(update_fields=["lease_expires_at"])
