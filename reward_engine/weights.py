"""Weights: one coefficient a question."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from reward_engine.checklist import Checklist
from reward_engine.errors import WeightsError


@dataclass(frozen=True)
class Weights:
    """Coefficients float64 [q] on the axis ``checklist.questions``, an intercept, and how they were found.

    ``form``: ``"equal"``, ``"fitted"`` or ``"published"``.
    """

    coef: NDArray[np.float64]
    intercept: float = 0.0
    form: str = "equal"
    notes: tuple[str, ...] = field(default=())

    def check(self, checklist: Checklist) -> None:
        """Raises WeightsError where the weights do not fit the checklist."""
        if self.coef.shape != (len(checklist.questions),):
            raise WeightsError(
                f"The checklist “{checklist.name}” has {len(checklist.questions)} questions and needs as many weights; "
                f"there are {self.coef.size}. Use weights that were made for this very checklist.",
                code="weights_count",
            )
        if not np.isfinite(self.coef).all() or not np.isfinite(self.intercept):
            raise WeightsError("A weight is not a finite number.", code="weights_not_finite")


def equal_weights(checklist: Checklist) -> Weights:
    """Every ordinal sub-dimension counts alike, whatever the length of its ladder.

    The weights of one ladder are equal and add up to 1 / (number of ordinal sub-dimensions), so that with
    answers in {−1, 0, +1} the reward lies in [−1, 1].
    """
    subs = checklist.question_sub_dimension
    per_ladder = np.bincount(subs, minlength=len(checklist.ordinal))
    return Weights(coef=1.0 / (len(checklist.ordinal) * per_ladder[subs].astype(np.float64)), form="equal")
