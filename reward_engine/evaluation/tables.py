"""Reports as plain text tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from reward_engine.checklist import Checklist
from reward_engine.evaluation.bootstrap import Interval
from reward_engine.evaluation.breakdown import GeneratorAgreement
from reward_engine.evaluation.compare import AnswerComparison, Comparison, Difference
from reward_engine.evaluation.preferences import PreferenceAccuracy
from reward_engine.evaluation.report import AnswerReport

if TYPE_CHECKING:
    from reward_engine.preferences import PreferenceFit

NONE = "–"


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell; the first to the left, the others to the right."""
    widths = [max(len(row[column]) for row in (headers, *rows)) for column in range(len(headers))]

    def line(cells: Sequence[str]) -> str:
        first, *others = (
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(cells, widths, strict=True))
        )
        return "  ".join((first, *others)).rstrip()

    return "\n".join([line(headers), "  ".join("─" * width for width in widths), *(line(row) for row in rows)])


def answers_table(checklist: Checklist, report: AnswerReport) -> str:
    """One line a sub-dimension: its levels' accuracy with interval, the baseline, kappa, error and rank correlation."""
    rows = []
    for sub in checklist.ordinal:
        one = report.sub_dimensions[sub.id]
        rows.append(
            [
                sub.name,
                str(one.levels.n),
                percent(one.levels.accuracy, one.intervals["accuracy"]),
                percent(one.baseline_accuracy),
                number(one.levels.kappa, one.intervals["kappa"]),
                number(one.levels.mae),
                number(one.ranks.kendall),
                number(one.ranks.spearman, one.intervals["spearman"]),
            ]
        )
    headers = ["sub-dimension", "n", "accuracy", "baseline", "kappa", "error", "Kendall", "Spearman"]
    means = report.overall
    lines = [
        table(headers, rows),
        "",
        f"Questions: accuracy {percent(means['accuracy'])}, balanced {percent(means['balanced_accuracy'])}, "
        f"F1 {number(means['f1'])}, kappa {number(means['kappa'])} (means over questions); "
        f"expected calibration error {percent(report.reliability.ece)}.",
    ]
    return "\n".join(lines)


def comparison_table(comparison: Comparison) -> str:
    """One line a judge with diff and tau, then one line a difference with its significance."""
    rows = []
    for name, one in comparison.judges.items():
        intervals = comparison.intervals[name]
        rows.append([name, str(one.n), percent(one.diff, intervals.diff), percent(one.tau, intervals.tau)])
    return "\n".join([table(["judge", "pairs", "diff", "tau"], rows), *_differences(comparison.differences)])


def shares_table(comparison: AnswerComparison) -> str:
    """One line a judge with the share of people's answers that it gives too, then one line a difference."""
    rows = [[name, percent(share)] for name, share in comparison.judges.items()]
    return "\n".join([table(["judge", "answers like people"], rows), *_differences(comparison.differences)])


def breakdown_table(
    dimensions: Mapping[str, PreferenceAccuracy], generators: Mapping[str, GeneratorAgreement], names: Mapping[str, str]
) -> str:
    """How each dimension alone orders the pairs; and for each generator what people and the score give it."""
    rows = [[names[id], str(one.n), percent(one.diff), percent(one.tau)] for id, one in dimensions.items()]
    text = table(["dimension alone", "pairs", "diff", "tau"], rows)
    if generators:
        rows = [
            [name, str(one.accuracy.n), percent(one.accuracy.diff), percent(one.human_wins), percent(one.score_wins)]
            for name, one in generators.items()
        ]
        text += "\n\n" + table(["generator", "pairs", "diff", "wins with people", "wins with the score"], rows)
    return text


def weights_table(checklist: Checklist, fit: PreferenceFit) -> str:
    """One line a question that got a weight, the largest first, with its interval."""
    rows = []
    for index in np.argsort(-fit.weights.coef, kind="stable"):
        if fit.weights.coef[index] > 0:
            around = "" if np.isnan(fit.low[index]) else f"[{fit.low[index]:.2f}, {fit.high[index]:.2f}]"
            rows.append([checklist.questions[index].id, f"{fit.weights.coef[index]:.2f}", around])
    return table(["question", "weight", "95 %"], rows)


def _differences(differences: Sequence[Difference]) -> list[str]:
    lines = []
    for d in differences:
        if d.difference is None or d.p_adjusted is None:
            continue
        verdict = "significant" if d.is_significant else "may be chance"
        points = (
            f"{100 * d.difference.value:+.1f} points [{100 * d.difference.low:+.1f}, {100 * d.difference.high:+.1f}]"
        )
        lines.append(f"{d.first} over {d.second}: {points}, p = {d.p_adjusted:.3g} ({verdict})")
    return lines


def percent(value: float | None, interval: Interval | None = None) -> str:
    if value is None:
        return NONE
    return f"{100 * value:.1f} %" + (f" [{100 * interval.low:.1f}, {100 * interval.high:.1f}]" if interval else "")


def number(value: float | None, interval: Interval | None = None) -> str:
    if value is None:
        return NONE
    return f"{value:.2f}" + (f" [{interval.low:.2f}, {interval.high:.2f}]" if interval else "")
