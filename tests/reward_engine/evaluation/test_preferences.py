"""diff and tau as published, against slow references and on real rankings."""

import csv
import itertools
import json
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import kendalltau

from reward_engine.comparisons import comparisons_from_rankings
from reward_engine.errors import DataError
from reward_engine.evaluation import calibrate_ties, preference_accuracy, preference_intervals

pairs_strategy = st.integers(1, 25).flatmap(
    lambda n: st.tuples(
        arrays(np.float64, n, elements=st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.25, 0.5, 1.0, 3.0])),
        arrays(np.int8, n, elements=st.sampled_from([-1, 0, 1])),
    )
)


def slow_tau(gaps, human, epsilon):
    right = 0
    for gap, truth in zip(gaps, human, strict=True):
        said = 0 if abs(gap) <= epsilon else (1 if gap > 0 else -1)
        right += said == truth
    return right / len(gaps)


@settings(max_examples=50, deadline=None)
@given(pairs_strategy)
def test_tie_calibration_tries_every_threshold(pair):
    gaps, human = pair
    found = preference_accuracy(gaps, human)
    tried = {epsilon: slow_tau(gaps, human, epsilon) for epsilon in sorted({0.0, *np.abs(gaps)})}
    assert found.tau == pytest.approx(max(tried.values()))
    assert found.epsilon == min(epsilon for epsilon, tau in tried.items() if tau == max(tried.values()))
    assert found.epsilon == calibrate_ties(gaps, human)
    strict = [(gap, truth) for gap, truth in zip(gaps, human, strict=True) if truth]
    if strict:
        assert found.diff == pytest.approx(sum(gap * truth > 0 for gap, truth in strict) / len(strict))
    else:
        assert found.diff is None
    assert (found.n, found.n_strict, found.score_ties) == (len(gaps), len(strict), int((gaps == 0).sum()))


@settings(max_examples=50, deadline=None)
@given(pairs_strategy, st.floats(0, 4))
def test_a_threshold_from_elsewhere_is_taken_as_it_is(pair, epsilon):
    gaps, human = pair
    assert preference_accuracy(gaps, human, epsilon=epsilon).tau == pytest.approx(slow_tau(gaps, human, epsilon))


def test_preferences_that_make_no_sense_are_refused():
    assert preference_accuracy([], []).diff is None
    with pytest.raises(DataError):
        preference_accuracy([1.0], [2])
    with pytest.raises(DataError):
        preference_accuracy([np.nan], [1])
    with pytest.raises(DataError):
        preference_accuracy([1.0], [1], epsilon=-1)
    with pytest.raises(DataError):
        preference_accuracy([1.0, 2.0], [1])


@settings(max_examples=10, deadline=None)
@given(pairs_strategy, st.booleans())
def test_intervals_are_those_of_prompts_drawn_one_by_one(pair, calibrated):
    gaps, human = pair
    prompts = np.arange(len(gaps)) // 2
    epsilon = None if calibrated else 0.5
    found = preference_intervals(gaps, human, prompts, epsilon=epsilon, times=40, seed=3)
    groups = prompts.max() + 1
    drawn = np.random.default_rng(3).multinomial(groups, np.full(groups, 1 / groups), size=40)
    diffs, taus = [], []
    for counts in drawn:
        rows = np.concatenate([np.repeat(np.flatnonzero(prompts == p), counts[p]) for p in range(groups)])
        one = preference_accuracy(gaps[rows], human[rows], epsilon=epsilon)
        diffs.append(one.diff)
        taus.append(one.tau)
    assert (found.tau.low, found.tau.high) == pytest.approx(tuple(np.quantile(taus, [0.025, 0.975])))
    known = [diff for diff in diffs if diff is not None]
    if (human != 0).any() and 2 * len(known) >= 40:
        assert (found.diff.low, found.diff.high) == pytest.approx(tuple(np.quantile(known, [0.025, 0.975])))
    else:
        assert found.diff is None


def test_no_pairs_have_no_intervals():
    assert preference_intervals([], [], []).tau is None


def rankings(shared):
    data = json.loads((shared / "data" / "imagereward-test" / "test.json").read_text(encoding="utf-8"))
    ranks = np.array([rank for entry in data for rank in entry["ranking"]], dtype=float)
    return ranks, comparisons_from_rankings(ranks, [entry["id"] for entry in data for _ in entry["ranking"]])


def test_real_rankings_are_predicted_by_themselves_and_by_nothing_else(shared):
    """ImageReward's test rankings: the ranking itself is always right, chance half the time, noise in between."""
    ranks, pairs = rankings(shared)
    perfect = preference_accuracy(pairs.differences(-ranks), pairs.outcome)
    assert (perfect.diff, perfect.tau, perfect.epsilon) == (1.0, 1.0, 0.0)
    assert (perfect.n, perfect.n_strict, perfect.score_ties) == (7230, 6399, 831)
    rng = np.random.default_rng(0)
    chance = preference_accuracy(pairs.differences(rng.normal(size=len(ranks))), pairs.outcome)
    assert chance.diff == pytest.approx(0.5, abs=0.03)
    noisy_score = -ranks + rng.normal(0, 1.5, len(ranks))
    noisy = preference_accuracy(pairs.differences(noisy_score), pairs.outcome)
    assert 0.7 < noisy.diff < 0.9
    # Ties count against whoever predicts none, and a threshold wins some of them back.
    untied = preference_accuracy(pairs.differences(noisy_score), pairs.outcome, epsilon=0.0)
    assert untied.tau < noisy.diff
    assert untied.tau <= noisy.tau
    interval = preference_intervals(pairs.differences(noisy_score), pairs.outcome, pairs.prompts, times=300)
    assert interval.diff.low < noisy.diff < interval.diff.high
    assert 0.01 < interval.diff.high - interval.diff.low < 0.06


def test_real_opinions_agree_with_kendall(shared):
    """AGIQA-3K: how far the opinion on alignment orders pairs as the opinion on quality does; without ties,
    diff = (1 + Kendall's τ) / 2 within a prompt, which scipy counts in another way."""
    by_prompt = defaultdict(list)
    with (shared / "data" / "agiqa-3k" / "data.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            by_prompt[row["prompt"]].append((float(row["mos_quality"]), float(row["mos_align"])))
    gaps, human, by_kendall, weights = [], [], [], []
    for items in by_prompt.values():
        pairs = list(itertools.combinations(items, 2))
        if len(pairs) < 3:
            continue
        gaps += [a[1] - b[1] for a, b in pairs]
        human += [int(np.sign(a[0] - b[0])) for a, b in pairs]
        by_kendall.append((1 + kendalltau(*zip(*items, strict=True)).statistic) / 2)
        weights.append(len(pairs))
    found = preference_accuracy(gaps, human)
    assert found.n > 10_000
    assert found.diff == pytest.approx(np.average(by_kendall, weights=weights), abs=1e-3)
    assert 0.7 < found.diff < 0.95
