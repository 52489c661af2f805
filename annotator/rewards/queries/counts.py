"""How many items each version has scored, counted anew while that is quick."""

from __future__ import annotations

from django.db.models import Count

from annotator.core import figures
from annotator.rewards.models import Score, ScoreProblem

SCORES, PROBLEMS = "rewards.scores", "rewards.problems"


def scores_by_model() -> dict[int, int]:
    """Count the scores of each version that has any."""
    return dict(figures.present(SCORES))


def problems_by_model() -> dict[int, int]:
    """Count the items that each version could not score."""
    return dict(figures.present(PROBLEMS))


def register() -> None:
    """Register the counts that workers make."""
    figures.register(SCORES, make=lambda _: dict(_by_model(Score)))
    figures.register(PROBLEMS, make=lambda _: dict(_by_model(ScoreProblem)))


def _by_model(model: type[Score] | type[ScoreProblem]) -> list[tuple[int, int]]:
    return list(model.objects.order_by().values_list("reward_model").annotate(n=Count("pk")))
