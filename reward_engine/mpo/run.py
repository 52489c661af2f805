"""From scores to a compared model: the steps of a run, each of which can be repeated without harm.

made = generate(policy, prompts, folder, per_prompt=16)          generation.py
scores = score(as_inputs(made, "image"))                         scoring.py
mined = dominance.pairs(scores.by_dimension, groups_of(made))    dominance.py
prepare(run, pipeline=…, pairs=training_pairs(mined, made), settings=…); train(run)      training/
compare_models(policy, {"MPO": lora, "total": other}, held_out_prompts, folder, score)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from reward_engine.errors import DataError
from reward_engine.judges.base import Canceled, MediaInput, MediaType, Progress
from reward_engine.mpo.comparison import ScoreComparison, compare
from reward_engine.mpo.dominance import Pairs
from reward_engine.mpo.generation import Generation, Sampling, generate
from reward_engine.mpo.scoring import Score, Scores
from reward_engine.mpo.seeds import seed_of
from reward_engine.mpo.training.folder import TrainingPair

if TYPE_CHECKING:
    from reward_engine.mpo.policies import Policy

START = "start"


def groups_of(made: Sequence[Generation]) -> NDArray[np.int64]:
    """Number the prompts of items, int64 [n]; items of one prompt share a number."""
    number: dict[str, int] = {}
    return np.array([number.setdefault(item.prompt, len(number)) for item in made], dtype=np.int64)


def as_inputs(made: Sequence[Generation], media_type: MediaType) -> list[MediaInput]:
    """Turn items into what a judge is given."""
    return [MediaInput(item.path.stem, media_type, item.path, item.prompt) for item in made]


def training_pairs(
    mined: Pairs, made: Sequence[Generation], *, held_out: float = 0.1, seed: int = 0
) -> list[TrainingPair]:
    """Turn mined positions into files, some prompts held out.

    All pairs of about ``held_out`` of the prompts (0 ≤ share < 1) are held out. The seed and the prompt's text decide
    which, so that runs on the same prompts hold out the same ones.
    """
    pairs = []
    for winner, loser in zip(mined.winner.tolist(), mined.loser.tolist(), strict=True):
        prompt = made[winner].prompt
        out = is_held_out(prompt, held_out, seed)
        pairs.append(TrainingPair(prompt, made[winner].path, made[loser].path, out))
    return pairs


def is_held_out(prompt: str, share: float, seed: int) -> bool:
    """Tell whether the pairs of a prompt are held out.

    Those of about ``share`` (0 ≤ share < 1) of all prompts are.

    Raises:
        DataError: Shapes or values do not fit.
    """
    if not 0 <= share < 1:
        raise DataError(f"The share held out must be at least 0 and below 1, not {share}.", code="options")
    return seed_of(seed, "held out", prompt) / 2**63 < share


@dataclass(frozen=True)
class TunedComparison:
    """Every tuned model beside the start.

    ``scores`` and generations by model name, ``against_start`` of the tuned ones.
    """

    made: Mapping[str, Sequence[Generation]]
    scores: Mapping[str, Scores]
    against_start: Mapping[str, ScoreComparison]


def compare_models(
    policy: Policy,
    loras: Mapping[str, Path],
    prompts: Sequence[str],
    folder: Path,
    score: Score,
    *,
    per_prompt: int = 4,
    sampling: Sampling | None = None,
    seed: int = 0,
    batch_size: int = 8,
    tie_margin: float = 0.0,
    progress: Progress | None = None,
    canceled: Canceled | None = None,
) -> TunedComparison | None:
    """Compare tuned models with their start.

    All make the same held-out prompts from the same seeds; the reward scores all.

    Items lie in a folder a model and are made once. ``progress`` counts items over all models. Returns None where it
    was canceled.

    Args:
        loras: Name → the safetensors file of a tuned model.

    Raises:
        DataError: a model is named like the start, an item cannot be scored, or see :func:`compare`.
    """
    if START in loras:
        raise DataError(f"A tuned model cannot be called “{START}”.", code="options")
    models: dict[str, Path | None] = {START: None, **loras}
    total = len(models) * len(set(prompts)) * per_prompt
    made: dict[str, list[Generation]] = {}
    scores: dict[str, Scores] = {}
    for number, (name, lora) in enumerate(models.items()):
        before = number * total // len(models)
        made[name] = generate(
            policy, prompts, folder / f"{number:02d}", per_prompt=per_prompt, sampling=sampling, lora=lora, seed=seed,
            batch_size=batch_size, canceled=canceled,
            progress=_beyond(progress, before, total),
        )  # fmt: skip
        if len(made[name]) < total // len(models):
            return None
        scores[name] = score(as_inputs(made[name], policy.media_type))
    groups = groups_of(made[START])
    against = {name: compare(scores[START], scores[name], groups, tie_margin=tie_margin, seed=seed) for name in loras}
    return TunedComparison(made, scores, against)


def _beyond(progress: Progress | None, before: int, total: int) -> Progress | None:
    """Progress of one model told as progress of all."""
    if progress is None:
        return None
    heard = progress
    return lambda done, _: heard(before + done, total)
