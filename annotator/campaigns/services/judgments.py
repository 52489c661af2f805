"""Answers as they are saved: levels of sub-dimensions, each once however often it arrives, many in one transaction."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db import transaction
from django.db.models import Max, OuterRef
from django.db.models.functions import JSONObject
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from annotator.campaigns.checklists import checklist_in
from annotator.campaigns.models import (
    Assignment,
    Judgment,
    JudgmentChange,
)
from annotator.campaigns.queries.work import may_annotate
from annotator.campaigns.services.lease_lifecycle import keep, require_changeable
from annotator.core.errors import NotAllowedError, ProblemError
from annotator.core.metrics import ANSWERS
from reward_engine.answers import implied
from reward_engine.checklist import Checklist, SubDimension
from reward_engine.errors import ChecklistError
from reward_engine.storage import sha256


@dataclass(frozen=True)
class Act:
    """One answer as a client sends it. ``level`` None takes it back; ``sequence`` is the client's running count."""

    sub_dimension: str
    level: int | None
    key: str
    milliseconds: int = 0
    sequence: int = 0


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
    token: uuid.UUID,
    annotator: Any,
    sub_dimension: str,
    level: int | None,
    milliseconds: int = 0,
    idempotency_key: str,
    sequence: int = 0,
) -> Saved:
    """Save, change or (``level=None``) take back one's own answer.

    It raises what ``record_judgments`` raises. An error that ``record_judgments`` returns is raised too, and nothing is
    written then.
    """
    act = Act(sub_dimension, level, idempotency_key, milliseconds, sequence)
    outcome = _record(token, annotator, [act])[0]
    if isinstance(outcome, ProblemError):
        raise outcome
    return outcome


@transaction.atomic
def record_judgments(*, token: uuid.UUID, annotator: Any, acts: Sequence[Act]) -> list[Saved | ProblemError]:
    """Save answers of one's own assignment, in this order, in one transaction.

    What follows from an answer is saved with it: "no hands" answers the ladders that depend on hands. A second arrival
    of the same key has no effect, and neither has an act whose ``sequence`` is older than the one saved. An act that
    cannot be saved does not keep the others from being saved. Its error stands in its place.

    Returns:
        One outcome per act: Saved, ConflictError where the assignment can no longer be changed (code ``closed``,
        ``skipped``), or ProblemError for a level or sub-dimension that does not exist.

    Raises:
        Assignment.DoesNotExist: It is not this person's.
        NotAllowedError: This person is no annotator.
    """
    return _record(token, annotator, acts)


def _record(token: uuid.UUID, annotator: Any, acts: Sequence[Act]) -> list[Saved | ProblemError]:
    return open_saving(token, annotator, acts).save_all(acts)


def open_saving(token: uuid.UUID, annotator: Any, acts: Sequence[Act]) -> "Saving":
    """Lock the assignment and read all that saving needs with one query.

    It raises what ``record_judgments`` raises.
    """
    locked = (
        Assignment.objects.select_for_update(of=("self",))
        .select_related("campaign_item__campaign__checklist_version")
        .get(token=token, annotator=annotator)
    )
    changes = JudgmentChange.objects.filter(assignment=OuterRef("pk"))
    keys = [stored_key(act.key) for act in acts]
    newest = changes.filter(sub_dimension__in={act.sub_dimension for act in acts}).values("sub_dimension")
    standing = Judgment.objects.filter(assignment=OuterRef("pk"))
    met = (
        Assignment.objects.filter(pk=locked.pk)
        .annotate(
            may=may_annotate(annotator),
            arrived=ArraySubquery(changes.filter(idempotency_key__in=keys).values("idempotency_key")),
            newest=ArraySubquery(
                newest.annotate(newest=Max("sequence")).values(pair=JSONObject(sub="sub_dimension", newest="newest"))
            ),
            standing=ArraySubquery(standing.values(pair=JSONObject(sub="sub_dimension", level="level"))),
        )
        .values("may", "arrived", "newest", "standing")
        .get()
    )
    if not met["may"]:
        raise NotAllowedError(_("Only annotators can answer, and you do not have that role."))
    version = locked.campaign_item.campaign.checklist_version
    return Saving(
        locked,
        checklist_in(version, get_language()),  # its words may be needed in an error
        arrived=set(met["arrived"] or ()),
        newest={pair["sub"]: pair["newest"] for pair in met["newest"] or ()},
        standing={pair["sub"]: pair["level"] for pair in met["standing"]},
    )


