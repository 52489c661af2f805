"""A judge's order of items beside baselines that never saw it: each measure, and ridge, learned on other prompts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reward_engine.answers import ABSENT, check_levels
from reward_engine.checklist import Checklist
from reward_engine.errors import DataError
from reward_engine.evaluation.order import order_within
from reward_engine.features.table import Features
from reward_engine.groups import group_folds, group_numbers
from reward_engine.ladders import expected_levels

FOLDS = 10
FEWEST_PROMPTS = 3


def beside_baselines(
    checklist: Checklist,
    features: Features,
    levels: ArrayLike,
    prompts: ArrayLike,
    p_yes: Mapping[str, NDArray[Any]],
    bitrate: NDArray[np.float64],
    *,
    seed: int = 0,
) -> dict[str, dict[str, dict[str, Any]]]:
    """Measure how judges and baselines order the items of a prompt.

    Gives, by sub-dimension and then by judge or baseline, the share of pairs in people's order, with its interval.

    ``features`` and ``bitrate`` of the n items; ``levels`` int8 [n, s] of people; ``prompts`` [n]; ``p_yes`` by judge,
    float [n, q]. ``majority`` says the same of all, and has ½. Each baseline learns from other prompts than those it is
    measured on; whether a judge has seen them is not known here.

    Raises:
        DataError: There are fewer than three prompts.
    """
    from reward_engine.training.baselines import Baselines
    from reward_engine.training.design import fit_design

    group, n = group_numbers(prompts, len(features.keys)), len(features.keys)
    if int(group.max(initial=-1)) + 1 < FEWEST_PROMPTS:
        raise DataError(f"Baselines are learned on other prompts; at least {FEWEST_PROMPTS} are needed.", code="few")
    truth = np.where(np.asarray(levels) == ABSENT, np.nan, check_levels(checklist, levels).astype(np.float64))
    baselines = Baselines(n, len(checklist.ordinal))
    for out in group_folds(group, FOLDS, seed):
        design = fit_design(features.values, features.blocks, np.flatnonzero(~out))
        baselines.learn(design, features.values, features.names, {"bitrate": bitrate}, truth, group, out)
    scores = {name: expected_levels(checklist, p) for name, p in p_yes.items()}
    scores |= {"majority": np.zeros((n, len(checklist.ordinal))), **baselines.scores}
    return {
        sub.id: {
            name: asdict(order_within(said[:, column], truth[:, column], group, seed=seed))
            for name, said in scores.items()
        }
        for column, sub in enumerate(checklist.ordinal)
    }
