"""All plain statistics of a picture, in one order."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from reward_engine.features.statistics.arrangement import arrangement
from reward_engine.features.statistics.detail import detail
from reward_engine.features.statistics.picture import Picture
from reward_engine.features.statistics.tone import tone


def image_statistics(pixels: NDArray[np.uint8], size: tuple[int, int] | None = None) -> dict[str, float]:
    """Measure all plain statistics of an image, in a fixed order.

    Takes uint8 RGB [h, w, 3]; ``size`` as for :meth:`Picture.of`.
    """
    picture = Picture.of(pixels, size)
    return {**tone(picture), **detail(picture), **arrangement(picture)}


@lru_cache(maxsize=1)
def statistic_names() -> tuple[str, ...]:
    """The names, in the order in which :func:`image_statistics` gives them."""
    return tuple(image_statistics(np.zeros((16, 16, 3), dtype=np.uint8)))
