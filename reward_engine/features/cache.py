"""Measured arrays on disk, one small safetensors file a content hash.

Any number of processes may read and write at once: a file appears whole or not at all (written
beside its place, then renamed). A damaged file is a miss and is written anew.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from reward_engine.storage import written

logger = logging.getLogger(__name__)

Arrays = dict[str, NDArray[Any]]

_keeping = ContextVar("keeping", default=True)


@contextlib.contextmanager
def nothing_kept() -> Iterator[None]:
    """Keep this thread from storing measurements inside the block.

    What is measured belongs to somebody who wants nothing kept.
    """
    before = _keeping.set(False)
    try:
        yield
    finally:
        _keeping.reset(before)


class ArrayCache:
    """Named arrays by key. ``shapes`` says what a complete entry holds; anything else is a miss."""

    def __init__(self, folder: Path, shapes: Mapping[str, tuple[int, ...]]) -> None:
        self._folder = folder
        self._shapes = dict(shapes)
        self._writable = True

    def get(self, key: str) -> Arrays | None:
        """Read an entry; None where there is none or it is damaged."""
        path = self._path(key)
        try:
            arrays: Arrays = load(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
            logger.warning("feature cache: %s cannot be read (%s) and is measured anew", path.name, error)
            return None
        if {name: array.shape for name, array in arrays.items()} != self._shapes or not all(
            array.dtype == np.float32 and np.isfinite(array).all() for array in arrays.values()
        ):
            logger.warning("feature cache: %s is not of this definition and is measured anew", path.name)
            return None
        return arrays

    def put(self, key: str, arrays: Arrays) -> None:
        """Store an entry. A folder that cannot be written costs time later, so it is logged once and no error."""
        if not _keeping.get():
            return
        path = self._path(key)
        # safetensors writes the buffer as it lies, so that a view must be laid out in order first.
        content = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
        try:
            with written(path, durable=False) as file:
                file.write(content)
        except OSError as error:
            if self._writable:
                logger.warning("feature cache: %s cannot be written (%s); going on without", self._folder, error)
            self._writable = False

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.safetensors"