@dataclass
class Saving:
    """Acts on one locked assignment, applied in memory and written together."""

    assignment: Assignment
    checklist: Checklist
    arrived: set[str]
    newest: dict[str, int]
    standing: dict[str, int]
    changes: list[JudgmentChange] = field(default_factory=list)
    refusal: ProblemError | None = None

    def save_all(self, acts: Sequence[Act]) -> list[Saved | ProblemError]:
        """Apply the acts in this order and write what they change.

        Returns one outcome per act.
        """
        outcomes: list[Saved | ProblemError] = []
        for act in acts:
            try:
                outcomes.append(self.add(act))
            except ProblemError as problem:
                outcomes.append(problem)
        self.write()
        ANSWERS.inc(sum(isinstance(outcome, Saved) and outcome.applied for outcome in outcomes))
        return outcomes

    def add(self, act: Act) -> Saved:
        """Apply one act to what stands.

        Raises:
            ProblemError: If it cannot be saved; nothing is changed then.
        """
        key, name = stored_key(act.key), act.sub_dimension
        sub = _sub_dimension(self.checklist, name)
        if key in self.arrived or act.sequence < self.newest.get(name, act.sequence):
            return Saved({name: self.standing.get(name)}, applied=False, assignment=self.assignment)
        self.require_changeable()
        if act.level is not None:
            _require_level(sub, act.level)
        levels = {name: act.level} | _consequences(self.checklist, self.standing, sub, act.level)
        for id, level in levels.items():
            own = id == name
            if level is None:
                self.standing.pop(id, None)
            else:
                self.standing[id] = level
            self.changes.append(
                JudgmentChange(
                    assignment=self.assignment,
                    sub_dimension=id,
                    level=level,
                    milliseconds=max(act.milliseconds, 0) if own else 0,
                    idempotency_key=key if own else _digest("follows", act.key, id),
                    sequence=act.sequence,
                )
            )
            self.newest[id] = max(act.sequence, self.newest.get(id, act.sequence))
        self.arrived.add(key)
        return Saved(levels, applied=True, assignment=self.assignment)

    def require_changeable(self) -> None:
        """Check that the person may still answer here.

        A lease that ran out is taken up again, once.

        Raises:
            ConflictError: If they may not.
        """
        if self.refusal is None:
            try:
                require_changeable(self.assignment)
                return
            except ProblemError as problem:
                self.refusal = problem  # asked for once: each try to take up a lease asks the database
        raise self.refusal

    def write(self) -> None:
        """Write the levels that were touched and the history, and renew the lease."""
        if not self.changes:
            return
        spent = {change.sub_dimension: change.milliseconds for change in self.changes}  # of the last change of each
        if gone := spent.keys() - self.standing.keys():
            Judgment.objects.filter(assignment=self.assignment, sub_dimension__in=gone).delete()
        suggested = self.assignment.suggestions or {}
        kept = [
            Judgment(
                assignment=self.assignment,
                sub_dimension=id,
                level=self.standing[id],
                milliseconds=spent[id],
                suggested_level=suggested.get(id),
                suggestion_shown=id in suggested and self.assignment.suggestions_shown,
                updated_at=timezone.now(),
            )
            for id in sorted(spent.keys() & self.standing.keys())
        ]
        if kept:
            Judgment.objects.bulk_create(
                kept,
                update_conflicts=True,
                unique_fields=["assignment", "sub_dimension"],
                update_fields=["level", "milliseconds", "suggested_level", "suggestion_shown", "updated_at"],
            )
        JudgmentChange.objects.bulk_create(self.changes)
        keep(self.assignment)


def stored_key(idempotency_key: str) -> str:
    """Make the form of an act's key that the history keeps."""
    return _digest("act", idempotency_key)


def _digest(*parts: str) -> str:
    """The parts as a key of 64 signs: whatever a client calls its act, two of them are never taken for one."""
    return sha256("\0".join(parts).encode("utf-8", "surrogatepass"))


def _sub_dimension(checklist: Checklist, id: str) -> SubDimension:
    try:
        return checklist.sub_dimension(id)
    except ChecklistError as error:
        raise ProblemError(
            _("This checklist has no sub-dimension “%(name)s”.") % {"name": id}, code=error.code
        ) from error


def _require_level(sub: SubDimension, level: int) -> None:
    if level not in sub.scores:
        raise ProblemError(
            _("“%(name)s” has no level %(level)s; its levels are %(lowest)d to %(highest)d.")
            % {"name": sub.name, "level": level, "lowest": sub.lowest, "highest": sub.highest},
            code="no_level",
        )


def _consequences(
    checklist: Checklist, standing: dict[str, int], sub: SubDimension, level: int | None
) -> dict[str, int | None]:
    """What else changes with this answer: dependents that it closes, opens again, or empties."""
    if sub.masked_by_other and sub.mask is not None:
        owner = checklist.sub_dimension(sub.mask.owner)
        absent = standing.get(owner.id) == owner.lowest
        if absent != (level == sub.lowest) and level is not None:
            raise ProblemError(
                _("“%(name)s” is determined by “%(owner)s”, which is “%(level)s”. Change that one instead.")
                % {
                    "name": sub.name,
                    "owner": owner.name,
                    "level": owner.level(standing[owner.id]).name if owner.id in standing else _("not answered"),
                },
                code="implied",
            )
    closed: dict[str, int | None] = dict(implied(checklist, sub.id, level)) if level is not None else {}
    if not closed:
        dependents = checklist.dependents(sub.id)
        closed = {one.id: None for one in dependents if standing.get(one.id) == one.lowest}
    for category in checklist.sub_dimensions:
        rule = category.applies_when
        empties = rule and rule.sub_dimension == sub.id and (level is None or level >= rule.below)
        if empties and category.id in standing:
            closed[category.id] = None
    return closed
