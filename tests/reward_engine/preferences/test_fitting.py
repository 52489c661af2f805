"""The whole recipe on planted preferences: what it finds, what it leaves out, and what it warns of."""

import json
from functools import cache

import numpy as np
import pytest

from reward_engine.answers import harmonize, to_answers
from reward_engine.checklist import builtin
from reward_engine.comparisons import Comparisons, comparisons_from_rankings
from reward_engine.errors import DataError
from reward_engine.evaluation import preference_accuracy
from reward_engine.preferences import fit_weights
from reward_engine.reward import reward

IMAGE = builtin("image")
Q = len(IMAGE.questions)
MATTERS = {"clarity": 0.8, "hands": 0.5, "emotion": 0.4, "alignment": 0.9}
QUICK = {"penalties": (0.1, 0.01, 0.001), "l1_shares": (0.0, 1.0), "folds": 4, "resamples": 40}


@cache
def planted(prompts=120, per_prompt=4, seed=0):
    """(answers of random levels, the weights people have, their comparisons with ties)."""
    rng = np.random.default_rng(seed)
    n = prompts * per_prompt
    columns = [rng.integers(sub.lowest, sub.highest + 1, n) for sub in IMAGE.ordinal]
    levels = np.stack(columns, axis=1).astype(np.int8)
    levels[:, IMAGE.ordinal_index("safety")] = 1  # never varies
    values = to_answers(IMAGE, harmonize(IMAGE, levels)).astype(float)
    subs = [IMAGE.ordinal[index].id for index in IMAGE.question_sub_dimension]
    truth = np.array([MATTERS.get(id, 0.0) for id in subs]) * ~IMAGE.only_presence
    liking = values @ truth + rng.gumbel(size=n)
    return values, truth, comparisons_from_rankings(-np.round(liking), np.repeat(np.arange(prompts), per_prompt))


@cache
def fitted():
    values, _, pairs = planted()
    return fit_weights(IMAGE, values, pairs, **QUICK)


def test_what_matters_to_people_gets_the_weight():
    _, truth, _ = planted()
    coef = fitted().weights.coef
    assert (coef >= 0).all()
    assert coef[truth > 0].sum() > 5 * coef[truth == 0].sum()
    assert np.corrcoef(coef, truth)[0, 1] > 0.85
    assert fitted().weights.form == "fitted"


def test_it_orders_new_pairs_better_than_equal_weights_and_nearly_as_well_as_the_truth():
    values, truth, pairs = planted(seed=5)
    gaps = pairs.differences(reward(values, IMAGE, fitted().weights).reward)
    found = preference_accuracy(gaps, pairs.outcome)
    best = preference_accuracy(pairs.differences(values @ truth), pairs.outcome)
    held_out = fitted().held_out
    assert found.diff > best.diff - 0.03
    assert found.diff > held_out.equal_diff + 0.1
    assert held_out.diff == pytest.approx(found.diff, abs=0.04)  # what it promised of prompts it had not seen
    assert held_out.tau > held_out.equal_tau + 0.05
    assert held_out.log_loss < held_out.baseline_log_loss - 0.2


def test_questions_that_never_vary_and_those_that_only_mask_are_dropped_and_named():
    found = fitted()
    presence = {"body_present", "face_present", "hands_present"}
    safety = {question.id for question in IMAGE.sub_dimension("safety").questions}
    assert set(found.dropped) == presence | safety
    assert all("masks other questions" in found.dropped[id] for id in presence)
    assert all("never differs" in found.dropped[id] for id in safety)
    for id in found.dropped:
        index = IMAGE.question_index(id)
        assert found.weights.coef[index] == found.low[index] == found.high[index] == found.kept[index] == 0
    zero = {IMAGE.questions[i].id for i in np.flatnonzero(found.weights.coef == 0)}
    assert zero == set(found.zero) | set(found.dropped)


def test_intervals_hold_the_estimate_and_mostly_the_truth():
    found, (_, truth, _) = fitted(), planted()
    coef = found.weights.coef
    assert (found.low <= found.high).all()
    matters = truth > 0
    assert (found.low[matters] > 0).mean() > 0.8  # sure that they count
    assert (found.kept[matters] > 0.9).mean() > 0.8
    assert found.kept[~matters].mean() < 0.8
    inside = (coef >= found.low - 1e-9) & (coef <= found.high + 1e-9)
    assert inside[matters].mean() > 0.9


def test_intervals_narrow_as_pairs_grow():
    values, _, pairs = planted()
    few = pairs.prompts < 30
    small = Comparisons(pairs.first[few], pairs.second[few], pairs.outcome[few], pairs.prompts[few])
    options = QUICK | {"penalties": (0.01,), "l1_shares": (0.0,)}
    wide, narrow = fit_weights(IMAGE, values, small, **options), fit_weights(IMAGE, values, pairs, **options)
    assert (wide.high - wide.low).mean() > 1.3 * (narrow.high - narrow.low).mean()


