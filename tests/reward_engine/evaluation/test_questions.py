"""Per-question figures against scikit-learn, and their intervals against a loop."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score, cohen_kappa_score, f1_score

from reward_engine.errors import DataError
from reward_engine.evaluation import question_agreement, question_intervals
from reward_engine.evaluation.questions import overall
from tests.reward_engine.training.planted import small_checklist

SMALL = small_checklist()
Q = len(SMALL.questions)


def judged(seed, n=30):
    rng = np.random.default_rng(seed)
    p = rng.random((n, Q))
    answers = np.where(rng.random((n, Q)) < p, 1, -1).astype(np.int8)
    answers[rng.random((n, Q)) < 0.3] = 0
    return p, answers


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 30))
def test_figures_are_those_of_scikit_learn(seed, n):
    p, answers = judged(seed, n)
    for q, found in enumerate(question_agreement(SMALL, p, answers).values()):
        known = answers[:, q] != 0
        truth, said = answers[known, q] > 0, p[known, q] >= 0.5
        assert (found.n, found.n_yes) == (known.sum(), truth.sum())
        if not known.any():
            assert found.accuracy is found.f1 is found.kappa is found.balanced_accuracy is None
            continue
        assert found.accuracy == pytest.approx(accuracy_score(truth, said))
        if 0 < truth.sum() < len(truth):
            assert found.balanced_accuracy == pytest.approx(balanced_accuracy_score(truth, said))
        else:
            assert found.balanced_accuracy is None
        if truth.any() or said.any():
            assert found.f1 == pytest.approx(f1_score(truth, said))
        else:
            assert found.f1 is None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            kappa = cohen_kappa_score(truth, said, labels=[False, True])
        assert found.kappa == (None if np.isnan(kappa) else pytest.approx(kappa))


def test_intervals_are_those_of_prompts_drawn_one_by_one():
    p, answers = judged(1, 48)
    prompts = np.arange(48) // 4
    found = question_intervals(SMALL, p, answers, prompts, times=200, seed=5)
    drawn = np.random.default_rng(5).multinomial(12, np.full(12, 1 / 12), size=200)
    plain = question_agreement(SMALL, p, answers)
    ids = [SMALL.questions[0].id, SMALL.questions[5].id]
    values = {(id, figure): [] for id in ids for figure in found[id]}
    for counts in drawn:
        rows = np.repeat(np.arange(48), np.repeat(counts, 4))
        one = question_agreement(SMALL, p[rows], answers[rows])
        for id, figure in values:
            values[id, figure].append(getattr(one[id], figure))
    for (id, figure), drawn_values in values.items():
        known = [value for value in drawn_values if value is not None]
        interval = found[id][figure]
        assert interval.value == getattr(plain[id], figure)
        assert (interval.low, interval.high) == pytest.approx(tuple(np.quantile(known, [0.025, 0.975])))


def test_the_mean_over_questions_leaves_out_what_cannot_be_said():
    p, answers = judged(2)
    answers[:, 0] = 0
    found = question_agreement(SMALL, p, answers)
    assert overall(found)["accuracy"] == pytest.approx(np.mean([one.accuracy for one in list(found.values())[1:]]))
    nothing = question_agreement(SMALL, p, answers * 0)
    assert set(overall(nothing).values()) == {None}


def test_the_threshold_decides_what_is_a_yes():
    p, answers = np.full((4, Q), 0.6), np.ones((4, Q), dtype=np.int8)
    assert question_agreement(SMALL, p, answers)[SMALL.questions[0].id].accuracy == 1
    assert question_agreement(SMALL, p, answers, threshold=0.7)[SMALL.questions[0].id].accuracy == 0


def test_what_does_not_fit_is_refused():
    p, answers = judged(3)
    with pytest.raises(DataError, match="One answer for each"):
        question_agreement(SMALL, p, answers[:5])
    with pytest.raises(DataError, match="Answers are"):
        question_agreement(SMALL, p, answers + 5)
