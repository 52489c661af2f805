"""Versions, what they cover, and what one could train on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from django.db.models import Count, Q, QuerySet

from annotator.campaigns.models import Assignment, AssignmentState, Campaign, Preference, that_count
from annotator.core import figures
from annotator.jobs.models import Job
from annotator.jobs.queries import unfinished
from annotator.library.models import MediaType
from annotator.library.queries import items_by_media_type
from annotator.rewards.models import RewardModel, RewardModelState
from annotator.rewards.queries.counts import problems_by_model, scores_by_model
from annotator.rewards.services.scoring import SCORE_TASK
from annotator.rewards.services.training_request import TRAIN_TASK

if TYPE_CHECKING:
    from annotator.rewards.annotated import ScoredModel

ANNOTATIONS, COMPARISONS = "rewards.annotations", "rewards.comparisons"


def models() -> QuerySet[RewardModel]:
    """List all versions with what a list of them shows."""
    return RewardModel.objects.select_related("checklist_version", "snapshot", "base", "created_by")


def promoted(media_type: str) -> RewardModel | None:
    """Find the version that scores this media type, or None."""
    return models().filter(media_type=media_type, state=RewardModelState.PROMOTED).first()


def models_by_media_type() -> dict[str, list[RewardModel]]:
    """List all versions by media type, newest first.

    A media type without versions is in the result as well.
    """
    found: dict[str, list[RewardModel]] = {media_type: [] for media_type in MediaType.values}
    scores = scores_by_model()
    for model in cast("list[ScoredModel]", list(models().order_by("-version"))):
        model.scored = scores.get(model.pk, 0)
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
    """How many items of its media type a version has scored.

    ``problems`` counts those it could not score.
    """

    items: int
    scored: int
    problems: int

    @property
    def missing(self) -> int:
        return self.items - self.scored


def coverage(reward_model: RewardModel) -> Coverage:
    """Count what a version has scored."""
    return Coverage(
        items=items_by_media_type().get(reward_model.media_type, 0),
        scored=scores_by_model().get(reward_model.pk, 0),
        problems=problems_by_model().get(reward_model.pk, 0),
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
    """A campaign in which people compared items, and how many comparisons it has.

    ``decided`` leaves ties out.
    """

    campaign: Campaign
    comparisons: int
    decided: int
    prompts: int
    people: int


def comparison_choices() -> list[ComparisonChoice]:
    """List campaigns whose comparisons weights could be fitted on, by media type.

    Campaigns with the most comparisons come first.
    """
    return [ComparisonChoice(campaign, *counts) for campaign, counts in _with_campaigns(COMPARISONS)]


def training_choices() -> list[TrainingChoice]:
    """List campaigns with submitted annotations that count, by media type.

    Campaigns with the most annotations come first.
    """
    return [TrainingChoice(campaign, *counts) for campaign, counts in _with_campaigns(ANNOTATIONS)]


def register() -> None:
    """Register the counts that the choices need."""
    figures.register(ANNOTATIONS, make=_count_annotations)
    figures.register(COMPARISONS, make=_count_comparisons)


def _with_campaigns(name: str) -> list[tuple[Campaign, tuple[int, ...]]]:
    counts: dict[int, tuple[int, ...]] = figures.present(name)
    campaigns = Campaign.objects.select_related("checklist_version").in_bulk([*counts])
    return sorted(
        ((campaigns[pk], found) for pk, found in counts.items() if pk in campaigns),
        key=lambda row: (row[0].media_type, -row[1][0], row[0].pk),
    )


def _count_comparisons(_of: str) -> dict[int, tuple[int, ...]]:
    said = Q(pairs__comparisons__state=AssignmentState.SUBMITTED)
    campaigns = (
        Campaign.objects.annotate(
            comparisons=Count("pairs__comparisons", filter=said),
            decided=Count("pairs__comparisons", filter=said & ~Q(pairs__comparisons__preference=Preference.TIE)),
            prompts=Count("pairs__first__prompt", filter=said, distinct=True),
            people=Count("pairs__comparisons__annotator", filter=said, distinct=True),
        )
        .filter(comparisons__gt=0)
        .order_by()
    )
    rows = campaigns.values_list("pk", "comparisons", "decided", "prompts", "people")
    return {pk: tuple(counts) for pk, *counts in rows}


def _count_annotations(_of: str) -> dict[int, tuple[int, ...]]:
    rows = (
        Assignment.objects.filter(that_count())
        .order_by()
        .values_list("campaign_item__campaign")
        .annotate(
            Count("pk"),
            Count("campaign_item", distinct=True),
            Count("campaign_item__item__prompt", distinct=True),
            Count("annotator", distinct=True),
        )
    )
    return {pk: tuple(counts) for pk, *counts in rows}
