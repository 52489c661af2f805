"""What a benchmark is: items and pairs read from its folder, and a report of scores against what people said."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reward_engine.errors import DataError
from reward_engine.judges.base import MediaType

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """One item of a benchmark.

    ``file``: its name in a table of scores; ``path``: where it lies; ``human``: what people said of it, by name.
    """

    file: str
    path: Path
    prompt: str
    prompt_id: str
    human: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Pair:
    """Two rows that people compared.

    ``human`` by name: 1 the first is better, 0 a tie, −1 the second is better.
    """

    first: int
    second: int
    prompt_id: str
    human: Mapping[str, int]


@dataclass(frozen=True)
class Content:
    """All items of a benchmark, and the pairs among them where people compared pairs."""

    rows: Sequence[Row]
    pairs: Sequence[Pair] = ()


@dataclass(frozen=True)
class Published:
    """Figures of one method as published.

    They stand under the names of the report, as ``source`` prints them (shares, not percent).
    """

    method: str
    figures: Mapping[str, float]
    source: str


@dataclass(frozen=True)
class Benchmark:
    """One benchmark: how it is read, what it measures, and what was published.

    ``layout``: what the folder holds, in words. ``source``: where its files come from. ``read``: of the folder and of
    an empty one for media that a table holds. ``report``: the protocol, of contents, scores (NaN: none) and a seed.
    """

    name: str
    media_type: MediaType
    layout: str
    source: str
    read: Callable[[Path, Path], Content]
    report: Callable[[Content, Floats, int], dict[str, Any]]
    published: Sequence[Published] = ()

    def load(self, folder: Path, scratch: Path) -> Content:
        """Read the folder.

        Raises:
            DataError: Saying what is missing or not as published, and where it comes from.
        """
        if not folder.is_dir():
            raise DataError(f"{folder}: there is no such folder. {self.expects}", code="missing")
        try:
            content = self.read(folder, scratch)
        except DataError as error:
            raise DataError(f"{folder}: {error.message} {self.expects}", code=error.code) from error
        if not content.rows:
            raise DataError(f"{folder}: it lists not one item. {self.expects}", code="empty")
        return content

    @property
    def expects(self) -> str:
        """What the folder must hold, and where that comes from."""
        return f"{self.name} expects {self.layout} They come from {self.source}."

    def measure(self, content: Content, scores: ArrayLike, *, seed: int = 0) -> dict[str, Any]:
        """Measure scores float [rows] by the protocol; NaN where an item was not judged.

        Raises:
            DataError: Shapes do not fit, or not one item has a score.
        """
        array = np.asarray(scores, dtype=np.float64)
        if array.shape != (len(content.rows),):
            raise DataError(f"There are {len(content.rows)} items and scores of the shape {array.shape}.", code="shape")
        known = ~np.isnan(array)
        if not known.any():
            raise DataError(f"{self.name}: not one item has a score.", code="scores")
        return {"items": len(array), "judged": int(known.sum()), **self.report(content, array, seed)}
