"""Levels and answers are two ways of writing the same thing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reward_engine import answers
from reward_engine.answers import ABSENT
from reward_engine.checklist import builtin
from reward_engine.errors import DataError

IMAGE, VIDEO = builtin("image"), builtin("video")


@st.composite
def levels_of(draw, checklist):
    n = draw(st.integers(0, 3))
    rows = [
        [draw(st.sampled_from([ABSENT, *sub.scores])) for sub in checklist.ordinal]
        for _ in range(n)
    ]  # fmt: skip
    return np.array(rows, dtype=np.int8).reshape(n, len(checklist.ordinal))


@pytest.mark.parametrize("checklist", [IMAGE, VIDEO], ids=["image", "video"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_answers_lead_back_to_the_very_levels(checklist, data):
    levels = answers.harmonize(checklist, data.draw(levels_of(checklist)))
    given_answers = answers.to_answers(checklist, levels)
    assert given_answers.dtype == np.int8
    assert set(np.unique(given_answers)) <= {-1, 0, 1}
    assert np.array_equal(answers.to_levels(checklist, given_answers), levels)
    again = answers.to_answers(checklist, answers.to_levels(checklist, given_answers))
    assert np.array_equal(again, given_answers)


@st.composite
def answers_of(draw, checklist):
    """One row of consistent answers, built question by question and without a look at levels."""
    row = np.zeros(len(checklist.questions), dtype=np.int8)
    # Ladders that hang on another's presence come last: whether it is there must be known.
    for sub in sorted(checklist.ordinal, key=lambda sub: sub.masked_by_other):
        columns = [checklist.question_index(question.id) for question in sub.questions]
        if sub.mask and sub.mask.owner == sub.id:
            presence, *columns = columns
            row[presence] = draw(st.sampled_from([-1, 0, 1]))
            if row[presence] < 1:
                continue  # no face, or nobody asked: the rest stays open
            judged = True
        elif sub.mask:
            judged = row[checklist.question_index(sub.mask.question)] >= 0 and draw(st.booleans())
        else:
            judged = draw(st.booleans())
        if judged:
            yes = draw(st.integers(0, len(columns)))
            row[columns] = [1] * yes + [-1] * (len(columns) - yes)
    return row


@pytest.mark.parametrize("checklist", [IMAGE, VIDEO], ids=["image", "video"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_levels_lead_back_to_the_very_answers(checklist, data):
    rows = np.stack([data.draw(answers_of(checklist)) for _ in range(data.draw(st.integers(1, 4)))])
    assert np.array_equal(answers.to_answers(checklist, answers.to_levels(checklist, rows)), rows)


@pytest.mark.parametrize("checklist", [IMAGE, VIDEO], ids=["image", "video"])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_what_is_masked_is_absent_and_never_no(checklist, data):
    levels = answers.harmonize(checklist, data.draw(levels_of(checklist)))
    given_answers = answers.to_answers(checklist, levels)
    gate = checklist.question_mask
    denied = given_answers[:, gate[gate >= 0]] == -1
    assert (given_answers[:, gate >= 0][denied] == 0).all()
    assert np.array_equal(answers.to_masks(given_answers) == 0, given_answers == 0)
    for column, sub in enumerate(checklist.ordinal):
        if sub.mask is None:
            judged = levels[:, column] != ABSENT
            ladder = given_answers[:, [checklist.question_index(question.id) for question in sub.questions]]
            assert (ladder[judged] != 0).all()
            assert (ladder[~judged] == 0).all()


@pytest.mark.parametrize("checklist", [IMAGE, VIDEO], ids=["image", "video"])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_ladder_is_monotone_and_a_higher_level_never_loses_a_yes(checklist, data):
    levels = answers.harmonize(checklist, data.draw(levels_of(checklist)))
    given_answers = answers.to_answers(checklist, levels)
    for column, sub in enumerate(checklist.ordinal):
        ladder = given_answers[:, [checklist.question_index(question.id) for question in sub.questions]]
        applying = np.where(ladder == 0, -1, ladder)
        assert (np.diff(applying, axis=1) <= 0).all()
        judged = levels[:, column] != ABSENT
        order = np.argsort(levels[judged, column], kind="stable")
        assert (np.diff((ladder[judged] == 1).sum(axis=1)[order]) >= 0).all()


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_making_levels_harmonious_twice_changes_nothing_more(data):
    once = answers.harmonize(VIDEO, data.draw(levels_of(VIDEO)))
    assert np.array_equal(answers.harmonize(VIDEO, once), once)


def whole(checklist, **chosen):
    levels = np.array([[chosen.get(sub.id, sub.highest) for sub in checklist.ordinal]], dtype=np.int8)
    return answers.harmonize(checklist, levels)


def answer(checklist, levels, question):
    return int(answers.to_answers(checklist, levels)[0, checklist.question_index(question)])


def test_no_face_answers_the_presence_question_and_leaves_the_others_open():
    face = IMAGE.sub_dimension("face")
    found = answers.to_answers(IMAGE, whole(IMAGE, face=face.lowest))[0]
    ladder = [int(found[IMAGE.question_index(question.id)]) for question in face.questions]
    assert ladder == [-1, 0, 0, 0, 0]


def test_no_light_closes_the_question_of_its_beauty():
    distinction, aesthetic = IMAGE.sub_dimension("lighting_distinction"), IMAGE.sub_dimension("lighting_aesthetic")
    levels = whole(IMAGE, lighting_distinction=distinction.lowest)
    assert levels[0, IMAGE.ordinal_index(aesthetic.id)] == aesthetic.lowest
    assert [answer(IMAGE, levels, question.id) for question in aesthetic.questions] == [0, 0]
    assert [answer(IMAGE, levels, question.id) for question in distinction.questions] == [-1, -1, -1]


def test_what_follows_from_nothing_moving():
    assert answers.implied(VIDEO, "movement_reality", 0) == {"movement_smoothness": 0}
    assert answers.implied(VIDEO, "movement_reality", 3) == {}


def test_levels_that_contradict_each_other_are_refused_by_row_and_name():
    levels = whole(VIDEO).repeat(3, axis=0)
    levels[2, VIDEO.ordinal_index("movement_reality")] = 0
    with pytest.raises(DataError, match=r"Row 2.*moothness"):
        answers.to_answers(VIDEO, levels)


def test_a_level_off_the_ladder_is_refused_by_row_and_name():
    levels = whole(IMAGE)
    levels[0, IMAGE.ordinal_index("clarity")] = 3
    with pytest.raises(DataError, match=r"Row 0.*has no level 3"):
        answers.to_answers(IMAGE, levels)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"clarity": [-1, 1, 1, 1]}, "below it is answered no"),
        ({"clarity": [1, 0, 1, 1]}, "has no answer although"),
        ({"face": [-1, 1, 0, 0, 0]}, "does not apply"),
        ({"face": [1, 0, 0, 0, 0]}, "has no answer although it applies"),
        ({"clarity": [2, 1, 1, 1]}, "is no answer"),
    ],
)
def test_answers_that_make_no_ladder_are_refused(changes, words):
    found = answers.to_answers(IMAGE, whole(IMAGE))
    for id, ladder in changes.items():
        for question, value in zip(IMAGE.sub_dimension(id).questions, ladder, strict=True):
            found[0, IMAGE.question_index(question.id)] = value
    with pytest.raises(DataError, match=words):
        answers.to_levels(IMAGE, found)


def test_arrays_of_another_checklist_are_refused():
    with pytest.raises(DataError, match="shape"):
        answers.to_answers(IMAGE, whole(VIDEO))
    with pytest.raises(DataError, match="shape"):
        answers.to_levels(IMAGE, np.zeros((1, 3), dtype=np.int8))
