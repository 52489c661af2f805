"""The design matrix of the embedded judge, fitted on training rows alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from reward_engine.judges.heads import CLIP, Design

WIDE = 300
"""Blocks of at least this many columns (network, prompt) are compressed; statistics stay as they are."""

ONLY = "only "

SHORT = 16
"""A block of at most this many columns may also be looked at by itself."""

COMPONENTS = 32


def fit_design(values: NDArray[np.float32], blocks: Mapping[str, slice]) -> Design:
    """Standardisation and principal components of features float32 [n, f].

    A wide block gets at most ``COMPONENTS`` directions and never more than a third of the rows; they keep
    their relative spread and together weigh as much as ``COMPONENTS`` plain features, so that the ridge
    leans on the first ones. Columns in no block count as plain.
    """
    table = values.astype(np.float64)
    mean, deviation = table.mean(axis=0), table.std(axis=0)
    inverse_scale = np.where(deviation > 1e-6 * (1.0 + np.abs(mean)), 1.0 / np.maximum(deviation, 1e-12), 0.0)
    standard = np.clip((table - mean) * inverse_scale, -CLIP, CLIP)
    wide = {name: at for name, at in blocks.items() if at.stop - at.start >= WIDE}
    plain = np.ones(values.shape[1], dtype=bool)
    components = {}
    for name, at in wide.items():
        plain[at] = False
        components[name] = (slice(at.start, at.stop), _components(standard[:, at]))
    return Design(mean, inverse_scale, np.flatnonzero(plain).astype(np.int64), components)


def short_groups(design: Design, blocks: Mapping[str, slice]) -> dict[str, slice]:
    """Where the plain columns of each short block stand in the design matrix, as ``only NAME``.

    Few columns that mean one thing (how well the picture matches the prompt) drown among hundreds when there are
    few prompts to learn from; a head that looks at them alone does not have to find them.
    """
    found = {}
    for name, at in blocks.items():
        first, behind = (int(i) for i in np.searchsorted(design.plain, [at.start, at.stop]))
        if 0 < behind - first <= SHORT:
            found[ONLY + name] = slice(first, behind)
    return found


def _components(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64 [k, columns]: directions times the scale that gives all of them together variance ``COMPONENTS``."""
    n, columns = x.shape
    most = max(1, min(COMPONENTS, n // 3))
    gram = x @ x.T if n <= columns else x.T @ x  # the smaller of the two
    variances, vectors = np.linalg.eigh(gram)
    variances, vectors = variances[::-1][:most], vectors[:, ::-1][:, :most]
    kept = variances > 1e-9 * max(float(variances[0]), 1e-12)
    variances, vectors = variances[kept], vectors[:, kept]
    if not len(variances):
        return np.zeros((0, columns))
    directions = vectors.T if n > columns else (vectors.T @ x) / np.sqrt(variances)[:, None]
    # An eigenvector's sign is arbitrary: fix it, so that the same data give the same file.
    signs = np.sign(directions[np.arange(len(directions)), np.argmax(np.abs(directions), axis=1)])
    return np.ascontiguousarray(directions * signs[:, None] * np.sqrt(COMPONENTS * n / variances.sum()))
