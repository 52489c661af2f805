"""What each kind of feature is worth: plain ridge regression without it, and with it alone, on prompts left out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.clips import RatedClips
from reward_engine.answers import ABSENT
from reward_engine.evaluation.order import Order, order_within
from reward_engine.training.baselines import RIDGE, Baselines
from reward_engine.training.design import fit_design

Floats = NDArray[np.float64]
Columns = NDArray[np.bool_]

KINDS = {
    "frozen frames": ("still_share", "longest_still", "new_frames_a_second"),
    "flicker": ("flicker", "exposure_drift", "sharpness_pulse"),
    "optical-flow consistency": ("flow_change", "flow_change_relative", "flow_unexplained", "aligned_change"),
}
"""Features within the block of motion that mean one thing."""

BLOCKS = {"network": "picture network", "statistics": "plain statistics of the picture", "motion": "motion, all of it",
          "prompt": "words of the prompt", "match": "prompt–picture agreement"}  # fmt: skip


def worth(clips: RatedClips) -> Mapping[str, tuple[list[Order], list[Order]]]:
    """By kind of feature: the orders, by sub-dimension, of ridge regression without it, and with it alone."""
    whole = _orders(clips, np.ones(len(clips.features.names), dtype=bool))
    found = {"everything": (whole, whole)}
    for name, columns in _kinds(clips).items():
        found[name] = (_orders(clips, ~columns), _orders(clips, columns))
    return found


def _kinds(clips: RatedClips) -> dict[str, Columns]:
    names = np.array(clips.features.names)
    found = {}
    for block, words in BLOCKS.items():
        columns = np.zeros(len(names), dtype=bool)
        columns[clips.features.blocks[block]] = True
        found[words] = columns
    return found | {words: np.isin(names, of) for words, of in KINDS.items()}


def _orders(clips: RatedClips, columns: Columns) -> list[Order]:
    """With the other features held at 0, where the design gives them no weight."""
    values = np.where(columns, clips.features.values, np.float32(0))
    levels = np.where(clips.levels == ABSENT, np.nan, clips.levels.astype(np.float64))
    baselines = Baselines(len(values), levels.shape[1])
    for prompt in np.unique(clips.group):
        out = clips.group == prompt
        design = fit_design(values, clips.features.blocks, np.flatnonzero(~out))
        baselines.learn(design, values, clips.features.names, {}, levels, clips.group, out)
    scores = baselines.scores[RIDGE]
    return [order_within(scores[:, k], clips.ratings[:, k], clips.group) for k in range(levels.shape[1])]
