"""The design matrix of the embedded judge, fitted on training rows alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from reward_engine.judges.heads import CLIP, Design

WIDE = 300
"""Blocks of at least this many columns (network, prompt) are compressed; statistics stay as they are."""

ONLY = "only "

SHORT = 16
"""A block of at most this many columns may also be looked at by itself."""

COMPONENTS = 32

CHUNK = 4096
"""Rows that are held in double precision at a time."""

Rows = NDArray[np.int64]


def fit_design(values: NDArray[np.float32], blocks: Mapping[str, slice], rows: Rows | None = None) -> Design:
    """Fit standardization and principal components to ``rows`` (all) of features.

    Takes float32 [n, f]. A wide block gets at most ``COMPONENTS`` directions and never more than a third of the rows;
    they keep their relative spread and together weigh as much as ``COMPONENTS`` plain features, so that the ridge leans
    on the first ones. Columns in no block count as plain. Of many rows, a few thousand are held at a time.
    """
    rows = np.arange(len(values)) if rows is None else rows
    parts = [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]
    mean = _sum(values[part].sum(axis=0, dtype=np.float64) for part in parts) / len(rows)
    deviation = np.sqrt(_sum(((values[part] - mean) ** 2).sum(axis=0) for part in parts) / len(rows))
    inverse_scale = np.where(deviation > 1e-6 * (1.0 + np.abs(mean)), 1.0 / np.maximum(deviation, 1e-12), 0.0)
    wide = {name: at for name, at in blocks.items() if at.stop - at.start >= WIDE}
    plain = np.ones(values.shape[1], dtype=bool)
    components = {}
    for name, at in wide.items():
        plain[at] = False

        def standard(part: Rows, at: slice = at) -> NDArray[np.float64]:
            return np.clip((values[part, at] - mean[at]) * inverse_scale[at], -CLIP, CLIP)

        components[name] = (slice(at.start, at.stop), _components(standard, parts))
    return Design(mean, inverse_scale, np.flatnonzero(plain).astype(np.int64), components)


def design_matrix(design: Design, values: NDArray[np.float32], rows: Rows) -> NDArray[np.float32]:
    """Build the design matrix, float32 [rows, m].

    It takes half the memory of :meth:`Design.apply`, and little beside it, however many rows.
    """
    matrix = np.empty((len(rows), design.width), dtype=np.float32)
    for start in range(0, len(rows), CHUNK):
        matrix[start : start + CHUNK] = design.apply(values[rows[start : start + CHUNK]])
    return matrix


def short_groups(design: Design, blocks: Mapping[str, slice]) -> dict[str, slice]:
    """Find the plain columns of each short block.

    Gives where they stand in the design matrix, as ``only NAME``. Few columns that mean one thing (how well the picture
    matches the prompt) drown among hundreds when there are few prompts to learn from; a head that looks at them alone
    does not have to find them.
    """
    found = {}
    for name, at in blocks.items():
        first, behind = (int(i) for i in np.searchsorted(design.plain, [at.start, at.stop]))
        if 0 < behind - first <= SHORT:
            found[ONLY + name] = slice(first, behind)
    return found


MEASURES = {
    "sharpness": ("native_laplacian", "native_laplacian_mean"),  # of images, of videos
    "motion": ("object_log_speed",),
}
"""Classical measures that any judge must beat, and the features that hold them."""


def measure_columns(design: Design, names: Sequence[str]) -> dict[str, int]:
    """Find the classical measures among these features in the design matrix."""
    place = {int(feature): column for column, feature in enumerate(design.plain)}
    found = {}
    for measure, features in MEASURES.items():
        at = [place[index] for index, name in enumerate(names) if name in features and index in place]
        if at and design.inverse_scale[design.plain[at[0]]] > 0:
            found[measure] = at[0]
    return found


def plain_sets(design: Design, blocks: Mapping[str, slice]) -> dict[str, Rows]:
    """List the sets of columns that a ridge may look at.

    These are each block's plain ones, all of these, and everything.
    """
    columns = np.arange(len(design.plain))
    sets = {name: columns[(design.plain >= at.start) & (design.plain < at.stop)] for name, at in blocks.items()}
    sets |= {"all plain": columns, "everything": np.arange(design.width)}
    found: dict[str, Rows] = {}
    for name, at in sets.items():
        if len(at) > 1 and not any(np.array_equal(at, other) for other in found.values()):
            found[name] = at
    return found


def _sum(parts: Iterable[NDArray[Any]]) -> NDArray[np.float64]:
    return np.asarray(sum(parts), dtype=np.float64)


def _components(standard: Callable[[Rows], NDArray[np.float64]], parts: list[Rows]) -> NDArray[np.float64]:
    """float64 [k, columns]: directions times the scale that gives all of them together variance ``COMPONENTS``.

    ``standard(part)``: the standardized block of some rows.
    """
    n, x = sum(len(part) for part in parts), standard(parts[0])
    columns = x.shape[1]
    most = max(1, min(COMPONENTS, n // 3))
    few = n <= columns
    if few:
        x = np.concatenate([x, *(standard(part) for part in parts[1:])])
        gram = x @ x.T  # the smaller of the two
    elif len(parts) == 1:
        gram = x.T @ x
    else:  # single precision within a few thousand rows, double precision across them
        gram = _sum(short.T @ short for short in (standard(part).astype(np.float32) for part in parts))
    variances, vectors = eigh(gram, subset_by_index=[max(0, len(gram) - most), len(gram) - 1], check_finite=False)
    variances, vectors = variances[::-1], vectors[:, ::-1]
    kept = variances > 1e-9 * max(float(variances[0]), 1e-12)
    variances, vectors = variances[kept], vectors[:, kept]
    if not len(variances):
        return np.zeros((0, columns))
    directions = (vectors.T @ x) / np.sqrt(variances)[:, None] if few else vectors.T
    # An eigenvector's sign is arbitrary: fix it, so that the same data give the same file.
    signs = np.sign(directions[np.arange(len(directions)), np.argmax(np.abs(directions), axis=1)])
    return np.ascontiguousarray(directions * signs[:, None] * np.sqrt(COMPONENTS * n / variances.sum()))
