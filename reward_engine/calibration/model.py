"""A fitted calibration: applied to P(yes), stored as plain JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from reward_engine.checklist import Checklist
from reward_engine.errors import ArtifactError, DataError
from reward_engine.ladders import check_probabilities

Method: TypeAlias = Literal["platt", "temperature"]
KIND, FORMAT = "calibration", 1
CLIP = 1e-6
"""P(yes) is kept this far from 0 and 1 before its log odds are taken."""


@dataclass(frozen=True)
class QuestionCalibration:
    """One question: logit P' = ``slope`` · logit P + ``offset``, with ``slope`` > 0.

    The temperature is 1 / slope. ``n`` answers, of which ``n_yes`` yes, were there to fit it; with too few of
    either kind it is left as it was (slope 1, offset 0) and ``note`` says so. The ``before`` values
    are of those answers as they came; the ``after`` values of the same answers, each calibrated by a fit
    that did not see its prompt; None where that could not be done.
    """

    question: str
    slope: float = 1.0
    offset: float = 0.0
    n: int = 0
    n_yes: int = 0
    log_loss_before: float | None = None
    log_loss_after: float | None = None
    ece_before: float | None = None
    ece_after: float | None = None
    note: str = ""

    @property
    def is_identity(self) -> bool:
        return self.slope == 1.0 and self.offset == 0.0


@dataclass(frozen=True)
class Calibration:
    """For one checklist, which ``checklist_hash`` names. ``questions`` stand on the axis ``checklist.questions``.

    ``log_loss_*`` and ``ece_*``: over all answers of all questions, as in :class:`QuestionCalibration`.
    """

    checklist_hash: str
    method: Method
    questions: tuple[QuestionCalibration, ...]
    log_loss_before: float | None = None
    log_loss_after: float | None = None
    ece_before: float | None = None
    ece_after: float | None = None
    warnings: tuple[str, ...] = ()

    @classmethod
    def identity(cls, checklist: Checklist) -> Calibration:
        """Make a calibration that changes nothing."""
        questions = tuple(QuestionCalibration(question.id) for question in checklist.questions)
        return cls(checklist.content_hash, "platt", questions)

    def check(self, checklist: Checklist) -> None:
        """Check that this was fitted for the checklist.

        Raises:
            ArtifactError: If this was fitted for another checklist.
        """
        if self.checklist_hash != checklist.content_hash:
            raise ArtifactError(
                f"This calibration was fitted for the checklist {self.checklist_hash[:12]}, not for “{checklist.name}” "
                f"({checklist.content_hash[:12]}). Fit one on judgments of this checklist.",
                code="checklist",
            )
        if [question.question for question in self.questions] != [question.id for question in checklist.questions]:
            raise ArtifactError("The questions of this calibration are not those of the checklist. Fit it again.")

    def apply(self, checklist: Checklist, p_yes: ArrayLike) -> NDArray[np.float64]:
        """Calibrate P(yes), float64 [n, q]. Order within a question stays; ladders must be made monotone after it.

        Raises:
            ArtifactError: For another checklist.
            DataError: For what is no P(yes).
        """
        self.check(checklist)
        return transform(check_probabilities(checklist, p_yes), self._slopes, self._offsets)

    @property
    def _slopes(self) -> NDArray[np.float64]:
        return np.array([question.slope for question in self.questions])

    @property
    def _offsets(self) -> NDArray[np.float64]:
        return np.array([question.offset for question in self.questions])

    def to_json(self) -> dict[str, Any]:
        """Write plain data: numbers, texts, lists and None."""
        return {"kind": KIND, "format": FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, data: object, *, source: str = "calibration") -> Calibration:
        """Read and check what :meth:`to_json` gave.

        Raises:
            ArtifactError: It is no such calibration; the message calls it ``source``.
        """
        if not isinstance(data, Mapping) or data.get("kind") != KIND or data.get("format") != FORMAT:
            raise ArtifactError(f"{source}: this is no calibration of format {FORMAT}. Fit it again.", code="kind")
        known = {field.name for field in fields(cls)}
        try:
            values = {key: value for key, value in data.items() if key in known}
            values["questions"] = tuple(QuestionCalibration(**question) for question in data["questions"])
            values["warnings"] = tuple(str(warning) for warning in data["warnings"])
            found = cls(**values)
            sound = found.method in ("platt", "temperature") and all(
                0 < question.slope < math.inf and math.isfinite(question.offset) for question in found.questions
            )
        except (KeyError, TypeError) as error:
            raise ArtifactError(f"{source}: incomplete or altered ({error}). Fit it again.", code="manifest") from error
        if not sound:
            raise ArtifactError(f"{source}: a slope or an offset is out of range. Fit it again.", code="manifest")
        return found

    def save(self, path: str | Path) -> None:
        """Write JSON that people can read."""
        text = json.dumps(self.to_json(), indent=1, ensure_ascii=False, allow_nan=False)
        Path(path).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path, *, checklist: Checklist | None = None) -> Calibration:
        """Read and check a file; with ``checklist``, one for another checklist is refused.

        Raises:
            ArtifactError: A file is missing or not as it was written.
        """
        path = Path(path)
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ArtifactError(f"{path.name}: cannot be read as JSON ({error}).", code="read") from error
        found = cls.from_json(data, source=path.name)
        if checklist is not None:
            try:
                found.check(checklist)
            except ArtifactError as error:
                raise ArtifactError(f"{path.name}: {error.message}", code=error.code) from error
        return found


def transform(p: NDArray[np.float64], slope: NDArray[np.float64], offset: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute σ(slope · logit p + offset) along the last axis.

    Columns of slope 1 and offset 0 are left to the last bit.
    """
    changed = (slope != 1.0) | (offset != 0.0)
    found = p.copy()
    odds = logit(np.clip(p[..., changed], CLIP, 1.0 - CLIP))
    found[..., changed] = expit(slope[changed] * odds + offset[changed])
    return found


def check_answers(checklist: Checklist, answers: ArrayLike, rows: int) -> NDArray[np.int8]:
    """Check answers, and return them as int8 [rows, q], each −1, 0 or 1.

    Raises:
        DataError: Shapes or values do not fit.
    """
    array = np.asarray(answers)
    if array.shape != (rows, len(checklist.questions)):
        raise DataError(
            f"Answers must have the shape [{rows}, {len(checklist.questions)}], as P(yes) has; "
            f"this array has {array.shape}.",
            code="shape",
        )
    if not np.isin(array, (-1, 0, 1)).all():
        raise DataError("Answers are −1 (no), 0 (masked or not judged) and 1 (yes).", code="not_an_answer")
    return array.astype(np.int8)
