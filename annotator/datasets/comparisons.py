"""What people preferred, from the database to the rows of a dataset, a chunk at a time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

import pyarrow as pa
from django.utils import timezone

from annotator.campaigns.models import ComparisonPair, HumanComparison, Preference
from annotator.datasets.queries import exported_comparisons
from annotator.datasets.rows import Row, item_columns, pseudonym
from annotator.datasets.schema import ITEM, TIME
from annotator.library.models import Item

CHUNK = 2000

# What the two sides share is said once.
SHARED = ("prompt_id", "prompt", "media_type")
SIDE = [(name, kind) for name, kind in ITEM if name not in SHARED]
FIRST, SECOND, TIES = "for_first", "for_second", "ties"


def comparisons_schema() -> pa.Schema:
    """One row a comparison: a pair as one person saw it, and which of the two they prefer."""
    return pa.schema(
        [
            ("comparison_id", pa.int64()), ("pair_id", pa.int64()), *_shared(), *_side("left"), *_side("right"),
            ("preference", pa.string()), ("much_better", pa.bool_()), ("preferred_item_id", pa.int64()),
            ("annotator", pa.string()),
            ("annotator_is_synthetic", pa.bool_()), ("started_at", TIME), ("submitted_at", TIME),
            ("milliseconds", pa.int32()),
        ]
    )  # fmt: skip


def pairs_schema() -> pa.Schema:
    """One row per pair: how many people preferred which."""
    counts = [(name, pa.int32()) for name in ("comparisons", FIRST, SECOND, TIES)]
    return pa.schema(
        [("pair_id", pa.int64()), *_shared(), *_side("first"), *_side("second"), *counts,
         ("preferred_item_id", pa.int64())]
    )  # fmt: skip


def _shared() -> list[tuple[str, pa.DataType]]:
    return [(name, kind) for name, kind in ITEM if name in SHARED]


def _side(prefix: str) -> list[tuple[str, pa.DataType]]:
    return [(f"{prefix}_{name}", kind) for name, kind in SIDE]


class ComparisonRows:
    """The comparisons of a campaign up to one moment; what the pairs' table needs of them is gathered on the way."""

    def __init__(self, campaign_id: int) -> None:
        # Those submitted while the export runs wait for the next version.
        self.found = exported_comparisons(campaign_id).filter(submitted_at__lte=timezone.now())
        self.votes: dict[int, Counter[str]] = defaultdict(Counter)

    def count(self) -> int:
        return self.found.count()

    def chunks(self) -> Iterator[list[Row]]:
        related = [f"pair__{side}__{of}" for side in ("first", "second") for of in ("prompt", "generator")]
        found = self.found.select_related(*related, "annotator").order_by("pk")
        before = 0
        while chunk := list(found.filter(pk__gt=before)[:CHUNK]):
            before = chunk[-1].pk
            yield [self._row(comparison) for comparison in chunk]

    def _row(self, comparison: HumanComparison) -> Row:
        pair = comparison.pair
        preferred = {Preference.LEFT: comparison.left, Preference.RIGHT: comparison.right}.get(
            Preference(comparison.preference)
        )
        vote = TIES if preferred is None else FIRST if preferred.pk == pair.first_id else SECOND
        self.votes[pair.pk][vote] += 1
        return {
            "comparison_id": comparison.pk,
            "pair_id": pair.pk,
            **_sides(left=comparison.left, right=comparison.right),
            "preference": comparison.preference,
            "much_better": comparison.much_better,
            "preferred_item_id": preferred.pk if preferred else None,
            "annotator": pseudonym(comparison.annotator_id),
            "annotator_is_synthetic": comparison.annotator.is_synthetic,
            "started_at": comparison.leased_at,
            "submitted_at": comparison.submitted_at,
            "milliseconds": comparison.milliseconds,
        }

    def pair_chunks(self) -> Iterator[list[Row]]:
        """The rows of the pairs that were compared, once ``chunks`` has been read."""
        ids = sorted(self.votes)
        related = [f"{side}__{of}" for side in ("first", "second") for of in ("prompt", "generator")]
        for start in range(0, len(ids), CHUNK):
            part = ids[start : start + CHUNK]
            pairs = ComparisonPair.objects.select_related(*related).in_bulk(part)
            yield [self._pair(pairs[pk]) for pk in part]

    def _pair(self, pair: ComparisonPair) -> Row:
        votes = self.votes[pair.pk]
        ahead = votes[FIRST] - votes[SECOND]
        return {
            "pair_id": pair.pk,
            **_sides(first=pair.first, second=pair.second),
            "comparisons": votes.total(),
            **{name: votes[name] for name in (FIRST, SECOND, TIES)},
            "preferred_item_id": pair.first_id if ahead > 0 else pair.second_id if ahead < 0 else None,
        }


def _sides(**items: Item) -> Row:
    rows = {side: item_columns(item) for side, item in items.items()}
    one = next(iter(rows.values()))
    return {name: one[name] for name in SHARED} | {
        f"{side}_{name}": row[name] for side, row in rows.items() for name, _ in SIDE
    }