def test_the_penalty_is_the_one_that_predicts_held_out_prompts_best():
    found = fitted()
    assert len(found.tried) == 6
    assert found.penalty == min(found.tried, key=lambda score: score.log_loss)
    assert found.penalty.log_loss == pytest.approx(found.held_out.log_loss)
    assert {(score.l1 > 0, score.l2 > 0) for score in found.tried} == {(True, False), (False, True)}
    assert all(score.standard_error > 0 for score in found.tried)


def test_the_same_seed_gives_the_same_weights():
    values, _, pairs = planted()
    options = {"penalties": (0.01,), "l1_shares": (0.0,), "resamples": 5}
    one, again, other = (fit_weights(IMAGE, values, pairs, seed=seed, **options) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.low, again.low)
    np.testing.assert_allclose(one.weights.coef, other.weights.coef)
    assert (one.low != other.low).any()


def test_few_pairs_are_warned_of():
    values, _, pairs = planted()
    few = pairs.prompts < 5
    small = Comparisons(pairs.first[few], pairs.second[few], pairs.outcome[few], pairs.prompts[few])
    found = fit_weights(IMAGE, values, small, **QUICK)
    strict = int((small.outcome != 0).sum())
    assert any(f"There are {strict} pairs with a preference for" in warning for warning in found.warnings)
    assert any("come from 5 prompts only" in warning for warning in found.warnings)
    assert not any("pairs with a preference for" in warning for warning in fit_weights_of_many().warnings)


@cache
def fit_weights_of_many():
    values, _, pairs = planted(prompts=220, seed=3)
    return fit_weights(IMAGE, values, pairs, **QUICK | {"resamples": 0})


def test_without_resamples_there_are_no_intervals_and_json_says_so():
    found = fit_weights_of_many()
    assert np.isnan(found.low).all()
    data = json.loads(json.dumps(found.to_json(IMAGE), allow_nan=False))
    assert set(data["intervals"].values()) == {None}
    assert data["n_pairs"] == len(planted(prompts=220, seed=3)[2])
    whole = json.loads(json.dumps(fitted().to_json(IMAGE), allow_nan=False))
    index = IMAGE.question_index("clarity_2")
    assert whole["intervals"]["clarity_2"]["high"] == pytest.approx(fitted().high[index])
    assert whole["weights"]["coef"]["clarity_2"] == pytest.approx(fitted().weights.coef[index])


def test_preferences_that_follow_nothing_are_said_to_follow_nothing():
    values, _, pairs = planted()
    rng = np.random.default_rng(9)
    noise = Comparisons(pairs.first, pairs.second, rng.choice([-1, 1], len(pairs)).astype(np.int8), pairs.prompts)
    found = fit_weights(IMAGE, values, noise, **QUICK)
    assert any("strongest penalty" in warning or "No question got a weight" in warning for warning in found.warnings)
    assert found.held_out.diff is None or found.held_out.diff < 0.6


def test_mostly_ties_are_warned_of():
    values, _, pairs = planted()
    outcome = np.where(np.arange(len(pairs)) % 3 == 0, pairs.outcome, 0).astype(np.int8)
    found = fit_weights(IMAGE, values, Comparisons(pairs.first, pairs.second, outcome, pairs.prompts), **QUICK)
    assert any("are ties: people see little difference" in warning for warning in found.warnings)
    assert found.tie > 0


def no_preference(pairs):
    return Comparisons(pairs.first, pairs.second, pairs.outcome * 0, pairs.prompts)


def one_prompt(pairs):
    return Comparisons(pairs.first, pairs.second, pairs.outcome, pairs.prompts * 0)


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        (no_preference, {}, "no pair in which one item was preferred"),
        (one_prompt, {}, "All pairs are of one prompt"),
        (None, {"l1_shares": ()}, "shares of L1"),
        (None, {"l1_shares": (2.0,)}, "shares of L1"),
        (None, {"penalties": (0.0,)}, "penalties are above 0"),
        (None, {"folds": 1}, "two folds"),
        (None, {"resamples": -1}, "no negative number"),
    ],
)
def test_what_nothing_can_be_learned_from_is_refused(change, options, words):
    values, _, pairs = planted()
    with pytest.raises(DataError, match=words):
        fit_weights(IMAGE, values, change(pairs) if change else pairs, **options)


def test_values_that_do_not_fit_are_refused_by_row_and_question():
    values, _, pairs = planted()
    with pytest.raises(DataError, match="shape"):
        fit_weights(IMAGE, values[:, 1:], pairs)
    wrong = values.copy()
    wrong[2, 1] = np.nan
    with pytest.raises(DataError, match=f"Row 2, “{IMAGE.questions[1].id}”"):
        fit_weights(IMAGE, wrong, pairs)
    with pytest.raises(DataError, match="No question differs"):
        fit_weights(IMAGE, np.ones_like(values), pairs)
