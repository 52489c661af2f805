"""Judges on the same judged items: figures, differences, and what cannot be said."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reward_engine.answers import ABSENT, harmonize, to_answers
from reward_engine.errors import DataError
from reward_engine.evaluation import compare_levels, level_agreement, most_likely_levels
from reward_engine.evaluation.level_comparison import to_json
from reward_engine.training.measure import Baseline, measure
from tests.reward_engine.training.planted import small_checklist

CHECKLIST = small_checklist()


def people(seed=0, prompts=12, each=4):
    """(levels of people, a judge's P(yes) that leans their way, prompts)."""
    rng = np.random.default_rng(seed)
    n = prompts * each
    levels = np.stack([rng.integers(sub.lowest, sub.highest + 1, n) for sub in CHECKLIST.ordinal], axis=1)
    levels[rng.random(levels.shape) < 0.15] = ABSENT
    levels = harmonize(CHECKLIST, levels.astype(np.int8))
    odds = 1.2 * to_answers(CHECKLIST, levels) + rng.normal(0, 1.0, (n, len(CHECKLIST.questions)))
    return levels, 1 / (1 + np.exp(-odds)), np.repeat(np.arange(prompts), each)


@given(seed=st.integers(0, 10_000))
def test_figures_are_those_of_a_training(seed):
    levels, p, prompts = people(seed)
    found = compare_levels(CHECKLIST, {"a": p}, levels, prompts, reference="a", times=20)
    baseline, every = Baseline.empty(CHECKLIST, len(p)), np.ones(len(p))
    baseline.learn(CHECKLIST, levels, every, every > 0)
    told = measure(CHECKLIST, p, levels, baseline)
    for name in ("accuracy", "log_loss", "kappa"):
        mine, theirs = getattr(found.overall["a"], name), told["overall"][name]
        assert mine is None or mine.value == pytest.approx(theirs), name
    for column, sub in enumerate(CHECKLIST.ordinal):
        agreement = level_agreement(most_likely_levels(CHECKLIST, p)[:, column], levels[:, column])
        figures = found.sub_dimensions[sub.id]["a"]
        assert found.n[sub.id] == agreement.n
        assert figures.accuracy is None or figures.accuracy.value == pytest.approx(agreement.accuracy)
        assert figures.kappa is None or figures.kappa.value == pytest.approx(agreement.kappa)


@given(seed=st.integers(0, 10_000))
def test_exchanging_two_judges_turns_their_difference(seed):
    levels, p, prompts = people(seed)
    other = people(seed + 1)[1]
    one = compare_levels(CHECKLIST, {"a": p, "b": other}, levels, prompts, reference="a", times=30)
    two = compare_levels(CHECKLIST, {"a": p, "b": other}, levels, prompts, reference="b", times=30)
    for name in ("accuracy_difference", "log_loss_difference"):
        forth, back = getattr(one.overall["b"], name), getattr(two.overall["a"], name)
        assert forth.value == pytest.approx(-back.value)
        assert (forth.low, forth.high) == pytest.approx((-back.high, -back.low))
        assert getattr(one.overall["a"], name) is None, "the reference is not compared with itself"


def test_a_judge_does_not_differ_from_its_twin():
    levels, p, prompts = people()
    found = compare_levels(CHECKLIST, {"a": p, "b": p.copy()}, levels, prompts, reference="a", times=50)
    for figures in (found.overall["b"], *(of["b"] for of in found.sub_dimensions.values())):
        for difference in (figures.accuracy_difference, figures.log_loss_difference):
            assert (difference.value, difference.low, difference.high) == (0, 0, 0)


def test_the_better_judge_is_found_and_its_interval_says_so():
    levels, weak, prompts = people(prompts=60)
    strong = np.clip(0.5 + 0.45 * to_answers(CHECKLIST, levels), 0.01, 0.99)
    found = compare_levels(CHECKLIST, {"weak": weak, "strong": strong}, levels, prompts, reference="weak", ranks=True)
    assert found.overall["strong"].log_loss_difference.high < 0
    assert found.overall["strong"].accuracy_difference.low > 0
    assert found.overall["strong"].spearman.low > found.overall["weak"].spearman.high
    assert (found.items, found.prompts) == (240, 60)
    assert found.answers == int((to_answers(CHECKLIST, levels) != 0).sum())


def test_what_cannot_be_said_is_none():
    levels, p, prompts = people()
    levels[:, 0] = ABSENT
    levels[:, 1] = np.where(levels[:, 1] == ABSENT, ABSENT, 0)
    sure = p.copy()
    sure[:, CHECKLIST.question_index(CHECKLIST.ordinal[1].questions[0].id)] = 0.1
    found = compare_levels(CHECKLIST, {"a": sure}, levels, prompts, reference="a", times=20)
    nothing = found.sub_dimensions["clarity"]["a"]
    assert (nothing.accuracy, nothing.log_loss, nothing.kappa) == (None, None, None)
    assert found.sub_dimensions["symmetry"]["a"].accuracy.value == 1
    assert found.sub_dimensions["symmetry"]["a"].kappa is None, "both always say the same"
    assert found.overall["a"].spearman is None, "ranks were not asked for"
    assert to_json(nothing)["accuracy"] is None


def test_bad_input_is_refused_in_words():
    levels, p, prompts = people()
    with pytest.raises(DataError, match="no judge named “c”"):
        compare_levels(CHECKLIST, {"a": p}, levels, prompts, reference="c")
    with pytest.raises(DataError, match="b: 3 rows, where people judged 48 items"):
        compare_levels(CHECKLIST, {"a": p, "b": p[:3]}, levels, prompts, reference="a")
    with pytest.raises(DataError, match="judged none"):
        compare_levels(CHECKLIST, {"a": p}, np.full_like(levels, ABSENT), prompts, reference="a")
