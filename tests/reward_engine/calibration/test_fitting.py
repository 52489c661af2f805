"""A judge who boasts is brought back to the truth, and one who says too little is left alone."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit

from reward_engine.calibration import Calibration, cross_calibrated, fit_calibration
from reward_engine.calibration.reliability import log_loss, reliability
from reward_engine.errors import ArtifactError, DataError
from tests.reward_engine.training.planted import small_checklist

SMALL = small_checklist()
Q = len(SMALL.questions)


def boasting(n=1200, slope=3.0, offset=1.0, seed=0):
    """(P(yes) that are too extreme and too high, answers, prompts); the truth is slope 1/3 and offset −1/3."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(0, 1.2, (n, Q))
    answers = np.where(rng.random((n, Q)) < expit(odds), 1, -1).astype(np.int8)
    answers[rng.random((n, Q)) < 0.1] = 0
    return expit(slope * odds + offset), answers, np.arange(n) // 4


def test_the_distortion_is_found_and_undone_on_prompts_never_seen():
    p, answers, prompts = boasting()
    found = fit_calibration(SMALL, p, answers, prompts)
    for question in found.questions:
        assert question.slope == pytest.approx(1 / 3, abs=0.08)
        assert question.offset == pytest.approx(-1 / 3, abs=0.25)
        assert question.log_loss_after < question.log_loss_before
        assert question.ece_after < question.ece_before
    assert found.ece_before > 0.1
    assert found.ece_after < 0.03
    assert found.warnings == ()
    unseen = cross_calibrated(SMALL, p, answers, prompts)
    assert reliability(unseen, answers).ece == found.ece_after, "what the figures after are measured on"
    new_p, new_answers, _ = boasting(seed=1)
    known = new_answers != 0
    calibrated = found.apply(SMALL, new_p)
    assert log_loss(calibrated[known], new_answers[known] > 0) < log_loss(new_p[known], new_answers[known] > 0) - 0.1


