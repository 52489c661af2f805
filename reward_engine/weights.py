"""Weights: one coefficient a question."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reward_engine.checklist import Checklist
from reward_engine.errors import WeightsError

KIND, FORMAT = "weights", 1


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
        """Check that the weights fit the checklist.

        Raises:
            WeightsError: If the weights do not fit the checklist.
        """
        if self.coef.shape != (len(checklist.questions),):
            raise WeightsError(
                f"The checklist “{checklist.name}” has {len(checklist.questions)} questions and needs as many weights; "
                f"there are {self.coef.size}. Use weights that were made for this very checklist.",
                code="weights_count",
            )
        if not np.isfinite(self.coef).all() or not np.isfinite(self.intercept):
            raise WeightsError("A weight is not a finite number.", code="weights_not_finite")

    def check_some(self, checklist: Checklist) -> None:
        """Check that the weights make a reward.

        Degenerate is what tells no item from another, or turns every answer round: weight on presence questions alone,
        and no weight above 0.

        Raises:
            WeightsError: For weights that a reward must not have: all 0, or degenerate.
        """
        if not self.coef.any():
            raise WeightsError(
                "Every weight is 0, so that all items would have the same reward. Fit weights from preferences, or go "
                "on with equal weights.",
                code="weights_zero",
            )
        if not self.coef[~checklist.only_presence].any():
            raise WeightsError(
                "Only questions that ask whether something is present have a weight, so that the reward would count "
                "what is shown and not how well. Fit weights from preferences, or go on with equal weights.",
                code="weights_degenerate",
            )
        if (self.coef <= 0).all():
            raise WeightsError(
                "No weight is above 0, so that every yes would make an item worse. Fit weights from preferences, or go "
                "on with equal weights.",
                code="weights_degenerate",
            )

    def to_json(self, checklist: Checklist) -> dict[str, Any]:
        """Write plain data that names the checklist and each question.

        Raises:
            WeightsError: The weights do not fit the checklist.
        """
        self.check(checklist)
        self.check_some(checklist)
        return {
            "kind": KIND,
            "format": FORMAT,
            "checklist": {"id": checklist.id, "content_hash": checklist.content_hash},
            "form": self.form,
            "notes": list(self.notes),
            "intercept": float(self.intercept),
            "coef": {question.id: float(value) for question, value in zip(checklist.questions, self.coef, strict=True)},
        }

    def save(self, path: str | Path, checklist: Checklist) -> None:
        """Write JSON that people can read."""
        text = json.dumps(self.to_json(checklist), indent=1, ensure_ascii=False, allow_nan=False)
        Path(path).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path, checklist: Checklist) -> Weights:
        """Read what :meth:`save` wrote.

        Raises:
            WeightsError: If the file is missing, altered, or made for another checklist: weights are never cut, padded
                or matched by position.
        """
        path = Path(path)
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise WeightsError(
                f"{path.name}: there is no such file. Fit weights from preferences, or go on with equal weights.",
                code="weights_missing",
            ) from error
        except (OSError, ValueError) as error:
            raise WeightsError(f"{path.name}: cannot be read as JSON ({error}).") from error
        if not isinstance(data, Mapping) or data.get("kind") != KIND or data.get("format") != FORMAT:
            raise WeightsError(
                f"{path.name}: these are no weights of format {FORMAT}. Published weight files are read by "
                "reward_engine.published.load_weights."
            )
        try:
            made_for, coef = str(data["checklist"]["content_hash"]), dict(data["coef"])
            found = cls(
                np.array(list(coef.values()), dtype=np.float64),
                float(data["intercept"]),
                str(data["form"]),
                tuple(str(note) for note in data["notes"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise WeightsError(f"{path.name}: incomplete or altered ({error!r}).") from error
        if made_for != checklist.content_hash:
            raise WeightsError(
                f"{path.name}: these weights were made for the checklist {made_for[:12]}, not for “{checklist.name}” "
                f"({checklist.content_hash[:12]}). Fit them again.",
                code="weights_checklist",
            )
        if list(coef) != [question.id for question in checklist.questions]:
            raise WeightsError(
                f"{path.name}: the weights do not name the {len(checklist.questions)} questions in order."
            )
        found.check(checklist)
        found.check_some(checklist)
        return found


def equal_weights(checklist: Checklist) -> Weights:
    """Let every ordinal sub-dimension count alike, however long its ladder.

    The weights of one ladder are equal and add up to 1 / (number of ordinal sub-dimensions), so that with answers in
    {−1, 0, +1} the reward lies in [−1, 1]. "Is there a hand?" has weight 0, as in the published scoring: a picture
    without hands is no worse for it.
    """
    subs = checklist.question_sub_dimension
    counts = ~checklist.only_presence
    per_ladder = np.bincount(subs[counts], minlength=len(checklist.ordinal))
    coef = np.where(counts, 1.0 / (len(checklist.ordinal) * per_ladder[subs].astype(np.float64)), 0.0)
    notes = ("Presence questions have weight 0.",) if checklist.only_presence.any() else ()
    return Weights(coef=coef, form="equal", notes=notes)
