"""The leaderboard as a worker makes it: no page reads every score itself."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Max

from annotator.campaigns.models import (
    Assignment,
    AssignmentState,
    Campaign,
    HumanComparison,
    JudgmentChange,
    that_count,
)
from annotator.core import figures
from annotator.core.figures import Figures
from annotator.insights.agreement.choice import Choice, campaigns_with_answers
from annotator.insights.generators.report import GeneratorReport, report
from annotator.rewards.models import RewardModel, Score

GENERATORS = "insights.generators"


def latest_generators(choice: Choice) -> Figures:
    """``value``: a :class:`GeneratorReport`; None before the first time."""
    model, campaign = choice.model.pk if choice.model else "none", choice.campaign.pk if choice.campaign else "all"
    return figures.latest(GENERATORS, f"{choice.media_type}.{model}.{campaign}")


def _asked(name: str) -> tuple[str, RewardModel | None, list[Campaign], bool]:
    """Media type, version, campaigns, and whether one campaign was asked for."""
    media_type, pk, campaign = name.split(".")
    model = None if pk == "none" else RewardModel.objects.select_related("checklist_version").get(pk=pk)
    campaigns = campaigns_with_answers(media_type, model)
    return media_type, model, [row for row in campaigns if campaign in ("all", str(row.pk))], campaign != "all"


def _make(of: Any) -> GeneratorReport:
    return report(*_asked(of))


def _depends_on(of: Any) -> str:
    """Every answer that counts and its corrections, every comparison, every score and the version's weights."""
    media_type, model, campaigns, _ = _asked(of)
    answers = Assignment.objects.filter(that_count(), campaign_item__campaign__in=campaigns).aggregate(
        n=Count("pk"), last=Max("submitted_at")
    )
    changes = JudgmentChange.objects.filter(assignment__campaign_item__campaign__in=campaigns).aggregate(last=Max("pk"))
    compared = HumanComparison.objects.filter(
        pair__campaign__media_type=media_type, state=AssignmentState.SUBMITTED
    ).aggregate(n=Count("pk"), last=Max("updated_at"))
    scores = Score.objects.filter(reward_model=model).aggregate(n=Count("pk"), last=Max("pk")) if model else {}
    version = model and (model.pk, model.updated_at.isoformat())
    return str((sorted(row.pk for row in campaigns), version, answers, changes, compared, scores))


def register() -> None:
    figures.register(GENERATORS, make=_make, depends_on=_depends_on)
