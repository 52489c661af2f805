"""Whether a quick way to answer gives the answers of the plain loop: looked at on the first batch of every model."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from reward_engine.judges.vlm.backbone import Backbone
from reward_engine.judges.vlm.inputs import Encoded
from reward_engine.judges.vlm.passes import PASSES

AGREE = {torch.float32: 0.02, torch.float64: 0.02}
"""Largest difference in P(yes) between the loop and a quicker way; rounding alone stays below."""

AGREE_IN_HALF = 0.1
"""The same in bfloat16 and float16, where two orders of the same sums already differ by some hundredths."""

ITEMS, QUESTIONS = 4, 3
"""So many items of the batch are asked so many questions one by one: the cost of a dozen forwards, once a model."""


def sample(items: Sequence[Encoded]) -> list[tuple[int, list[int]]]:
    """Choose items and questions to check a batch by.

    Returns (row, columns): items of the batch from the shortest to the longest prefix, and questions spread over each.
    What goes wrong in packing goes wrong at a distance: behind long prefixes, padding and many other questions.
    """
    by_length = sorted(range(len(items)), key=lambda row: len(items[row].prefix))
    rows = sorted({by_length[place] for place in spread(len(items), ITEMS)})
    found = []
    for number, row in enumerate(rows):
        count = len(items[row].questions)
        found.append((row, sorted({(place + number) % count for place in spread(count, QUESTIONS)} | {count - 1})))
    return found


def spread(count: int, most: int) -> list[int]:
    """Spread at most so many places over ``count``, first and last among them."""
    if count <= most:
        return list(range(count))
    return [round(step * (count - 1) / (most - 1)) for step in range(most)]


def chosen(values: Tensor, at: Sequence[tuple[int, Sequence[int]]]) -> Tensor:
    """Take the sampled entries [n] of log-odds [b, k]."""
    return torch.stack([values[row, column] for row, columns in at for column in columns])


def asked_one_by_one(backbone: Backbone, items: Sequence[Encoded], at: Sequence[tuple[int, Sequence[int]]]) -> Tensor:
    """Ask the unchanged model the sampled questions: log-odds [n]."""
    found = []
    for row, columns in at:
        item = items[row]
        few = Encoded(
            item.key, item.prefix, tuple(item.questions[column] for column in columns), item.media, item.types
        )
        found.append(PASSES["loop"](backbone, [few], budget=None)[0])
    return torch.cat(found)


def difference(found: Tensor, truth: Tensor) -> float:
    """Find the largest difference in P(yes) between two log-odds [n].

    Infinite where one is no number.
    """
    gap = (torch.sigmoid(found.double()) - torch.sigmoid(truth.double())).abs()
    return float(torch.nan_to_num(gap, nan=float("inf")).max())


def tolerance(dtype: torch.dtype) -> float:
    """Say by how much ways of asking may differ in this precision."""
    return AGREE.get(dtype, AGREE_IN_HALF)
