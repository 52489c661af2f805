"""Each prompt judged by a judge that was trained on all others, and each baseline likewise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.clips import RatedClips
from reward_engine.answers import ABSENT
from reward_engine.evaluation.order import Order, order_within
from reward_engine.ladders import expected_levels
from reward_engine.mpo.tolerance import RulePrecision, expected_precision, noise_tolerance
from reward_engine.training import train_probe
from reward_engine.training.baselines import Baselines
from reward_engine.training.design import fit_design
from reward_engine.weights import equal_weights

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LeftOut:
    """``p_yes`` float64 [n, q]; ``scores`` by method float64 [n, s]."""

    p_yes: Floats
    scores: dict[str, Floats]


@dataclass(frozen=True)
class Whole:
    """Of the judge of all clips: ``why`` each ladder is as it is, and the ``limits`` it names."""

    why: dict[str, str]
    limits: list[dict[str, str]]


def judged(clips: RatedClips, seed: int, say: Callable[[str], None] = lambda line: None) -> LeftOut:
    """As many trainings as there are prompts."""
    n, checklist = len(clips.group), clips.checklist
    p_yes = np.full((n, len(checklist.questions)), np.nan)
    baselines = Baselines(n, len(checklist.ordinal))
    levels = np.where(clips.levels == ABSENT, np.nan, clips.levels.astype(np.float64))
    names, values = clips.features.names, clips.features.values
    for prompt in np.unique(clips.group):
        out = clips.group == prompt
        kept = np.where(out[:, None], ABSENT, clips.levels)
        trained = train_probe(checklist, clips.features, kept, clips.group, seed=seed)
        p_yes[out] = trained.heads.p_yes(checklist, values[out])
        design = fit_design(values, clips.features.blocks, np.flatnonzero(~out))
        baselines.learn(design, values, names, {"bitrate": clips.bitrate}, levels, clips.group, out)
        say(f"prompt {int(prompt) + 1} of {int(clips.group.max()) + 1}")
    return LeftOut(p_yes, {"judge": expected_levels(checklist, p_yes), **baselines.scores})


def whole(clips: RatedClips, seed: int) -> Whole:
    """The judge that one would use: trained on all clips, checked in five rounds."""
    trained = train_probe(
        clips.checklist, clips.features, clips.levels, clips.group, seed=seed, validation_folds=5,
        measures={"bitrate": clips.bitrate},
    )  # fmt: skip
    why = {name: str(head.get("why", "")) for name, head in trained.metrics["heads"].items()}
    return Whole(why, trained.metrics["limits"])


def orders(clips: RatedClips, found: LeftOut) -> dict[str, dict[str, Order]]:
    """By ladder and method, against the ratings themselves (not the levels they are rounded to)."""
    return {
        sub.id: {
            name: order_within(scores[:, column], clips.ratings[:, column], clips.group)
            for name, scores in found.scores.items()
        }
        for column, sub in enumerate(clips.checklist.ordinal)
    }


def mined(clips: RatedClips, found: LeftOut) -> dict[str, RulePrecision]:
    """What each rule of dominance finds, and how many of these pairs people order alike."""
    weights = equal_weights(clips.checklist)
    given = (clips.checklist, weights, found.p_yes, clips.levels, clips.group)
    return dict(expected_precision(*given, tolerance=noise_tolerance(*given)))
