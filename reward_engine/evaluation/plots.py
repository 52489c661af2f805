"""Reports as pictures. Each function gives a matplotlib figure; no window and no global state is involved."""

from __future__ import annotations

from matplotlib.figure import Figure

from reward_engine.calibration.reliability import Reliability
from reward_engine.checklist import Checklist
from reward_engine.evaluation.compare import JudgeComparison
from reward_engine.evaluation.report import AnswerReport

INK, GRAY, ACCENT, SECOND = "#1f2933", "#9aa5b1", "#2563eb", "#d97706"


def plot_reliability(found: Reliability, title: str = "Reliability") -> Figure:
    """Plot the share of yes against P(yes), with intervals.

    A histogram below shows how often each P(yes) was said.
    """
    figure = Figure(figsize=(5.2, 5.6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    upper.plot([0, 1], [0, 1], color=GRAY, linestyle="--", linewidth=1, label="perfect")
    x, y = [b.mean_p for b in found.bins], [b.share_yes for b in found.bins]
    # Where all answers agree, a bound is the share itself, give or take the last bit.
    error = [
        [max(0.0, b.share_yes - b.low) for b in found.bins],
        [max(0.0, b.high - b.share_yes) for b in found.bins],
    ]
    upper.errorbar(x, y, yerr=error, color=ACCENT, marker="o", markersize=4, capsize=2, linewidth=1.2, label="judge")
    upper.set(xlim=(0, 1), ylim=(0, 1), ylabel="share of yes among people", title=title)
    if found.ece is not None:
        upper.text(0.03, 0.93, f"ECE {found.ece:.3f}, n = {found.n}", color=INK, transform=upper.transAxes)
    upper.legend(loc="lower right", frameon=False)
    lower.bar(
        [b.lower for b in found.bins],
        [b.n for b in found.bins],
        width=[b.upper - b.lower for b in found.bins],
        align="edge",
        color=GRAY,
        edgecolor="white",
    )
    lower.set(xlabel="P(yes) of the judge", ylabel="answers")
    return figure


def plot_agreement(checklist: Checklist, report: AnswerReport, title: str = "Agreement with people") -> Figure:
    """Plot the accuracy of the likeliest level by sub-dimension.

    Each has its interval, and the baseline as a mark.
    """
    shown = [sub for sub in checklist.ordinal if report.sub_dimensions[sub.id].levels.n]
    figure = Figure(figsize=(7, 1.2 + 0.32 * max(len(shown), 1)), layout="constrained")
    axes = figure.subplots()
    for row, sub in enumerate(shown):
        one = report.sub_dimensions[sub.id]
        accuracy, interval = one.levels.accuracy or 0.0, one.intervals["accuracy"]
        axes.barh(row, accuracy, height=0.62, color=ACCENT, alpha=0.85)
        if interval is not None:
            axes.plot([interval.low, interval.high], [row, row], color=INK, linewidth=1.4)
        if one.baseline_accuracy is not None:
            axes.plot([one.baseline_accuracy] * 2, [row - 0.36, row + 0.36], color=SECOND, linewidth=2)
    axes.plot([], [], color=SECOND, linewidth=2, label="always the most frequent level")
    axes.set_yticks(range(len(shown)), [sub.name for sub in shown])
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="accuracy of the likeliest level", title=title)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.09), frameon=False)
    return figure


def plot_comparison(comparison: JudgeComparison, title: str = "Preference accuracy") -> Figure:
    """Plot ``diff`` and ``tau`` of each judge side by side, with intervals."""
    names = list(comparison.judges)
    figure = Figure(figsize=(6.4, 1.4 + 0.5 * max(len(names), 1)), layout="constrained")
    axes = figure.subplots()
    for offset, (key, color) in zip((-0.14, 0.14), (("diff", ACCENT), ("tau", SECOND)), strict=True):
        for row, name in enumerate(names):
            value = getattr(comparison.judges[name], key)
            interval = getattr(comparison.intervals[name], key)
            if value is None:
                continue
            axes.plot(value, row + offset, "o", color=color, label=key if row == 0 else None)
            if interval is not None:
                axes.plot([interval.low, interval.high], [row + offset] * 2, color=color, linewidth=1.6)
    axes.axvline(0.5, color=GRAY, linestyle="--", linewidth=1)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set(xlim=(0, 1), xlabel="share of pairs as people say", title=title)
    axes.legend(loc="lower left", frameon=False)
    return figure
