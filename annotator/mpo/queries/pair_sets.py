"""Reads of pair sets and pairs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from annotator.jobs.models import FINISHED, Job
from annotator.library.models import Item
from annotator.mpo.models import PairSet, PreferencePair
from annotator.rewards.models import RewardModel, RewardModelState, Score

MINE_TASK = "mpo.mine_pairs"
CHUNK = 2000


def ready_sets() -> QuerySet[PairSet]:
    """Whole pair sets, newest first, each with its ``vetoed`` count."""
    vetoed = (
        PreferencePair.objects.filter(pair_set=OuterRef("pk"), vetoed_at__isnull=False)
        .order_by().values("pair_set").annotate(n=Count("pk")).values("n")
    )  # fmt: skip
    return (
        PairSet.objects.filter(ready_at__isnull=False)
        .select_related("reward_model__checklist_version", "created_by")
        .annotate(vetoed=Coalesce(Subquery(vetoed, output_field=IntegerField()), Value(0)))
        .order_by("-created_at")
    )


def sets_with(item: Item, limit: int) -> list[PairSet]:
    """The newest sets in which an item stands, each with how often it ``won`` and ``lost``."""
    won = dict(item.won_pairs.order_by().values_list("pair_set").annotate(n=Count("pk")))
    lost = dict(item.lost_pairs.order_by().values_list("pair_set").annotate(n=Count("pk")))
    sets = list(PairSet.objects.filter(ready_at__isnull=False, pk__in=[*won, *lost]).order_by("-created_at")[:limit])
    for pair_set in sets:
        pair_set.won, pair_set.lost = won.get(pair_set.pk, 0), lost.get(pair_set.pk, 0)
    return sets


def mining_jobs() -> list[Job]:
    """Jobs that are mining, and the last one where it did not end well."""
    jobs = Job.objects.filter(kind=MINE_TASK).order_by("-created_at")
    unfinished = list(jobs.exclude(state__in=FINISHED)[:5])
    last = jobs.first()
    if not unfinished and last is not None and last.state != "succeeded":
        return [last]
    return unfinished


ORDERS = {
    "gap": (F("reward_gap").desc(), F("pk").asc()),
    "-gap": (F("reward_gap").asc(), F("pk").asc()),
    "prompt": (F("pk").asc(),),
}


def gallery(pair_set: PairSet, order: str = "gap", which: str = "all") -> QuerySet[PreferencePair]:
    """The pairs with what the page shows. ``which``: all, kept or vetoed. An unknown order is the first."""
    pairs = pair_set.pairs.select_related("prompt", "winner__generator", "loser__generator", "vetoed_by")
    if which in ("kept", "vetoed"):
        pairs = pairs.filter(vetoed_at__isnull=which == "kept")
    return pairs.order_by(*ORDERS.get(order, ORDERS["gap"]))


class Side(NamedTuple):
    """An item of a pair, as much as downloads tell of it."""

    item: int
    sha256: str
    extension: str
    generator: str
    generator_version: str
    view: str | None


class PairRow(NamedTuple):
    pair: int
    media_type: str
    prompt_id: int
    prompt: str
    winner: Side
    loser: Side
    winner_reward: float
    reward_gap: float
    gaps: list[float]


_SIDE = ("{}_id", "{}__sha256", "{}__extension", "{}__generator__name", "{}__generator__version", "{}__view")
_COLUMNS = (
    "pk", "winner__media_type", "prompt_id", "prompt__text",
    *(name.format("winner") for name in _SIDE), *(name.format("loser") for name in _SIDE),
    "winner_reward", "reward_gap", "gap_by_dimension",
)  # fmt: skip


def kept_pairs(pair_set: PairSet) -> Iterator[list[PairRow]]:
    """Every pair that was not vetoed, in chunks. Each chunk is a query of its own, so that a slow reader holds no
    cursor open; and only the columns that are told, as sets may hold a million pairs."""
    last = 0
    pairs = pair_set.pairs.filter(vetoed_at__isnull=True).order_by("pk").values_list(*_COLUMNS)
    while chunk := list(pairs.filter(pk__gt=last)[:CHUNK]):
        yield [PairRow(*row[:4], Side(*row[4:10]), Side(*row[10:16]), *row[16:]) for row in chunk]
        last = chunk[-1][0]


def row_of(pair: PreferencePair) -> PairRow:
    """The same of a pair that is there already."""
    return PairRow(
        pair.pk, pair.winner.media_type, pair.prompt_id, pair.prompt.text, _side(pair.winner), _side(pair.loser),
        pair.winner_reward, pair.reward_gap, pair.gap_by_dimension,
    )  # fmt: skip


def _side(item: Item) -> Side:
    return Side(item.pk, item.sha256, item.extension, item.generator.name, item.generator.version, item.view)


@dataclass(frozen=True)
class MinableModel:
    """A version and how much it has scored; ``comparable`` prompts have two or more scored items."""

    model: RewardModel
    items: int
    prompts: int
    comparable: int


def minable_models() -> list[MinableModel]:
    """Versions that have scored something, the promoted ones first."""
    counts = dict(Score.objects.order_by().values_list("reward_model").annotate(n=Count("pk")))
    models = RewardModel.objects.filter(pk__in=counts).select_related("checklist_version")
    found = []
    for model in models:
        prompts = (
            Item.objects.filter(scores__reward_model=model).order_by().values("prompt").annotate(n=Count("pk"))
            .aggregate(prompts=Count("prompt"), comparable=Count("prompt", filter=Q(n__gt=1)))
        )  # fmt: skip
        found.append(MinableModel(model, counts[model.pk], prompts["prompts"], prompts["comparable"]))
    return sorted(found, key=lambda row: (row.model.state != RewardModelState.PROMOTED, -row.model.pk))
