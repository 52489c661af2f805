"""Reads of pair sets and pairs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from django.db.models import Count, F, IntegerField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from annotator.core import figures
from annotator.core.replica import reading_connection
from annotator.jobs.models import FINISHED, Job
from annotator.library.models import Item
from annotator.mpo.models import PairSet, PreferencePair
from annotator.mpo.options import Answers
from annotator.rewards.models import RewardModel, RewardModelState, Score

if TYPE_CHECKING:
    from annotator.mpo.annotated import ReadySet, SetWithItem

MINE_TASK = "mpo.mine_pairs"
CHUNK = 2000


def ready_sets() -> QuerySet[ReadySet]:
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


def sets_with(item: Item, limit: int) -> list[SetWithItem]:
    """Find the newest sets that contain an item.

    Each has how often the item ``won`` and ``lost``.
    """
    won = dict(item.won_pairs.order_by().values_list("pair_set").annotate(n=Count("pk")))
    lost = dict(item.lost_pairs.order_by().values_list("pair_set").annotate(n=Count("pk")))
    found = PairSet.objects.filter(ready_at__isnull=False, pk__in=[*won, *lost]).order_by("-created_at")
    sets = cast("list[SetWithItem]", list(found[:limit]))
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
    """List the pairs with what the page shows of them.

    An unknown order means the first one.

    Args:
        which: All, kept or vetoed.
    """
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
    """One pair as downloads show it."""

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
    """Read every pair that was not vetoed, in chunks.

    Each chunk is a query of its own, so that a slow reader holds no cursor open. It reads only the columns that are
    shown, as sets may hold a million pairs.
    """
    last = 0
    pairs = pair_set.pairs.filter(vetoed_at__isnull=True).order_by("pk").values_list(*_COLUMNS)
    while chunk := list(pairs.filter(pk__gt=last)[:CHUNK]):
        yield [PairRow._make((*row[:4], Side._make(row[4:10]), Side._make(row[10:16]), *row[16:])) for row in chunk]
        last = chunk[-1][0]


def row_of(pair: PreferencePair) -> PairRow:
    """Make the row of a pair that has been read already."""
    return PairRow(
        pair.pk, pair.winner.media_type, pair.prompt_id, pair.prompt.text, _side(pair.winner), _side(pair.loser),
        pair.winner_reward, pair.reward_gap, pair.gap_by_dimension,
    )  # fmt: skip


def _side(item: Item) -> Side:
    return Side(item.pk, item.sha256, item.extension, item.generator.name, item.generator.version, item.view)


MINABLE = "mpo.minable"


def count_minable(_of: str) -> dict[int, tuple[int, int, int]]:
    """Count what each version could mine pairs from.

    The counts are its scored items, their prompts, and the prompts with two or more of them.
    """
    by_prompt = Score.objects.order_by().values("reward_model", "item__prompt").annotate(n=Count("pk"))
    with reading_connection().cursor() as cursor:
        sql, parameters = by_prompt.query.sql_with_params()
        cursor.execute(
            f"SELECT reward_model, sum(n), count(*), count(*) FILTER (WHERE n > 1) FROM ({sql}) AS by_prompt "
            "GROUP BY reward_model", parameters,
        )  # fmt: skip
        return {model: (int(items), prompts, comparable) for model, items, prompts, comparable in cursor.fetchall()}


@dataclass(frozen=True)
class MinableModel:
    """A version and how much it has scored.

    ``comparable`` counts prompts with two or more scored items.
    """

    model: RewardModel
    items: int
    prompts: int
    comparable: int

    @property
    def rules(self) -> list[tuple[str, dict[str, Any]]]:
        """Look up what each rule of dominance would find.

        Returns pairs of a rule's name and what it finds among the version's held-out items.
        """
        known = self.model.manifest.get("dominance", {}).get("rules", {})
        return [(str(answers.label), known[answers.value]) for answers in Answers if answers.value in known]


def minable_models() -> list[MinableModel]:
    """Versions that have scored something, the promoted ones first."""
    counts: dict[int, tuple[int, int, int]] = figures.present(MINABLE)
    models = RewardModel.objects.filter(pk__in=counts).select_related("checklist_version")
    found = [MinableModel(model, *counts[model.pk]) for model in models]
    return sorted(found, key=lambda row: (row.model.state != RewardModelState.PROMOTED, -row.model.pk))
