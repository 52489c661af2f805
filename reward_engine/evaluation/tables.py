"""Reports as plain text tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from reward_engine.checklist import Checklist
from reward_engine.evaluation.bootstrap import Interval
from reward_engine.evaluation.compare import Comparison
from reward_engine.evaluation.report import AnswerReport

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
    text = table(["judge", "pairs", "diff", "tau"], rows)
    for d in comparison.differences:
        if d.difference is None or d.p_adjusted is None:
            continue
        verdict = "significant" if d.is_significant else "may be chance"
        points = (
            f"{100 * d.difference.value:+.1f} points [{100 * d.difference.low:+.1f}, {100 * d.difference.high:+.1f}]"
        )
        text += f"\n{d.first} over {d.second}: {points}, p = {d.p_adjusted:.3g} ({verdict})"
    return text


def percent(value: float | None, interval: Interval | None = None) -> str:
    if value is None:
        return NONE
    return f"{100 * value:.1f} %" + (f" [{100 * interval.low:.1f}, {100 * interval.high:.1f}]" if interval else "")


def number(value: float | None, interval: Interval | None = None) -> str:
    if value is None:
        return NONE
    return f"{value:.2f}" + (f" [{interval.low:.2f}, {interval.high:.2f}]" if interval else "")
