"""The agreement table in the order asked for, and as rows of a file: the numbers of the page."""

from __future__ import annotations

import csv
import io
from typing import Any

from annotator.insights.agreement.report import AgreementReport, SubDimensionAgreement
from reward_engine.evaluation.beside_people import FIGURES, BesidePeople

SORTS = ("name", "n", *(name for name in FIGURES if name != "f1"))
WORST_FIRST = "-gap"


def known_sort(sort: str) -> str:
    """The column to sort by, with "-" for the highest first; by the gap where it is none."""
    return sort if sort.removeprefix("-") in SORTS else WORST_FIRST


def sorted_rows(report: AgreementReport, sort: str) -> list[SubDimensionAgreement]:
    """Sort the rows by a column; what cannot be said comes last, either way."""
    if sort == WORST_FIRST:
        return report.rows
    column, sign = sort.removeprefix("-"), -1 if sort.startswith("-") else 1
    if column == "name":
        return sorted(report.rows, key=lambda row: row.sub.name, reverse=sign < 0)

    def key(row: SubDimensionAgreement) -> tuple[bool, float]:
        figure = row.beside.figures.get(column)
        value = row.beside.n if column == "n" else figure.value if figure else None
        return (value is None, sign * (value or 0.0))

    return sorted(report.rows, key=key)


def flat_rows(report: AgreementReport) -> list[dict[str, Any]]:
    """One row per sub-dimension and question: n, each figure with the ends of its interval, and the verdict."""
    rows: list[dict[str, Any]] = []
    for row in report.rows:
        about = {"dimension": row.dimension, "sub_dimension": row.sub.id}
        rows.append({**about, "question": "", **_numbers(row.beside), "verdict": row.verdict.value})
        rows += [
            {**about, "question": one.id, **_numbers(one.beside), "verdict": one.verdict.value} for one in row.questions
        ]
    return rows


def as_csv(report: AgreementReport) -> str:
    """The flat rows as CSV; a cell is empty where a figure cannot be said."""
    rows = flat_rows(report)
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _numbers(found: BesidePeople) -> dict[str, Any]:
    numbers: dict[str, Any] = {"n": found.n, "n_pairs": found.n_pairs}
    for name in FIGURES:
        figure = found.figures[name]
        for end, value in (("", "value"), ("_low", "low"), ("_high", "high")):
            numbers[name + end] = None if figure is None else round(getattr(figure, value), 6)
    return numbers
