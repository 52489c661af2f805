"""The preferences as a worker makes them: no page reads every comparison itself."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Max

from annotator.campaigns.models import AssignmentState, HumanComparison
from annotator.core import figures
from annotator.core.figures import Figures
from annotator.insights.preferences.choice import Choice, campaigns_named
from annotator.insights.preferences.report import PreferenceReport, report
from annotator.rewards.models import RewardModel, Score

PREFERENCES = "insights.preferences"


def latest_preferences(choice: Choice) -> Figures:
    """``value``: a :class:`PreferenceReport`; None before the first time, and where nobody compared."""
    return figures.latest(PREFERENCES, choice.name)


def _make(of: Any) -> PreferenceReport | None:
    return report(campaigns_named(of), of.split(".")[0])


def _depends_on(of: Any) -> str:
    """Every comparison and its corrections, every version and its scores."""
    campaigns, media_type = campaigns_named(of), of.split(".")[0]
    compared = HumanComparison.objects.filter(pair__campaign__in=campaigns, state=AssignmentState.SUBMITTED).aggregate(
        n=Count("pk"), last=Max("updated_at")
    )
    models = RewardModel.objects.filter(media_type=media_type).aggregate(n=Count("pk"), last=Max("updated_at"))
    scores = Score.objects.filter(reward_model__media_type=media_type).aggregate(n=Count("pk"), last=Max("pk"))
    return str((sorted(one.pk for one in campaigns), compared, models, scores))


def register() -> None:
    figures.register(PREFERENCES, make=_make, depends_on=_depends_on)
