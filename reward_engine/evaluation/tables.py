"""Reports as plain text tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from reward_engine.checklist import Checklist
from reward_engine.evaluation.bootstrap import Interval
from reward_engine.evaluation.breakdown import GeneratorAgreement
from reward_engine.evaluation.compare import AnswerComparison, Difference, JudgeComparison
from reward_engine.evaluation.preferences import PreferenceAccuracy
from reward_engine.evaluation.report import AnswerReport

if TYPE_CHECKING:
    from reward_engine.preferences import PreferenceFit
    from reward_engine.preferences.effect import DimensionEffect

NONE = "–"


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out columns as wide as their widest cell.

    The first column stands to the left, the others to the right.
    """
    widths = [max(len(row[column]) for row in (headers, *rows)) for column in range(len(headers))]

    def line(cells: Sequence[str]) -> str:
        first, *others = (
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(cells, widths, strict=True))
        )
        return "  ".join((first, *others)).rstrip()

    return "\n".join([line(headers), "  ".join("─" * width for width in widths), *(line(row) for row in rows)])


BASELINES = ("sharpness", "motion", "bitrate", "ridge")


def held_out_table(metrics: Mapping[str, Any]) -> str:
    """Lay out how the judge orders unseen items, by sub-dimension.

    Each has a line that says how well the items of an unseen prompt are ordered, beside each baseline.
    """
    measured: Mapping[str, Any] = metrics["sub_dimensions"]
    names = [name for name in BASELINES if any(name in entry.get("baselines", {}) for entry in measured.values())]
    rows = []
    for id, entry in measured.items():
        known = entry.get("baselines", {})
        rows.append(
            [
                id,
                str(entry["n"]),
                percent(entry["accuracy"]),
                percent(entry["baseline_accuracy"]),
                str(entry.get("pairs") or 0),
                _ordered(entry),
                *(percent(known.get(name, {}).get("ordered")) for name in names),
            ]
        )
    headers = ["held-out prompts", "n", "accuracy", "majority", "pairs", "in order", *names]
    return table(headers, rows) + "\nIn order: pairs of one prompt in people's order; a constant has 50 %."


def _ordered(entry: Mapping[str, Any]) -> str:
    share, low, high = (entry.get(name) for name in ("ordered", "ordered_low", "ordered_high"))
    return percent(share, None if share is None or low is None or high is None else Interval(share, low, high))


def beside_table(found: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """Show judges and baselines, one line per sub-dimension.

    Gives the share of pairs in people's order, of judges with its interval.
    """
    names = list(dict.fromkeys(name for one in found.values() for name in one))
    rows = []
    for id, one in found.items():
        pairs = next(iter(one.values()))["pairs"] if one else 0
        shares = [_share(one[name], name not in ("majority", *BASELINES)) for name in names]
        rows.append([id, str(pairs), *shares])
    return table(["pairs in people's order", "pairs", *names], rows)


def _share(order: Mapping[str, Any], sure: bool) -> str:
    share, low, high = (order[name] for name in ("ordered", "low", "high"))
    return percent(share, Interval(share, low, high) if sure and share is not None and low is not None else None)


def answers_table(checklist: Checklist, report: AnswerReport) -> str:
    """Lay out how well levels are told, by sub-dimension.

    Each has a line with its levels' accuracy and interval, the baseline, kappa, error and rank correlation.
    """
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


def comparison_table(comparison: JudgeComparison) -> str:
    """Lay out judges with diff and tau.

    Each judge has a line, then each difference with its significance.
    """
    rows = []
    for name, one in comparison.judges.items():
        intervals = comparison.intervals[name]
        rows.append([name, str(one.n), percent(one.diff, intervals.diff), percent(one.tau, intervals.tau)])
    return "\n".join([table(["judge", "pairs", "diff", "tau"], rows), *_differences(comparison.differences)])


def shares_table(comparison: AnswerComparison) -> str:
    """Lay out judges by the answers they share with people.

    Each judge has a line, then each difference.
    """
    rows = [[name, percent(share)] for name, share in comparison.judges.items()]
    return "\n".join([table(["judge", "answers like people"], rows), *_differences(comparison.differences)])


def breakdown_table(
    dimensions: Mapping[str, PreferenceAccuracy], generators: Mapping[str, GeneratorAgreement], names: Mapping[str, str]
) -> str:
    """Lay out how dimensions alone order the pairs, and generators' wins.

    Each generator has what people and the score give it.
    """
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
    """List the questions that got a weight, the largest first, with its interval."""
    rows = []
    for index in np.argsort(-fit.weights.coef, kind="stable"):
        if fit.weights.coef[index] > 0:
            around = "" if np.isnan(fit.low[index]) else f"[{fit.low[index]:.2f}, {fit.high[index]:.2f}]"
            rows.append([checklist.questions[index].id, f"{fit.weights.coef[index]:.2f}", around])
    return table(["question", "weight", "95 %"], rows)


def effects_table(effects: Sequence[DimensionEffect]) -> str:
    """Lay out what each dimension adds to the right order of pairs.

    Each has a line, with its interval.
    """
    rows = []
    for one in effects:
        sure = None if one.low is None or one.high is None else Interval(one.difference, one.low, one.high)
        cells = [percent(one.share), percent(one.accuracy), percent(one.without), percent(one.difference, sure)]
        rows.append([one.dimension, *cells])
    return table(["dimension", "of the weights", "right order", "without it", "adds"], rows)


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
    """Write a share in percent, with its interval."""
    if value is None:
        return NONE
    return f"{100 * value:.1f} %" + (f" [{100 * interval.low:.1f}, {100 * interval.high:.1f}]" if interval else "")


def number(value: float | None, interval: Interval | None = None) -> str:
    """Write a number, with its interval."""
    if value is None:
        return NONE
    return f"{value:.2f}" + (f" [{interval.low:.2f}, {interval.high:.2f}]" if interval else "")
