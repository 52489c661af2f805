"""A comparison's result as plain data for the database, and in words."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.utils.translation import gettext, ngettext

from annotator.mpo.models import ModelComparison
from reward_engine.mpo.comparison import Rates, ScoreComparison


def in_words(comparison: ModelComparison) -> str:
    """ "MPO: reward +0.120, better in 71 % of 80 items." """
    runs = {run.pk: run.name for run in comparison.runs.all()}
    parts = []
    for model in comparison.result["models"]:
        n = comparison.result["items"]
        text = ngettext(
            "%(run)s: reward %(change)s, better in %(win)s of %(n)s item",
            "%(run)s: reward %(change)s, better in %(win)s of %(n)s items",
            n,
        )
        words = text % {
            "run": runs[model["run"]],
            "change": f"{model['reward']['difference']:+.3f}",
            "win": f"{model['by_reward']['win']:.0%}",
            "n": f"{n:,}",
        }
        parts.append(gettext("%(result)s (over-optimized)") % {"result": words} if model["over_optimized"] else words)
    return "; ".join(parts) + "."


def plain_comparison(found: ScoreComparison) -> dict[str, Any]:
    """Turn a comparison into plain data."""
    return {
        "reward": _change(found.reward),
        "dimensions": [_change(change) for change in found.dimensions],
        "sub_dimensions": [_change(change) for change in found.sub_dimensions],
        "by_reward": _rates(found.by_reward),
        "by_dominance": _rates(found.by_dominance),
        "over_optimized": list(found.over_optimized),
    }


def _rates(rates: Rates) -> dict[str, float]:
    # The tie rate is what the others leave, which rounding may put a hair below nothing.
    return {name: max(value, 0.0) for name, value in asdict(rates).items()}


def _change(change: Any) -> dict[str, Any]:
    return {**asdict(change), "verdict": change.verdict}