def test_the_values_after_are_of_fits_that_did_not_see_the_prompt():
    """With prompts whose answers contradict the others', a fit that saw them would look better than it is."""
    rng = np.random.default_rng(3)
    n = 400
    p = np.full((n, Q), 0.5)
    prompts = np.repeat(np.arange(4), n // 4)
    p[prompts < 2] = 0.7
    sign = np.where(prompts % 2 == 0, 1, -1)[:, None]
    answers = np.where(rng.random((n, Q)) < 0.5 + 0.45 * sign, 1, -1).astype(np.int8)
    found = fit_calibration(SMALL, p, answers, prompts, folds=4)
    assert found.log_loss_after > found.log_loss_before
    assert any("does not help" in warning for warning in found.warnings)


def test_temperature_alone_has_no_offset_and_is_the_best_temperature():
    p, answers, prompts = boasting(offset=0.0)
    found = fit_calibration(SMALL, p, answers, prompts, method="temperature", prior=0.0)
    for q, question in enumerate(found.questions):
        known = answers[:, q] != 0
        odds, yes = logit(np.clip(p[known, q], 1e-6, 1 - 1e-6)), answers[known, q] > 0

        def loss(slope, odds=odds, yes=yes):
            return (np.logaddexp(0, slope * odds) - yes * slope * odds).sum()

        best = minimize_scalar(loss, bounds=(0.02, 5), method="bounded", options={"xatol": 1e-8}).x
        assert question.offset == 0
        assert question.slope == pytest.approx(best, rel=1e-3)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_order_stays_whatever_the_answers(seed):
    rng = np.random.default_rng(seed)
    p = rng.random((60, Q))
    answers = np.where(rng.random((60, Q)) < 1 - p, 1, -1).astype(np.int8)  # a judge who is always wrong
    found = fit_calibration(SMALL, p, answers, np.arange(60), folds=2)
    calibrated = found.apply(SMALL, p)
    assert ((calibrated >= 0) & (calibrated <= 1)).all()
    for q in range(Q):
        order = np.argsort(p[:, q])
        assert (np.diff(calibrated[order, q]) >= 0).all()
        assert found.questions[q].slope > 0


def test_questions_with_too_few_answers_stay_to_the_last_bit_and_are_named():
    p, answers, prompts = boasting(200)
    answers[:, 0] = 0
    answers[:, 1] = 1
    answers[5:, 2] = 0
    found = fit_calibration(SMALL, p, answers, prompts)
    np.testing.assert_array_equal(found.apply(SMALL, p)[:, :3], p[:, :3])
    assert [question.is_identity for question in found.questions[:4]] == [True, True, True, False]
    assert found.questions[3].note == ""
    assert "200 answers, 200 yes and 0 no, are too few" in found.questions[1].note
    assert found.warnings[0].startswith(f"3 of {Q} questions have too few answers and")
    assert SMALL.questions[0].id in found.warnings[0]


def test_few_answers_move_a_question_less():
    p, answers, prompts = boasting()
    slopes = [
        fit_calibration(SMALL, p[:n], answers[:n], prompts[:n], prior=50.0).questions[0].slope for n in (30, 1200)
    ]
    assert 1 > slopes[0] > slopes[1]


@pytest.mark.parametrize(("thin", "said"), [(1, "1 question was fitted on"), (2, "2 questions were fitted on")])
def test_questions_with_few_answers_are_counted_in_the_right_number(thin, said):
    p, answers, prompts = boasting()
    for question in range(thin):
        answers[np.flatnonzero(answers[:, question])[90:], question] = 0
    assert any(warning.startswith(said) for warning in fit_calibration(SMALL, p, answers, prompts).warnings)


def test_one_prompt_alone_is_said_to_be_unmeasured():
    p, answers, prompts = boasting(100)
    found = fit_calibration(SMALL, p, answers, prompts * 0)
    assert found.ece_after is None
    assert found.questions[0].log_loss_after is None
    assert any("one prompt" in warning for warning in found.warnings)
    empty = fit_calibration(SMALL, p[:0], answers[:0], prompts[:0])
    assert all(question.is_identity for question in empty.questions)


def test_groups_may_be_texts_and_the_seed_decides_the_folds():
    p, answers, prompts = boasting(200)
    named = np.array([f"prompt {g}" for g in prompts])
    first, again = (fit_calibration(SMALL, p, answers, named, seed=1) for _ in range(2))
    assert first == again
    assert first != fit_calibration(SMALL, p, answers, named, seed=2)


def test_it_comes_back_from_its_file(tmp_path):
    p, answers, prompts = boasting(200)
    found = fit_calibration(SMALL, p, answers, prompts)
    found.save(tmp_path / "calibration.json")
    again = Calibration.load(tmp_path / "calibration.json", checklist=SMALL)
    assert again == found
    np.testing.assert_array_equal(again.apply(SMALL, p), found.apply(SMALL, p))
    data = json.loads((tmp_path / "calibration.json").read_text())
    assert data["questions"][0]["question"] == SMALL.questions[0].id
    identity = Calibration.identity(SMALL)
    np.testing.assert_array_equal(identity.apply(SMALL, p), p)


def test_a_calibration_of_another_checklist_is_refused(tmp_path):
    found = Calibration.identity(SMALL)
    found.save(tmp_path / "c.json")
    other = small_checklist(text="another")
    with pytest.raises(ArtifactError, match="fitted for the checklist"):
        found.apply(other, np.zeros((1, Q)))
    with pytest.raises(ArtifactError, match="fitted for the checklist"):
        Calibration.load(tmp_path / "c.json", checklist=other)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.update(kind="model"),
        lambda data: data.update(format=2),
        lambda data: data.pop("questions"),
        lambda data: data.update(questions=3),
        lambda data: data["questions"][0].update(slope=-1.0),
        lambda data: data["questions"][0].update(slope=float("nan")),
        lambda data: data["questions"][0].update(offset=None),
        lambda data: data["questions"][0].update(more=1),
        lambda data: data.update(method="magic"),
        lambda data: data["questions"].pop(),
        lambda data: data["questions"].reverse(),
    ],
)
def test_an_altered_file_is_refused_by_name(tmp_path, change):
    data = Calibration.identity(SMALL).to_json()
    data = json.loads(json.dumps(data))
    change(data)
    (tmp_path / "c.json").write_text(json.dumps(data))
    with pytest.raises(ArtifactError, match=r"c\.json"):
        Calibration.load(tmp_path / "c.json", checklist=SMALL)


def test_a_file_that_is_none_is_refused_by_name(tmp_path):
    (tmp_path / "c.json").write_text("{")
    for name in ("c.json", "missing.json"):
        with pytest.raises(ArtifactError, match=rf"{name[0]}.*cannot be read"):
            Calibration.load(tmp_path / name)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"answers": np.zeros((2, 3))}, "shape"),
        ({"answers": np.full((8, Q), 2)}, "Answers are"),
        ({"groups": np.zeros(3)}, "groups"),
        ({"method": "isotonic"}, "platt or temperature"),
        ({"folds": 1}, "two folds"),
        ({"p_yes": np.full((8, Q), 2.0)}, r"\[0, 1\]"),
    ],
)
def test_what_makes_no_sense_is_refused(change, words):
    p, answers, prompts = boasting(8)
    arguments = {"p_yes": p, "answers": answers, "groups": prompts} | change
    with pytest.raises(DataError, match=words):
        fit_calibration(SMALL, **arguments)
