"""Reads of generation sets and of what was made for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Avg, Count, Exists, F, IntegerField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from annotator.generations.models import GeneratedItem, GenerationSet, PromptSet, PromptSetMember
from annotator.rewards.models import RewardModel, Score
from reward_engine.mpo.seeds import seed_of

if TYPE_CHECKING:
    from annotator.generations.annotated import CountedGenerationSet

GENERATE_TASK = "generations.generate"


def generation_sets() -> QuerySet[CountedGenerationSet]:
    """List generation sets, the newest first.

    Each has its ``prompt_count``, how many items are ``wanted``, and ``made_count``, how many of them are made.
    """
    prompts = (
        PromptSetMember.objects.filter(prompt_set=OuterRef("prompt_set"))
        .order_by().values("prompt_set").annotate(n=Count("pk")).values("n")
    )  # fmt: skip
    made = (
        GeneratedItem.objects.filter(generation_set=OuterRef("pk"))
        .order_by().values("generation_set").annotate(n=Count("pk")).values("n")
    )  # fmt: skip
    return (
        GenerationSet.objects.select_related("prompt_set", "job", "scoring_job", "generator", "created_by")
        .annotate(
            prompt_count=Coalesce(Subquery(prompts, output_field=IntegerField()), Value(0)),
            made_count=Coalesce(Subquery(made, output_field=IntegerField()), Value(0)),
        )
        .annotate(wanted=F("prompt_count") * F("per_prompt"))
        .order_by("-created_at")
    )


def generations_of(prompt_set: PromptSet) -> QuerySet[CountedGenerationSet]:
    """List the generation sets of a prompt set."""
    return generation_sets().filter(prompt_set=prompt_set)


def is_whole(found: GenerationSet) -> bool:
    """Tell whether everything that was asked for has been made."""
    return found.made.count() >= found.prompt_set.members.count() * found.per_prompt


@dataclass(frozen=True)
class Slot:
    """An item of a set that has not been made.

    It is the ``index``-th of a prompt, and its seed is made of set, prompt and index.
    """

    prompt: int
    text: str
    index: int
    seed: int


def seed_for(seed: int, text: str, index: int) -> int:
    """Make the seed of an item as ``reward_engine.mpo.generation.plan`` does."""
    return seed_of(seed, text, index) % 2**32


def lacking(found: GenerationSet) -> Iterator[Slot]:
    """List what has not been made, prompt by prompt."""
    made: dict[int, set[int]] = {}
    for prompt, index in found.made.values_list("prompt_id", "index").iterator():
        made.setdefault(prompt, set()).add(index)
    rows = found.prompt_set.members.order_by("position").values_list("prompt_id", "prompt__text")
    for pk, text in rows.iterator():
        there = made.get(pk, ())
        for index in range(found.per_prompt):
            if index not in there:
                yield Slot(pk, text, index, seed_for(found.seed, text, index))


@dataclass(frozen=True)
class Made:
    """An item of the gallery, with what the model says of it."""

    index: int
    seed: int
    item: Any
    score: Score | None


@dataclass(frozen=True)
class PromptRow:
    """A prompt of the gallery with its items and how many are missing."""

    member: PromptSetMember
    made: list[Made]
    lacking: int


def gallery_rows(
    found: GenerationSet, members: Sequence[PromptSetMember], model: RewardModel | None
) -> list[PromptRow]:
    """List what was made for these prompts, in their order."""
    prompts = [member.prompt_id for member in members]
    items = list(
        found.made.filter(prompt__in=prompts).select_related("item__prompt", "item__generator").order_by("index")
    )
    scores: dict[int, Score] = {}
    if model is not None:
        given = Score.objects.filter(reward_model=model, item__in=[one.item_id for one in items])
        scores = {score.item_id: score for score in given}
    by_prompt: dict[int, list[Made]] = {}
    for one in items:
        row = Made(one.index, one.seed, one.item, scores.get(one.item_id))
        by_prompt.setdefault(one.prompt_id, []).append(row)
    return [
        PromptRow(member, by_prompt.get(member.prompt_id, []),
                  found.per_prompt - len(by_prompt.get(member.prompt_id, ())))
        for member in members
    ]  # fmt: skip


@dataclass(frozen=True)
class ScoringProgress:
    """How much of a set a version has scored, and the mean reward.

    The mean is None where nothing is scored.
    """

    scored: int
    mean: float | None


def scoring_progress(found: GenerationSet, model: RewardModel) -> ScoringProgress:
    """Count how much of a set a version has scored."""
    scores = Score.objects.filter(
        Exists(GeneratedItem.objects.filter(generation_set=found, item=OuterRef("item"))), reward_model=model
    )
    totals = scores.aggregate(n=Count("pk"), mean=Avg("reward"))
    return ScoringProgress(totals["n"], totals["mean"])
