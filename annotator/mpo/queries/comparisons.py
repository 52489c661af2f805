"""Reads of comparisons: what the reward model says, what people say, and the pictures themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, Exists, IntegerField, OuterRef, Q, QuerySet, Subquery

from annotator.campaigns.queries import pair_results
from annotator.generations.models import PromptSet, PromptSetMember
from annotator.jobs.models import FINISHED
from annotator.library.models import Item, Prompt
from annotator.mpo.models import HumanVerdict, ModelComparison, MpoRun


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


def comparable_runs(query: str = "") -> QuerySet[MpoRun]:
    """List finished runs to choose from, newest first.

    Args:
        query: Words that are all found in the run's name, its pipeline or the name of its pairs.
    """
    rows = (
        MpoRun.objects.filter(finished_at__isnull=False).select_related("pair_set").order_by("-created_at", "-pk")
        .only("name", "pipeline", "start_lora", "pipeline_fingerprint", "finished_at", "pair_set__options")
    )  # fmt: skip
    for word in query.split():
        rows = rows.filter(Q(name__icontains=word) | Q(pipeline__icontains=word) | Q(pair_set__name__icontains=word))
    return rows


def rival_of(pk: int) -> MpoRun | None:
    """Find the newest run of the same model with the other objective."""
    run = comparable_runs().filter(pk=pk).first()
    if run is None:
        return None
    others = comparable_runs().filter(pipeline_fingerprint=run.pipeline_fingerprint)
    by_total = Q(pair_set__options__level="total")
    # Of sets without a level the database says neither yes nor no.
    other = ~by_total | Q(pair_set__options__level__isnull=True) if run.by_total else by_total
    return others.filter(other).first()


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


def prompt_sets_to_compare() -> QuerySet[PromptSet]:
    """List prompt sets that have prompts, newest first, each with their ``count``."""
    members = PromptSetMember.objects.filter(prompt_set=OuterRef("pk")).order_by()
    counts = members.values("prompt_set").annotate(n=Count("pk")).values("n")
    return (
        PromptSet.objects.filter(Exists(members))
        .annotate(count=Subquery(counts, output_field=IntegerField())).order_by("-created_at")
    )  # fmt: skip
