"""What a version cannot do stands in its manifest and has no weight, unless somebody asks for it."""

import numpy as np
import pytest

from annotator.rewards.services.trust import leave_out_limited
from reward_engine.checklist import builtin
from reward_engine.weights import Weights, equal_weights

CHECKLIST = builtin("image")


@pytest.fixture
def metrics():
    """One head that is a constant, one checked on nothing, one that points the wrong way; the rest are fine."""
    fine = {"n": 30, "levels_seen": 3, "log_loss": 0.4, "baseline_log_loss": 0.6, "ordered": 0.8, "ordered_low": 0.7,
            "ordered_high": 0.9, "pairs": 40}  # fmt: skip
    ids = [sub.id for sub in CHECKLIST.ordinal]
    measured = {id: dict(fine) for id in ids}
    measured[ids[1]] |= {"n": 0, "pairs": 0, "ordered": None}
    measured[ids[2]] |= {"ordered": 0.3}
    heads = {id: {"kind": "ordinal"} for id in ids} | {ids[0]: {"kind": "rates"}}
    return {"sub_dimensions": measured, "heads": heads}


def counted(weights, column):
    return bool(weights.coef[CHECKLIST.question_sub_dimension == column].any())


def test_they_are_left_out_and_the_others_grow(metrics):
    weights, told = leave_out_limited(CHECKLIST, equal_weights(CHECKLIST), metrics, keep=False)
    assert told["left_out"] == [sub.id for sub in CHECKLIST.ordinal[:3]]
    assert [limit["code"] for limit in metrics["limits"]] == ["constant", "unchecked", "inverted"]
    assert [counted(weights, column) for column in range(4)] == [False, False, False, True]
    assert np.abs(weights.coef).sum() == pytest.approx(1.0)


def test_they_count_where_that_is_asked_for_or_the_weights_are_published(metrics):
    equal = equal_weights(CHECKLIST)
    published = Weights(equal.coef, form="published")
    for weights, keep, why in ((equal, True, "asked"), (published, False, "published")):
        found, told = leave_out_limited(CHECKLIST, weights, metrics, keep=keep)
        assert found is weights
        assert (told["left_out"], told["kept_because"]) == ([], why)
        assert len(metrics["limits"]) == 3  # named all the same


def test_where_nothing_would_be_left_all_count_and_that_is_said(metrics):
    for head in metrics["heads"].values():
        head["kind"] = "rates"
    _, told = leave_out_limited(CHECKLIST, equal_weights(CHECKLIST), metrics, keep=False)
    assert told["kept_because"] == "nothing_left"
