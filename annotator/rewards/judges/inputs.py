"""Items of the library as judges take them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from annotator.library.models import Item
from annotator.rewards.services.scoring import as_input
from reward_engine.judges.base import MediaInput


def inputs_of(pks: NDArray[np.int64]) -> tuple[list[MediaInput], dict[int, str]]:
    """(inputs in the order of the ids, with the id as key; why the others are missing)."""
    items = Item.objects.select_related("prompt").in_bulk([int(pk) for pk in pks])
    found = [as_input(items[int(pk)]) for pk in pks if int(pk) in items]
    return found, {int(pk): "It was deleted." for pk in pks if int(pk) not in items}
