"""How each annotator of a campaign does: reliability, gold, and ways of answering that show."""

from dataclasses import dataclass, field

import numpy as np
from django.db.models import BigIntegerField, Sum, Value
from django.db.models.functions import Cast, Coalesce
from numpy.typing import NDArray

from annotator.accounts.models import User
from annotator.campaigns.models import Assignment, AssignmentState, Campaign, Judgment, that_count
from annotator.campaigns.queries import judgment_levels
from annotator.campaigns.queries.levels import JudgmentTable
from annotator.core.copying import copied, matched
from annotator.trust.behavior import summarize
from annotator.trust.models import AnnotatorStanding, QualificationAttempt
from annotator.trust.reliability import estimate
from reward_engine.answers import ABSENT

FEW_ANSWERS = 5
"""With fewer overlapping answers on a sub-dimension its accuracy is not named as a weakness."""


@dataclass
class AnnotatorRow:
    """One annotator of a campaign. Shares and accuracies 0..1; None where nothing can be said yet."""

    annotator: User
    annotations: int = 0
    reliability: float | None = None
    weakest: list[tuple[str, float]] = field(default_factory=list)
    too_fast: float = 0.0
    straight_lines: float = 0.0
    copied: float = 0.0
    median_seconds: float | None = None
    suspect: bool = False
    standing: AnnotatorStanding | None = None
    attempts: list[QualificationAttempt] = field(default_factory=list)


def annotator_report(campaign: Campaign) -> list[AnnotatorRow]:
    """Report on everybody in a campaign, the least reliable first.

    It lists whoever has worked in the campaign or taken its test.
    """
    table = judgment_levels([campaign])
    rows: dict[int, AnnotatorRow] = {}
    standings = {s.annotator_id: s for s in AnnotatorStanding.objects.filter(campaign=campaign)}
    attempts: dict[int, list[QualificationAttempt]] = {}
    for attempt in QualificationAttempt.objects.filter(campaign=campaign):
        attempts.setdefault(attempt.annotator_id, []).append(attempt)
    excluded = set(
        Assignment.objects.filter(
            campaign_item__campaign=campaign, state=AssignmentState.SUBMITTED, counted=False
        ).values_list("annotator_id", flat=True)
    )
    wanted = {*(int(pk) for pk in table.annotators), *standings, *attempts, *excluded}
    for user in User.objects.in_bulk(wanted).values():
        rows[user.pk] = AnnotatorRow(user, standing=standings.get(user.pk), attempts=attempts.get(user.pk, []))
    if len(table.assignments):
        _add_reliability(rows, table)
        _add_behavior(rows, table, campaign)
    return sorted(rows.values(), key=lambda r: (r.reliability is None, r.reliability or 0.0, r.annotator.username))


def _add_reliability(rows: dict[int, AnnotatorRow], table: JudgmentTable) -> None:
    found = estimate(table.items, table.annotators, table.levels)
    names = [sub.name for sub in table.checklist.ordinal]
    for index, pk in enumerate(found.annotators):
        row, accuracy, answers = rows[int(pk)], found.accuracy[index], found.answers[index]
        judged = ~np.isnan(accuracy)
        if judged.any():
            row.reliability = float(np.average(accuracy[judged], weights=answers[judged]))
        weak = [i for i in np.argsort(np.where(judged, accuracy, np.inf)) if judged[i] and answers[i] >= FEW_ANSWERS]
        row.weakest = [(names[i], float(accuracy[i])) for i in weak[:3] if accuracy[i] < 0.9]


def _add_behavior(rows: dict[int, AnnotatorRow], table: JudgmentTable, campaign: Campaign) -> None:
    spent, duration = _times(table, campaign)
    ladders = table.checklist.ordinal
    found = summarize(
        table.annotators,
        table.levels,
        spent,
        duration,
        np.array([sub.lowest for sub in ladders], dtype=np.int8),
        np.array([sub.highest for sub in ladders], dtype=np.int8),
        np.array([sub.masked_by_other for sub in ladders], dtype=bool),
        _shown(table, campaign),
    )
    suspects = found.suspects()
    for index, pk in enumerate(found.annotators):
        row = rows[int(pk)]
        row.annotations = int(found.annotations[index])
        row.too_fast = float(found.too_fast[index])
        row.straight_lines = float(found.straight_lines[index])
        row.copied = float(found.copied[index])
        row.median_seconds = float(found.median_seconds[index])
        row.suspect = bool(suspects[index]) and not row.annotator.is_synthetic


def _shown(table: JudgmentTable, campaign: Campaign) -> NDArray[np.int8]:
    """The suggestions that annotators saw, where the table has their answers; int8 [a, s]."""
    shown = np.full_like(table.levels, ABSENT)
    row_of = {int(pk): row for row, pk in enumerate(table.assignments)}
    column_of = {sub.id: column for column, sub in enumerate(table.checklist.ordinal)}
    suggested = Judgment.objects.filter(
        assignment__campaign_item__campaign=campaign, suggestion_shown=True, suggested_level__isnull=False
    )
    for assignment, sub, level in suggested.values_list("assignment_id", "sub_dimension", "suggested_level"):
        if level is not None and sub in column_of and assignment in row_of:
            shown[row_of[assignment], column_of[sub]] = level
    return shown


def _times(table: JudgmentTable, campaign: Campaign) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Milliseconds spent on each annotation, and the length of its video (0 for an image); int64 [a] each."""
    told = copied(
        Assignment.objects.filter(that_count(), campaign_item__campaign=campaign)
        .order_by()
        .annotate(
            spent=Coalesce(Sum("judgments__milliseconds"), Value(0), output_field=BigIntegerField()),
            length=Cast(Coalesce("campaign_item__item__duration_ms", Value(0)), BigIntegerField()),
        )
        .values_list("pk", "spent", "length"),
        ("i8", "i8", "i8"),
    )
    told, at = matched(told, table.assignments)
    spent, length = np.zeros_like(table.assignments), np.zeros_like(table.assignments)
    spent[at], length[at] = told["f1"], told["f2"]
    return spent, length
