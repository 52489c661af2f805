"""The tables of the preferences page."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from annotator.insights.preferences.judges import JudgeRow
from annotator.insights.preferences.report import PreferenceReport, RatedGenerator
from annotator.insights.tables import Column, Table
from reward_engine.evaluation import Interval

WIDEST = 12
"""So many generators have a row and a column in the page's matrix; the file has all."""


def tables(found: PreferenceReport) -> dict[str, Table]:
    """Make the tables by their names in addresses."""
    made = (_generators(found), _win_rates(found), _judges(found))
    return {table.id: table for table in made}


def _generators(found: PreferenceReport) -> Table:
    columns = (
        Column("generator", _("Generator"), "text", lambda row: row.name),
        Column("rating", _("Rating"), "number_plot", lambda row: row.rating),
        Column("standing", _("Note"), "text", _standing, words=lambda row: row.standing),
        Column("expected", _("Expected wins"), "share", lambda row: row.expected),
        Column("wins", _("Won"), "count", lambda row: row.wins),
        Column("ties", _("Tied"), "count", lambda row: row.ties),
        Column("losses", _("Lost"), "count", lambda row: row.losses),
        Column("prompts", _("Prompts"), "count", lambda row: row.prompts),
    )
    return Table("generators", columns, found.generators)


def _standing(row: RatedGenerator) -> str:
    return {
        "rated": "",
        "won": _("always won: no finite rating"),
        "lost": _("always lost: no finite rating"),
        "apart": _("not connected with the others"),
    }[row.standing]


def _win_rates(found: PreferenceReport) -> Table:
    names = [row.name for row in found.generators]
    rows = [
        (names[one], names[other], found.matrix[one][other])
        for one in range(len(names))
        for other in range(len(names))
        if found.matrix[one][other].answers
    ]
    columns = (
        Column("generator", _("Generator"), "text", lambda row: row[0]),
        Column("against", _("Against"), "text", lambda row: row[1]),
        Column("share", _("Share won"), "share_plot", lambda row: row[2].share),
        Column("wins", _("Won"), "count", lambda row: row[2].wins),
        Column("ties", _("Tied"), "count", lambda row: row[2].ties),
        Column("losses", _("Lost"), "count", lambda row: row[2].losses),
        Column("prompts", _("Prompts"), "count", lambda row: row[2].prompts),
    )
    return Table("win-rates", columns, rows)


def _judges(found: PreferenceReport) -> Table:
    columns = (
        Column("judge", _("Judge"), "text", judge_name, words=lambda row: row.name or row.kind),
        Column("diff", _("Same side"), "share_plot", lambda row: row.diff),
        Column("tau", _("Same answer, with ties"), "share_plot", lambda row: row.tau),
        Column("answers", _("Answers"), "count", lambda row: row.answers),
        Column("decided", _("Without a tie"), "count", lambda row: row.decided),
        Column("seen", _("On trained prompts"), "share", lambda row: row.seen),
    )
    chance = JudgeRow("baseline", "chance", None, found.answers, found.answers - found.ties, _chance(), None)
    return Table("judges", columns, [*found.judges, chance])


def _chance() -> Interval:
    return Interval(0.5, float("nan"), float("nan"))


def judge_name(row: JudgeRow) -> str:
    """Name a judge for people."""
    if row.kind == "people":
        return _("Another person")
    if row.kind == "version":
        return _("Reward model %(version)s") % {"version": row.name}
    return {
        "usual_winner": _("Baseline: the generator that wins on other prompts"),
        "larger_file": _("Baseline: the larger file"),
        "left_side": _("Baseline: always the left side"),
        "chance": _("Baseline: chance"),
    }[row.name]


def matrix(found: PreferenceReport) -> dict[str, Any]:
    """Lay out the win rates of the generators with the best places."""
    shown = found.generators[:WIDEST]
    rows = [
        {
            "name": row.name,
            "number": index + 1,
            "cells": [_matrix_cell(found, index, other) for other in range(len(shown))],
        }
        for index, row in enumerate(shown)
    ]
    return {"rows": rows, "left_out": len(found.generators) - len(shown)}


def _matrix_cell(found: PreferenceReport, one: int, other: int) -> dict[str, Any]:
    rate = found.matrix[one][other]
    if rate.share is None:
        return {"rate": None, "same": one == other}
    share = rate.share
    verdict = "wins" if share.low > 0.5 else "loses" if share.high < 0.5 else "open"
    return {
        "rate": rate,
        "share": f"{100 * share.value:.0f}%",
        "around": f"{100 * share.low:.0f}–{100 * share.high:.0f}",
        "verdict": verdict,
    }
