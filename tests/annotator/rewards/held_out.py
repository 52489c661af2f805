"""Versions with held-out predictions, made without training: people's levels, and judges of a chosen strength."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.campaigns.services import store_checklist
from annotator.rewards.models import RewardModel
from annotator.rewards.services import artifacts
from reward_engine.answers import harmonize, to_answers
from reward_engine.training.measure import Baseline, measure
from tests.reward_engine.training.planted import small_checklist

CHECKLIST = small_checklist()


def levels_of(items: Sequence[int]) -> NDArray[np.int8]:
    """What people say of items by their number, always the same."""
    rows = []
    for item in items:
        rng = np.random.default_rng(item)
        rows.append([rng.integers(sub.lowest, sub.highest + 1) for sub in CHECKLIST.ordinal])
    return harmonize(CHECKLIST, np.array(rows, dtype=np.int8).reshape(-1, len(CHECKLIST.ordinal)))


def judge(items: Sequence[int], strength: float) -> NDArray[np.float32]:
    """P(yes) of a judge that leans ``strength`` log odds to what people say, with noise of its own."""
    answers = to_answers(CHECKLIST, levels_of(items))
    noise = np.stack([np.random.default_rng(1000 + item).normal(0, 0.8, answers.shape[1]) for item in items])
    return (1 / (1 + np.exp(-(strength * answers + noise)))).astype(np.float32)


def make_version(
    version: int,
    *,
    items: Sequence[int] = range(48),
    each: int = 4,
    strength: float = 1.0,
    state: str = "candidate",
    kind: str = "probe",
    text: str = "d",
    uncalibrated: NDArray[Any] | None = None,
    **fields: Any,
) -> RewardModel:
    """A version that held out these items, ``each`` of them a prompt. ``uncalibrated``: another P(yes) before it."""
    checklist, _ = store_checklist(checklist=small_checklist(text=text))
    said, levels = judge(items, strength), levels_of(items)
    prompts = np.array([item // each for item in items], dtype=np.int64)
    content = artifacts.pack(
        {
            "items": np.array(items, dtype=np.int64),
            "prompts": prompts,
            "levels": levels,
            "p_yes": said if uncalibrated is None else uncalibrated,
            "calibrated": said,
        }
    )
    path = f"models/image/{version}"
    artifacts.write_file(artifacts.root() / path / artifacts.HELD_OUT, content)
    baseline, every = Baseline.empty(CHECKLIST, len(said)), np.ones(len(said))
    baseline.learn(CHECKLIST, levels, every, every > 0)
    metrics = measure(CHECKLIST, said, levels, baseline)
    metrics["validation"] = {"items": len(said), "prompts": len(set(prompts.tolist())), "folds": 1}
    return RewardModel.objects.create(
        **{
            "media_type": "image", "version": version, "state": state, "judge": kind, "checklist_version": checklist,
            "path": path, "weights": [0.1] * len(CHECKLIST.questions), "metrics": metrics,
            "manifest": {"held_out": {"file": artifacts.HELD_OUT, "sha256": artifacts.digest(content)}, "seed": 0,
                         "data": {"left_out": 0}, "weights": {"form": "equal"}},
            **fields,
        }
    )  # fmt: skip


def replace_held_out(model: RewardModel, arrays: dict[str, NDArray[Any]]) -> None:
    """Write other held-out predictions for a version, with their digest."""
    content = artifacts.pack(arrays)
    artifacts.write_file(artifacts.root() / model.path / artifacts.HELD_OUT, content)
    model.manifest = {**model.manifest, "held_out": {"file": artifacts.HELD_OUT, "sha256": artifacts.digest(content)}}
    model.save(update_fields=["manifest"])
