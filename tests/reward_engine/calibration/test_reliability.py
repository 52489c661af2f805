"""Reliability diagrams against a loop that anybody can follow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binomtest
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as sklearn_log_loss

from reward_engine.calibration import reliability, reliability_by_sub_dimension
from reward_engine.errors import DataError
from tests.reward_engine.training.planted import small_checklist

pairs = st.integers(1, 40).flatmap(
    lambda n: st.tuples(
        arrays(np.float64, n, elements=st.floats(0, 1)), arrays(np.int8, n, elements=st.sampled_from([-1, 0, 1]))
    )
)


def slow(p, answers, bins):
    """(ece, mce, {bin: (n, mean, share)}) of bins of equal width."""
    edges = np.linspace(0, 1, bins + 1)
    found, n, total, worst = {}, 0, 0.0, 0.0
    for b in range(bins):
        last = b == bins - 1
        inside = [
            (x, a) for x, a in zip(p, answers, strict=True)
            if a != 0 and edges[b] <= x and (x <= edges[b + 1] if last else x < edges[b + 1])
        ]  # fmt: skip
        if inside:
            mean, share = np.mean([x for x, _ in inside]), np.mean([a > 0 for _, a in inside])
            found[b] = (len(inside), mean, share)
            n += len(inside)
            total += len(inside) * abs(mean - share)
            worst = max(worst, abs(mean - share))
    return (total / n if n else None), (worst if n else None), found


@given(pairs, st.integers(1, 12))
def test_bins_and_errors_are_those_of_a_plain_loop(pair, bins):
    p, answers = pair
    found = reliability(p, answers, bins=bins)
    ece, mce, expected = slow(p, answers, bins)
    assert found.n == (answers != 0).sum()
    if not found.n:
        assert (found.ece, found.brier, found.bins) == (None, None, ())
        return
    assert (found.ece, found.mce) == (pytest.approx(ece), pytest.approx(mce))
    assert [(b.n, b.mean_p, b.share_yes) for b in found.bins] == [pytest.approx(values) for values in expected.values()]
    assert sum(b.n for b in found.bins) == found.n
    for b in found.bins:
        assert b.lower - 1e-12 <= b.mean_p <= b.upper + 1e-12
        interval = binomtest(round(b.share_yes * b.n), b.n).proportion_ci(0.95, method="wilson")
        assert (b.low, b.high) == (pytest.approx(interval.low, abs=1e-9), pytest.approx(interval.high, abs=1e-9))


@given(pairs)
def test_brier_and_log_loss_are_those_of_scikit_learn(pair):
    p, answers = pair
    known = answers != 0
    found = reliability(p, answers)
    if known.any():
        yes, known_p = (answers[known] > 0).astype(int), np.clip(p[known], 1e-7, 1 - 1e-7)
        assert found.brier == pytest.approx(brier_score_loss(yes, p[known], labels=[0, 1], pos_label=1))
        assert found.log_loss == pytest.approx(sklearn_log_loss(yes, known_p, labels=[0, 1]))


@given(pairs)
def test_bins_of_equally_many_hold_everything_too(pair):
    p, answers = pair
    found = reliability(p, answers, bins=4, spacing="quantile")
    assert sum(b.n for b in found.bins) == (answers != 0).sum()
    assert all(b.lower <= b.mean_p + 1e-9 and b.mean_p <= b.upper + 1e-9 for b in found.bins)


def test_a_judge_who_is_right_about_itself_has_nearly_no_error_and_one_who_boasts_has():
    rng = np.random.default_rng(0)
    p = rng.random(40_000)
    answers = np.where(rng.random(p.size) < p, 1, -1)
    assert reliability(p, answers).ece < 0.01
    odds = 3 * np.log(p / (1 - p))
    boasting = reliability(1 / (1 + np.exp(-odds)), answers)
    assert boasting.ece > 0.1
    assert boasting.mce > boasting.ece


def test_by_hand():
    found = reliability([0.1, 0.1, 0.9, 0.9, 0.6], [-1, 1, 1, 1, 0], bins=2)
    assert [(b.lower, b.upper, b.n) for b in found.bins] == [(0.0, 0.5, 2), (0.5, 1.0, 2)]
    assert found.ece == pytest.approx((2 * 0.4 + 2 * 0.1) / 4)
    assert found.mce == pytest.approx(0.4)


def test_one_diagram_for_each_ladder():
    small = small_checklist()
    rng = np.random.default_rng(1)
    p = rng.random((50, len(small.questions)))
    answers = rng.choice([-1, 0, 1], p.shape)
    found = reliability_by_sub_dimension(small, p, answers, bins=5)
    assert list(found) == [sub.id for sub in small.ordinal]
    hands = [small.question_index(q.id) for q in small.sub_dimension("hands").questions]
    assert found["hands"] == reliability(p[:, hands], answers[:, hands], bins=5)


@pytest.mark.parametrize(
    ("p", "answers", "options", "words"),
    [
        ([0.5], [1, 1], {}, "One answer for each"),
        ([[0.5, 0.5]], [[1], [1]], {}, "One answer for each"),
        ([0.5], [2], {}, "Answers are"),
        ([1.5], [1], {}, r"\[0, 1\]"),
        ([float("nan")], [1], {}, r"\[0, 1\]"),
        ([0.5], [1], {"bins": 0}, "At least one bin"),
    ],
)
def test_what_makes_no_sense_is_refused(p, answers, options, words):
    with pytest.raises(DataError, match=words):
        reliability(p, answers, **options)
