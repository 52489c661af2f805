"""The fit against other solvers, slow probabilities, and the conditions that a solution must meet."""

import csv
import itertools
import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad, minimize
from sklearn.linear_model import LogisticRegression

from reward_engine.preferences import BradleyTerry, bradley_terry, fit_bradley_terry


def drawn(m=400, f=4, tie=-0.3, seed=0, coef=None):
    """Differences of answers, and outcomes drawn from Davidson's model."""
    rng = np.random.default_rng(seed)
    x = rng.choice([-2.0, 0.0, 2.0], (m, f))
    coef = np.linspace(0, 1, f) if coef is None else np.asarray(coef)
    p = np.exp(BradleyTerry(coef, tie).log_probabilities(x @ coef))
    outcome = (rng.random(m)[:, None] > np.cumsum(p, axis=1)).sum(axis=1) - 1
    return x, outcome.astype(np.int8), coef


@given(st.floats(-30, 30), st.floats(-5, 5))
def test_probabilities_are_davidsons(gap, tie):
    first, second, nu = math.exp(gap / 2), math.exp(-gap / 2), math.exp(tie)
    total = first + second + nu
    found = np.exp(BradleyTerry(np.zeros(1), tie).log_probabilities(np.array([gap]))[0])
    np.testing.assert_allclose(found, [second / total, nu / total, first / total], rtol=1e-9, atol=1e-300)
    without = np.exp(BradleyTerry(np.zeros(1), None).log_probabilities(np.array([gap]))[0])
    np.testing.assert_allclose(without, [1 / (1 + math.exp(gap)), 0, 1 / (1 + math.exp(-gap))], atol=1e-12)


def test_without_ties_and_with_l2_it_is_logistic_regression():
    x, outcome, _ = drawn(tie=None, coef=[0.3, 0.5, 0.8, 1.0])
    l2 = 0.01
    reference = LogisticRegression(C=1 / (l2 * len(x)), fit_intercept=False, tol=1e-10).fit(x, outcome > 0)
    assert (reference.coef_ > 0).all()  # else the two could not agree
    found = fit_bradley_terry(x, outcome, l2=l2)
    np.testing.assert_allclose(found.coef, reference.coef_[0], atol=1e-5)
    assert found.tie is None


def slow_loss(parameters, x, outcome, l1, l2):
    """Mean loss and penalty, pair by pair."""
    *coef, tie = parameters
    total = 0.0
    for row, said in zip(x, outcome, strict=True):
        gap = float(np.dot(row, coef))
        parts = {1: math.exp(gap / 2), -1: math.exp(-gap / 2), 0: math.exp(tie)}
        total -= math.log(parts[int(said)] / sum(parts.values()))
    return total / len(x) + l1 * sum(coef) + l2 / 2 * sum(w * w for w in coef)


@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.0), (0.02, 0.0), (0.0, 0.05), (0.01, 0.02)])
def test_with_ties_no_other_solver_does_better(l1, l2):
    x, outcome, _ = drawn(m=120, coef=[0.0, 0.0, 0.4, 1.0])
    found = fit_bradley_terry(x, outcome, l1=l1, l2=l2)
    mine = np.append(found.coef, found.tie)
    other = minimize(
        slow_loss, np.full(5, 0.1), (x, outcome, l1, l2), method="SLSQP", bounds=[(0, None)] * 4 + [(-12, 12)]
    )
    assert slow_loss(mine, x, outcome, l1, l2) <= other.fun + 1e-6
    np.testing.assert_allclose(mine, other.x, atol=5e-3)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 0.1), st.floats(0.001, 0.1))
def test_the_solution_meets_its_conditions(seed, l1, l2):
    """At a weight above 0 the slope is 0; at one that is 0 the slope does not point below it (Karush–Kuhn–Tucker)."""
    rng = np.random.default_rng(seed)
    x = rng.choice([-2.0, -1.0, 0.0, 0.5, 2.0], (40, 3))
    outcome = rng.choice([-1, 0, 1], 40).astype(np.int8)
    outcome[0] = 1
    found = fit_bradley_terry(x, outcome, l1=l1, l2=l2)
    assert (found.coef >= 0).all()
    here = np.append(found.coef, -10.0 if found.tie is None else found.tie)
    for index in range(3):
        step = np.zeros(4)
        step[index] = 1e-5
        slope = (slow_loss(here + step, x, outcome, l1, l2) - slow_loss(here - step, x, outcome, l1, l2)) / 2e-5
        assert slope > -1e-3
        if found.coef[index] > 1e-4:
            assert abs(slope) < 1e-3


