"""The published question and weight files, loaded as they are.

Sources: the question and weight files of the VisionReward repository (Apache 2.0). The published image form is
reward = b + w₀·alignment + Σ w_q·a_q over the questions behind the three presence questions, with answers
a_q = ±1 set to 0 where their mask says no; the video form is reward = mean_q(w_q·a_q).
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reward_engine.checklist import Checklist, Dimension, Level, Mask, Question, SubDimension
from reward_engine.checklist.model import MediaType
from reward_engine.errors import ChecklistError, DataError, WeightsError
from reward_engine.weights import Weights

# The image files begin with these three; what hangs on them is told by position in the published scorer.
# That the two harmfulness questions hang on "a body is present" looks like a slip there; it is reproduced here
# because published rewards depend on it, and nowhere else.
_SELECTED_IMAGE_MASKS = {22: 0, 23: 0, 24: 0, 28: 0, 29: 0, 25: 1, 26: 1, 27: 2}
_FULL_IMAGE_MASKS = {**dict.fromkeys(range(43, 47), 0), **dict.fromkeys(range(47, 51), 1), **dict.fromkeys(range(51, 55), 2)}  # fmt: skip # noqa: E501
_IMAGE_MASKS = {30: _SELECTED_IMAGE_MASKS, 59: _FULL_IMAGE_MASKS}
_PRESENCE_QUESTIONS = 3


@dataclass(frozen=True)
class PublishedReward:
    """A published scorer: its questions as a checklist, and its weights on them.

    ``coef`` float64 [q] (0 for the three presence questions of the image form); ``alignment_coef`` weighs the
    separate alignment score of the image form and is None for videos.
    """

    checklist: Checklist
    coef: NDArray[np.float64]
    intercept: float
    alignment_coef: float | None

    def weights(self) -> Weights:
        """Convert the weights for :func:`reward_engine.reward.reward`, which adds up.

        Notes say what is not the same. The published video form is a mean: its coefficients are divided by their
        number. The alignment score of the image form belongs to no question and is left out.
        """
        if self.alignment_coef is None:
            return Weights(self.coef / len(self.coef), self.intercept, "published", ("The published form is a mean.",))
        note = f"The published form also adds {self.alignment_coef:.3f} × the alignment score, which is left out here."
        return Weights(self.coef, self.intercept, "published", (note,))

    def masked(self, answers: ArrayLike) -> NDArray[np.float64]:
        """Set answers ±1 [n, q] that do not apply to 0."""
        array = np.asarray(answers, dtype=np.float64)
        if array.ndim != 2 or array.shape[1] != len(self.coef):
            raise DataError(f"Answers must have the shape [n, {len(self.coef)}]; this array has {array.shape}.")
        if not np.isin(array, (-1.0, 0.0, 1.0)).all():
            raise DataError("Answers are −1 (no), 0 (masked) or 1 (yes).")
        gate = self.checklist.question_mask
        masked = array.copy()
        masked[:, gate >= 0] *= array[:, gate[gate >= 0]] > 0
        return masked

    def reward(self, answers: ArrayLike, alignment: ArrayLike | None = None) -> NDArray[np.float64]:
        """Compute rewards float64 [n] of answers ±1 [n, q]; images need ``alignment`` [n].

        Raises:
            DataError: Shapes or values do not fit.
        """
        contributions = self.masked(answers) * self.coef
        if self.alignment_coef is None:
            return np.asarray(contributions.mean(axis=1) + self.intercept)
        if alignment is None:
            raise DataError("The published image reward needs the alignment score of each image.")
        score = np.asarray(alignment, dtype=np.float64)
        if score.shape != (len(contributions),):
            raise DataError(f"There are {len(contributions)} rows of answers and {score.size} alignment scores.")
        if not np.isfinite(score).all():
            raise DataError(f"Row {int(np.flatnonzero(~np.isfinite(score))[0])}: the alignment score is not finite.")
        return np.asarray(self.alignment_coef * score + contributions.sum(axis=1) + self.intercept)


def media_type_of(path: str | Path) -> MediaType:
    """Whether a published file of questions is for images or videos, by its name.

    Raises:
        ChecklistError: It is no valid checklist; file, line and key are named.
    """
    name = Path(path).stem.lower()
    image, video = "image" in name, "video" in name
    if image == video:
        raise ChecklistError(
            f"{Path(path).name}: the name does not say whether these questions are for images or for videos. "
            "Let it contain image or video, as the published files do."
        )
    return "image" if image else "video"


def load_questions(path: str | Path, media_type: MediaType) -> Checklist:
    """Load published questions as a checklist.

    Each line is a question, and a ladder of its own; ``[[prompt]]`` becomes ``{prompt}``.

    Raises:
        ChecklistError: For an empty file, a repeated question, or an image file of another length than the two
            published ones (30 and 59 questions; masks go by position).
    """
    path = Path(path)
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").split("\n")]
    except (OSError, UnicodeDecodeError) as error:
        raise ChecklistError(f"{path.name}: cannot be read ({error}).") from error
    while lines and not lines[-1]:
        lines.pop()
    for number, line in enumerate(lines, 1):
        if not line:
            raise ChecklistError(f"{path.name}, line {number}: this line is empty; each line holds one question.")
        if line in lines[: number - 1]:
            raise ChecklistError(f"{path.name}, line {number}: this question is there already: “{line}”.")
    if not lines:
        raise ChecklistError(f"{path.name}: the file holds no question.")
    masks: dict[int, int] = {}
    if media_type == "image":
        if len(lines) not in _IMAGE_MASKS:
            raise ChecklistError(
                f"{path.name}: {len(lines)} questions; the published image files have 30 or 59, and which question "
                "is masked by which is known for those only."
            )
        masks = _IMAGE_MASKS[len(lines)]
    subs = tuple(_ladder(index, line, masks) for index, line in enumerate(lines))
    dimension = Dimension("published", "Published questions", subs)
    return Checklist(f"published_{media_type}_{len(lines)}", media_type, path.stem, 1, (dimension,))


def _id(index: int) -> str:
    return f"published_{index:02d}"


def _ladder(index: int, text: str, masks: dict[int, int]) -> SubDimension:
    id = _id(index)
    mask = Mask(_id(masks[index]), _id(masks[index])) if index in masks else None
    names = ("Does not apply", "No", "Yes") if mask else ("No", "Yes")
    levels = tuple(Level(score, name, name) for score, name in enumerate(names))
    question = Question(
        id, text.replace("[[prompt]]", "{prompt}"), id, levels[-1].score, is_presence=index in masks.values()
    )
    return SubDimension(id, text, text, "published", "ordinal", levels, (question,), mask)


def load_weights(path: str | Path, checklist: Checklist) -> PublishedReward:
    """Load a published weight file for its questions.

    Image: ``{"coef": [...], "intercept": [b]}`` with one coefficient for alignment and one for each question behind the
    three presence questions. Video: a plain list, one per question.

    Raises:
        WeightsError: If counts do not fit (nothing is ever cut or padded), or the weights are all 0 or degenerate.
    """
    path = Path(path)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path.name}: cannot be read as JSON ({error}).") from error
    questions = len(checklist.questions)
    if checklist.media_type == "video":
        coef = _numbers(data, path)
        if len(coef) != questions:
            raise WeightsError(_misfit(path, len(coef), questions, f"one for each of {questions} questions"))
        return _some(PublishedReward(checklist, coef, 0.0, None), path)
    if not isinstance(data, dict) or not {"coef", "intercept"} <= data.keys():
        raise WeightsError(f"{path.name}: an object with “coef” and “intercept” is expected.")
    coef, intercept = _numbers(data["coef"], path), _numbers(data["intercept"], path)
    expected = 1 + questions - _PRESENCE_QUESTIONS
    if len(coef) != expected or len(intercept) != 1:
        raise WeightsError(
            _misfit(
                path,
                len(coef),
                expected,
                f"one for the alignment score and one for each of the {questions - _PRESENCE_QUESTIONS} questions "
                f"behind the {_PRESENCE_QUESTIONS} presence questions",
            )
        )
    padded = np.concatenate([np.zeros(_PRESENCE_QUESTIONS), coef[1:]])
    return _some(PublishedReward(checklist, padded, float(intercept[0]), float(coef[0])), path)


def _some(found: PublishedReward, path: Path) -> PublishedReward:
    """Check that a reward can be made of the weights.

    Raises:
        WeightsError: With the file's name, where none can.
    """
    weights = found.weights()
    try:
        weights.check(found.checklist)
        weights.check_some(found.checklist)
    except WeightsError as error:
        raise WeightsError(f"{path.name}: {error.message}", code=error.code) from error
    return found


def _misfit(path: Path, found: int, expected: int, because: str) -> str:
    return (
        f"{path.name} has {found} coefficients, but the questions need {expected}: {because}. Which coefficient "
        "belongs to which question cannot be known, so the file is refused rather than cut; use the weight file that "
        "was published with these questions."
    )


def _numbers(data: object, path: Path) -> NDArray[np.float64]:
    if not isinstance(data, list) or not all(isinstance(x, int | float) and not isinstance(x, bool) for x in data):
        raise WeightsError(f"{path.name}: a list of numbers is expected.")
    if not all(abs(x) <= sys.float_info.max for x in data):  # false for NaN as well
        raise WeightsError(f"{path.name}: a weight is not a finite number.", code="weights_not_finite")
    return np.array(data, dtype=np.float64)
