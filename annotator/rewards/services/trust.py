"""What a version cannot do, and what follows: ladders left out of the reward, and how sure its pairs will be."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reward_engine.checklist import Checklist
from reward_engine.errors import WeightsError
from reward_engine.mpo.tolerance import expected_precision, noise_tolerance
from reward_engine.training.limits import limits_of, without_limited
from reward_engine.weights import Weights


def leave_out_limited(
    checklist: Checklist, weights: Weights, metrics: dict[str, Any], *, keep: bool
) -> tuple[Weights, dict[str, Any]]:
    """Leave out of the weights what cannot be trusted.

    Returns the weights of the rest, and plain data for the manifest: limits, those left out, and why not all.

    Published weights stay as they are, since whoever loads them asks for that very reward. Weights also stay where
    nothing would be left.
    """
    limits = limits_of(checklist, metrics)
    metrics["limits"] = [limit.to_json() for limit in limits]
    record: dict[str, Any] = {"left_out": [], "kept_because": ""}
    if not limits:
        return weights, record
    if keep:
        return weights, {**record, "kept_because": "asked"}
    if weights.form == "published":
        return weights, {**record, "kept_because": "published"}
    try:
        found = without_limited(weights, checklist, limits)
    except WeightsError:
        return weights, {**record, "kept_because": "nothing_left"}
    return found, {**record, "left_out": [limit.sub_dimension for limit in limits]}


def pairs_to_expect(
    checklist: Checklist,
    weights: Weights,
    p_yes: NDArray[np.float32],
    levels: NDArray[np.int8],
    prompts: NDArray[np.int64],
) -> dict[str, Any]:
    """Measure what pair mining would find on held-out items.

    Returns plain data: the noise by dimension, and what each rule of dominance finds.
    """
    tolerance = noise_tolerance(checklist, weights, p_yes, levels, prompts)
    rules = expected_precision(checklist, weights, p_yes, levels, prompts, tolerance=tolerance)
    return {"tolerance": tolerance.tolist(), "rules": {rule: one.to_json() for rule, one in rules.items()}}
