"""Reads of comparisons: what the reward model says, what people say, and the pictures themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, QuerySet

from annotator.campaigns.queries import pair_results
from annotator.jobs.models import FINISHED
from annotator.library.models import Item, Prompt
from annotator.mpo.models import HumanVerdict, ModelComparison, MpoRun
from annotator.mpo.queries.runs import finished_runs


def comparisons() -> QuerySet[ModelComparison]:
    """Newest first, each with what a page says of it."""
    return (
        ModelComparison.objects.select_related("reward_model__checklist_version", "prompt_set", "job", "created_by")
        .prefetch_related("runs__pair_set")
        .order_by("-created_at")
    )


def any_comparing() -> bool:
    """Tell whether a comparison is under way."""
    return ModelComparison.objects.filter(job__isnull=False).exclude(job__state__in=FINISHED).exists()


def comparable_runs() -> list[list[MpoRun]]:
    """Finished runs, those that began as the same model together; the newest model first."""
    groups: dict[str, list[MpoRun]] = {}
    for run in finished_runs():
        groups.setdefault(run.pipeline_fingerprint, []).append(run)
    return list(groups.values())


@dataclass(frozen=True)
class Share:
    """``value`` in 0..1 with its 95 % interval; None where nothing was counted. ``count`` of ``of``."""

    count: int
    of: int
    value: float | None
    low: float | None
    high: float | None


def wilson(count: int, of: int, z: float = 1.959964) -> Share:
    """Compute a share with Wilson's score interval (Wilson 1927).

    The interval is right for few observations and for extreme shares too.
    """
    if of == 0:
        return Share(count, of, None, None, None)
    p = count / of
    middle = (p + z * z / (2 * of)) / (1 + z * z / of)
    half = z * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return Share(count, of, p, max(0.0, middle - half), min(1.0, middle + half))


@dataclass(frozen=True)
class Verdict:
    """What people say of a run against the start, pair by pair.

    Each pair counts by the majority of those who compared it.

    ``win``, ``tie``, ``lose``: shares of the pairs that somebody compared. ``preferred``: share of wins where there is
    a preference. ``model_*``: what the reward model says of the same pairs. ``agreement``: of the pairs in which both
    prefer one, the share in which it is the same one.
    """

    verdict: HumanVerdict
    pairs: int
    compared: int
    answers: int
    needed: int
    win: Share
    tie: Share
    lose: Share
    preferred: Share
    model_win: Share
    model_tie: Share
    model_lose: Share
    agreement: Share

    @property
    def rates(self) -> dict[str, float]:
        """As bars are drawn from."""
        return {"win": self.win.value or 0.0, "tie": self.tie.value or 0.0, "lose": self.lose.value or 0.0}

    @property
    def words(self) -> str:
        """``better``, ``worse`` or ``unclear``: whether the interval leaves a doubt."""
        if self.preferred.low is None or self.preferred.high is None:
            return "unclear"
        return "better" if self.preferred.low > 0.5 else "worse" if self.preferred.high < 0.5 else "unclear"


def verdict_of(verdict: HumanVerdict) -> Verdict:
    """Summarize what people said of a run's pairs.

    Of each pair of the campaign, the first item is the start's, the second the run's.
    """
    rewards = dict(verdict.comparison.made.filter(run=None).values_list("item", "reward")) | dict(
        verdict.comparison.made.filter(run=verdict.run).values_list("item", "reward")
    )
    margin = verdict.comparison.tie_margin
    people: list[int] = []
    model: list[int] = []
    answers = needed = pairs = 0
    for pair in pair_results(verdict.campaign):
        pairs += 1
        needed += pair.needed
        said = pair.for_first + pair.for_second + pair.ties
        answers += said
        if not said:
            continue
        people.append(_sign(pair.for_second - pair.for_first))
        difference = rewards.get(pair.second_id, 0.0) - rewards.get(pair.first_id, 0.0)
        model.append(_sign(difference) if abs(difference) > margin else 0)
    n = len(people)
    decided = [(one, other) for one, other in zip(people, model, strict=True) if one and other]
    wins, loses = people.count(1), people.count(-1)
    return Verdict(
        verdict=verdict,
        pairs=pairs,
        compared=n,
        answers=answers,
        needed=needed,
        win=wilson(wins, n),
        tie=wilson(people.count(0), n),
        lose=wilson(loses, n),
        preferred=wilson(wins, wins + loses),
        model_win=wilson(model.count(1), n),
        model_tie=wilson(model.count(0), n),
        model_lose=wilson(model.count(-1), n),
        agreement=wilson(sum(one == other for one, other in decided), len(decided)),
    )


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


@dataclass(frozen=True)
class Cell:
    """What one model made for a prompt.

    ``gain`` is its reward less the start's, None for the start itself.
    """

    run: MpoRun | None
    item: Item
    reward: float
    gain: float | None


@dataclass(frozen=True)
class Row:
    """One item of a prompt by the start and by each run.

    It is the ``index``-th of the prompt, and all are made from the same seed.
    """

    prompt: Prompt
    index: int
    seed: int
    cells: tuple[Cell, ...]


ORDERS = ("prompt", "gain", "-gain")


def gallery_keys(comparison: ModelComparison, runs: Sequence[MpoRun], order: str) -> list[tuple[int, int]]:
    """List (prompt, index) of all rows in the order asked for.

    They come in the order of the prompts. With ``gain`` they come by the mean gain of the runs over the start, the
    largest first, and with ``-gain`` the smallest first.
    """
    made = list(comparison.made.values_list("run", "prompt", "index", "reward"))
    start = {(prompt, index): value for run, prompt, index, value in made if run is None}
    place = {prompt: number for number, prompt in enumerate(comparison.prompts)}
    keys = sorted(start, key=lambda key: (place.get(key[0], 0), key[1]))
    if order not in ("gain", "-gain"):
        return keys
    gain = dict.fromkeys(start, 0.0)
    for run, prompt, index, value in made:
        if run is not None:
            gain[prompt, index] += value - start[prompt, index]
    return sorted(keys, key=lambda key: gain[key], reverse=order == "gain")


def gallery_of(comparison: ModelComparison, runs: Sequence[MpoRun], keys: Sequence[tuple[int, int]]) -> list[Row]:
    """Read the rows of a page."""
    rows = comparison.made.filter(prompt__in={prompt for prompt, _ in keys}).select_related("item", "prompt")
    found = {(row.prompt_id, row.index, row.run_id): row for row in rows}
    shown = []
    for prompt, index in keys:
        start = found[prompt, index, None]
        cells = [Cell(None, start.item, start.reward, None)]
        for run in runs:
            row = found.get((prompt, index, run.pk))
            if row is not None:
                cells.append(Cell(run, row.item, row.reward, row.reward - start.reward))
        shown.append(Row(start.prompt, index, start.seed, tuple(cells)))
    return shown


def verdicts(comparison: ModelComparison) -> dict[int, HumanVerdict]:
    """Find what people were asked about each run, by run."""
    rows = comparison.verdicts.select_related("run", "campaign", "comparison")
    return {verdict.run_id: verdict for verdict in rows}


def counts_of_prompt_sets() -> list[Any]:
    """Prompt sets with how many prompts they have, newest first."""
    from annotator.generations.models import PromptSet

    return list(PromptSet.objects.annotate(count=Count("members")).filter(count__gt=0).order_by("-created_at"))
