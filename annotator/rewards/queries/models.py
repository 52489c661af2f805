"""Versions, what they cover, and what one could train on."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from annotator.campaigns.models import AssignmentState, Campaign, Preference, that_count
from annotator.jobs.models import Job
from annotator.jobs.queries import unfinished
from annotator.library.models import Item, MediaType
from annotator.rewards.models import RewardModel, RewardModelState, Score, ScoreProblem
from annotator.rewards.services.scoring import SCORE_TASK
from annotator.rewards.services.training import TRAIN_TASK


def models() -> QuerySet[RewardModel]:
    return RewardModel.objects.select_related("checklist_version", "snapshot", "base", "created_by")


def promoted(media_type: str) -> RewardModel | None:
    """The version that scores this media type, if there is one."""
    return models().filter(media_type=media_type, state=RewardModelState.PROMOTED).first()


def models_by_media_type() -> dict[str, list[RewardModel]]:
    """All versions, newest first, under each media type (also one without any)."""
    found: dict[str, list[RewardModel]] = {media_type: [] for media_type in MediaType.values}
    for model in models().annotate(scored=Count("scores")).order_by("-version"):
        found[model.media_type].append(model)
    return found


def running_jobs(reward_model: RewardModel | None = None) -> QuerySet[Job]:
    """Trainings and scorings under way; those of one version where it is given."""
    jobs = unfinished(Job.objects.filter(kind__in=[TRAIN_TASK, SCORE_TASK])).select_related("requested_by")
    if reward_model is not None:
        jobs = jobs.filter(kind=SCORE_TASK, params__reward_model=reward_model.pk)
    return jobs.order_by("created_at")


@dataclass(frozen=True)
class Coverage:
    """How many of the ``items`` of its media type a version has scored, and could not."""

    items: int
    scored: int
    problems: int

    @property
    def missing(self) -> int:
        return self.items - self.scored


def coverage(reward_model: RewardModel) -> Coverage:
    return Coverage(
        items=Item.objects.filter(media_type=reward_model.media_type).count(),
        scored=Score.objects.filter(reward_model=reward_model).count(),
        problems=ScoreProblem.objects.filter(reward_model=reward_model).count(),
    )


@dataclass(frozen=True)
class TrainingChoice:
    """A campaign one could train on, and what is in it."""

    campaign: Campaign
    annotations: int
    items: int
    prompts: int
    annotators: int


@dataclass(frozen=True)
class ComparisonChoice:
    """A campaign in which people compared items, and what is in it; ``decided`` leaves ties out."""

    campaign: Campaign
    comparisons: int
    decided: int
    prompts: int
    people: int


def comparison_choices() -> list[ComparisonChoice]:
    """Campaigns whose comparisons weights could be fitted on, by media type, those with most first."""
    said = Q(pairs__comparisons__state=AssignmentState.SUBMITTED)
    campaigns = (
        Campaign.objects.annotate(
            comparisons=Count("pairs__comparisons", filter=said),
            decided=Count("pairs__comparisons", filter=said & ~Q(pairs__comparisons__preference=Preference.TIE)),
            prompts=Count("pairs__first__prompt", filter=said, distinct=True),
            people=Count("pairs__comparisons__annotator", filter=said, distinct=True),
        )
        .filter(comparisons__gt=0)
        .order_by("media_type", "-comparisons", "pk")
    )
    return [ComparisonChoice(c, c.comparisons, c.decided, c.prompts, c.people) for c in campaigns]


def training_choices() -> list[TrainingChoice]:
    """Campaigns with submitted annotations that count, by media type, those with most first."""
    submitted = that_count("campaign_items__assignments__")
    campaigns = (
        Campaign.objects.select_related("checklist_version")
        .annotate(
            annotations=Count("campaign_items__assignments", filter=submitted),
            judged_items=Count("campaign_items__item", filter=submitted, distinct=True),
            judged_prompts=Count("campaign_items__item__prompt", filter=submitted, distinct=True),
            people=Count("campaign_items__assignments__annotator", filter=submitted, distinct=True),
        )
        .filter(annotations__gt=0)
        .order_by("media_type", "-annotations", "pk")
    )
    return [TrainingChoice(c, c.annotations, c.judged_items, c.judged_prompts, c.people) for c in campaigns]
