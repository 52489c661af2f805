"""What one gets without a judge: one classical measure, or plain ridge regression, on the same held-out prompts.

Each baseline gives every ladder a score of each item. A measure's direction, and the ridge, are learned from the same
training rows as the judge; nothing is chosen by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from reward_engine.groups import within
from reward_engine.judges.heads import Design
from reward_engine.training.candidates import GCV_ALPHAS
from reward_engine.training.design import measure_columns

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

RIDGE = "ridge"
MOST_ROWS = 1000
"""Ridge regression learns from at most so many rows; the first prompts' of a shuffled list."""


@dataclass
class Baselines:
    """Scores of the baselines, by name.

    They are float64 [n, s], filled round by round; NaN where there is none.
    """

    rows: int
    ladders: int
    scores: dict[str, Floats] = field(default_factory=dict)

    def learn(
        self,
        design: Design,
        values: NDArray[np.float32],
        names: tuple[str, ...],
        measures: Mapping[str, Floats],
        levels: Floats,
        group: NDArray[np.int64],
        out: Mask,
    ) -> None:
        """Fill the rows ``out`` from the others.

        ``levels`` float64 [n, s], NaN where not judged.
        """
        columns = measure_columns(design, names)
        known = {name: values[:, design.plain[at]].astype(np.float64) for name, at in columns.items()}
        for name, column in {**known, **measures}.items():
            self._fill(name, out, np.stack([_pointed(column, levels[:, k], group, ~out)[out] for k in
                                            range(self.ladders)], axis=1))  # fmt: skip
        self._fill(RIDGE, out, _ridge(design, values, levels, group, out))

    def _fill(self, name: str, out: Mask, found: Floats) -> None:
        self.scores.setdefault(name, np.full((self.rows, self.ladders), np.nan))[out] = found


def _pointed(column: Floats, levels: Floats, group: NDArray[np.int64], rows: Mask) -> Floats:
    """The measure, or what is opposite to it, whichever goes with the levels among ``rows``."""
    judged = rows & ~np.isnan(levels) & ~np.isnan(column)
    if not judged.any():
        return np.full(len(column), np.nan)
    with_levels = within(column[judged], group[judged], 0.5) @ within(levels[judged], group[judged], 0.5)
    return np.asarray(column if with_levels >= 0 else -column)


def _ridge(design: Design, values: NDArray[np.float32], levels: Floats, group: NDArray[np.int64], out: Mask) -> Floats:
    from sklearn.linear_model import RidgeCV

    found = np.full((int(out.sum()), levels.shape[1]), np.nan)
    train = _some(group, ~out)
    x, unseen = design.apply(values[train]), design.apply(values[out])
    judged = ~np.isnan(levels[train])
    for mask in np.unique(judged, axis=1).T:  # ladders judged on the same rows are solved together
        at = np.flatnonzero((judged == mask[:, None]).all(axis=0))
        if mask.sum() < 3:
            continue
        fit = RidgeCV(alphas=GCV_ALPHAS, alpha_per_target=True).fit(x[mask], levels[train][np.ix_(mask, at)])
        found[:, at] = fit.predict(unseen).reshape(len(unseen), len(at))
    return found


def _some(group: NDArray[np.int64], rows: Mask) -> NDArray[np.int64]:
    at = np.flatnonzero(rows)
    if len(at) <= MOST_ROWS:
        return at
    order = np.random.default_rng(0).permutation(int(group.max()) + 1)
    shuffled = at[np.argsort(order[group[at]], kind="stable")]
    return np.sort(shuffled[:MOST_ROWS])