def test_planted_weights_come_back():
    x, outcome, coef = drawn(m=20_000, f=6)
    found = fit_bradley_terry(x, outcome)
    np.testing.assert_allclose(found.coef, coef, atol=0.06)
    assert found.tie == pytest.approx(-0.3, abs=0.1)


def test_exchanging_the_items_of_a_pair_changes_nothing():
    x, outcome, _ = drawn()
    flip = np.random.default_rng(1).choice([-1, 1], len(x))
    one, other = (
        fit_bradley_terry(x, outcome, l2=0.01),
        fit_bradley_terry(x * flip[:, None], (outcome * flip).astype(np.int8), l2=0.01),
    )
    np.testing.assert_allclose(one.coef, other.coef, atol=1e-5)


def test_a_weight_of_two_is_the_pair_twice():
    x, outcome, _ = drawn(m=60)
    counts = np.random.default_rng(2).integers(0, 3, 60)
    weighted = fit_bradley_terry(x, outcome, l2=0.01, pair_weights=counts.astype(float))
    repeated = fit_bradley_terry(np.repeat(x, counts, axis=0), np.repeat(outcome, counts), l2=0.01)
    np.testing.assert_allclose(weighted.coef, repeated.coef, atol=1e-5)


def test_ties_tell_that_items_are_near_and_so_pull_weights_down():
    x, outcome, _ = drawn(tie=None, m=2000)
    tied = outcome.copy()
    tied[(np.abs(x @ np.linspace(0, 1, 4)) > 1) & (np.random.default_rng(3).random(2000) < 0.5)] = 0
    thrown_away = fit_bradley_terry(x[tied != 0], tied[tied != 0])
    assert fit_bradley_terry(x, tied).coef.sum() < thrown_away.coef.sum() - 0.1


def test_a_negative_effect_is_held_at_zero():
    x, outcome, _ = drawn(coef=[1.0, 0.5, 0.5, 0.5])
    x[:, 0] *= -1
    assert fit_bradley_terry(x, outcome).coef[0] == 0


def test_perfect_separation_stays_finite_with_a_penalty():
    x = np.array([[2.0], [-2.0], [2.0]])
    outcome = np.array([1, -1, 1], dtype=np.int8)
    found = fit_bradley_terry(x, outcome, l2=1e-4)
    assert 0 < found.coef[0] < 100
    assert np.isfinite(found.losses(x @ found.coef, outcome)).all()


def test_a_tie_where_none_was_ever_seen_costs_much_and_not_all():
    found = BradleyTerry(np.ones(1), None).losses(np.array([0.0]), np.array([0], dtype=np.int8))
    assert found[0] == pytest.approx(-math.log(1e-7))


def test_the_slope_is_that_of_the_loss(monkeypatch):
    """Through scipy's own check, on the very function that is minimized."""
    captured = {}
    x, outcome, _ = drawn(m=30)

    def spy(fun, start, **options):
        captured["fun"] = fun
        return minimize(fun, start, **options)

    monkeypatch.setattr(bradley_terry, "minimize", spy)
    fit_bradley_terry(x, outcome, l1=0.03, l2=0.2)
    for seed in range(3):
        here = np.random.default_rng(seed).random(5)
        wrong = check_grad(lambda w: captured["fun"](w)[0], lambda w: captured["fun"](w)[1], here)
        assert wrong < 1e-6


def test_generators_rank_as_their_mean_opinion_does_on_real_ratings(shared):
    """AGIQA-3K: each pair of pictures of one prompt is a comparison by quality; the features say who made them."""
    by_prompt, opinions = defaultdict(list), defaultdict(list)
    with (shared / "data" / "agiqa-3k" / "data.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            generator = row["name"].split("_")[0]
            by_prompt[row["prompt"]].append((generator, float(row["mos_quality"]), float(row["std_quality"])))
            opinions[generator].append(float(row["mos_quality"]))
    names = sorted(opinions)
    assert len(names) == 6
    x, outcome = [], []
    for items in by_prompt.values():
        for (a, mos_a, std_a), (b, mos_b, std_b) in itertools.combinations(items, 2):
            if a != b:
                x.append([(a == name) - (b == name) for name in names])
                # A tie where the means differ by less than a quarter of the spread of the people.
                outcome.append(0 if abs(mos_a - mos_b) < (std_a + std_b) / 8 else int(np.sign(mos_a - mos_b)))
    outcome = np.array(outcome, dtype=np.int8)
    assert len(outcome) > 5000
    assert (outcome == 0).mean() > 0.02
    found = fit_bradley_terry(np.array(x, dtype=float), outcome, l2=1e-4)
    by_strength = [names[i] for i in np.argsort(found.coef)]
    by_opinion = sorted(names, key=lambda name: np.mean(opinions[name]))
    assert by_strength == by_opinion
    assert found.tie < 0
