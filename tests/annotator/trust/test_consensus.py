"""Majority consensus against a slow, obvious reference, and its rules one by one."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotator.campaigns.queries import JudgmentTable
from annotator.trust.consensus import majority
from reward_engine.answers import ABSENT, harmonize, to_answers
from tests.reward_engine.training.planted import small_checklist

CHECKLIST = small_checklist()
CLARITY, SYMMETRY, HANDS, LIGHTING, BEAUTY = range(5)


def table(rows: list[tuple[int, int, list[int]]]) -> JudgmentTable:
    """Rows of (item, annotator, levels)."""
    items = np.array([row[0] for row in rows], np.int64)
    levels = np.array([row[2] for row in rows], np.int16).reshape(-1, 5)
    return JudgmentTable(
        version=None,  # type: ignore[arg-type]
        checklist=CHECKLIST,
        assignments=np.arange(len(rows), dtype=np.int64),
        items=items,
        prompts=items // 10,
        annotators=np.array([row[1] for row in rows], np.int64),
        levels=harmonize(CHECKLIST, levels),
        judgments=int((levels != ABSENT).sum()),
    )


def votes(column: int, *levels: int) -> tuple[int, int, float]:
    """(level, support, agreement) of one ladder after these votes on one item; the other ladders are not judged."""
    rows = []
    for person, level in enumerate(levels):
        row = [ABSENT] * 5
        row[column] = level
        rows.append((7, person, row))
    found = majority(table(rows))
    return int(found.levels[0, column]), int(found.support[0, column]), float(found.agreement[0, column])


def test_the_level_chosen_most_often_counts() -> None:
    assert votes(CLARITY, 1, 0, 1, -2) == (1, 4, 0.5)


@pytest.mark.parametrize(
    ("levels", "expected"),
    [((-2, 1), -2), ((-2, 0, 1), 0), ((-2, -2, 1, 1, 0), -2), ((-2, -1, 0, 1), -1), ((1,), 1)],
)
def test_a_tie_gives_the_middle_and_of_two_the_lower(levels: tuple[int, ...], expected: int) -> None:
    assert votes(CLARITY, *levels)[0] == expected
    assert votes(CLARITY, *reversed(levels))[0] == expected


def test_presence_is_decided_first() -> None:
    assert votes(HANDS, 0, 0, 1, 2, 3) == (2, 5, 0.2)  # three of five see hands, though "none" is the commonest level
    assert votes(HANDS, 0, 3)[0] == 0
    assert votes(HANDS, 0, 0, 0, 3)[0] == 0


def test_a_ladder_hangs_on_its_owners_presence() -> None:
    dark = [ABSENT, ABSENT, ABSENT, -1, -1]
    found = majority(table([(1, 1, dark), (1, 2, dark), (1, 3, [ABSENT, ABSENT, ABSENT, 1, 2])]))
    assert found.levels[0].tolist() == [ABSENT, ABSENT, ABSENT, -1, -1]
    assert found.agreement[0, BEAUTY] == pytest.approx(2 / 3)
    lit = [ABSENT, ABSENT, ABSENT, 1, 2]
    found = majority(table([(1, 1, dark), (1, 2, lit), (1, 3, lit)]))
    assert found.levels[0].tolist() == [ABSENT, ABSENT, ABSENT, 1, 2]
    assert (found.support[0, BEAUTY], found.agreement[0, BEAUTY]) == (3, pytest.approx(2 / 3))


def test_what_follows_from_the_owner_alone_has_a_level_and_no_votes() -> None:
    rows = table([(1, 1, [ABSENT, ABSENT, ABSENT, -1, -1]), (1, 2, [ABSENT, ABSENT, ABSENT, -1, -1])])
    rows.levels[:, BEAUTY] = ABSENT  # as in data from elsewhere
    found = majority(rows)
    assert found.levels[0, BEAUTY] == -1
    assert found.support[0, BEAUTY] == 0
    assert np.isnan(found.agreement[0, BEAUTY])


def test_nobody_has_two_votes_on_one_item() -> None:
    first, second = [0, ABSENT, ABSENT, ABSENT, ABSENT], [1, ABSENT, ABSENT, ABSENT, ABSENT]
    found = majority(table([(1, 1, first), (1, 1, first), (1, 1, second), (1, 2, second)]))
    assert (found.levels[0, CLARITY], found.support[0, CLARITY], found.annotations) == (1, 2, 2)


def test_nothing_judged_gives_an_empty_table() -> None:
    found = majority(table([]))
    assert found.levels.shape == (0, 5)
    assert found.agreement.shape == (0, 5)


def test_items_ascend_with_their_prompts() -> None:
    row = [0, 0, 0, 0, 0]
    found = majority(table([(31, 1, row), (12, 1, row), (31, 2, row)]))
    assert found.items.tolist() == [12, 31]
    assert found.prompts.tolist() == [1, 3]


LEVEL = [st.sampled_from([ABSENT, *sub.scores]) for sub in CHECKLIST.ordinal]
ROWS = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 5), st.tuples(*LEVEL).map(list)), max_size=14)


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_as_a_slow_reference_says(rows: list[tuple[int, int, list[int]]]) -> None:
    given_table = table(rows)
    found = majority(given_table)
    to_answers(CHECKLIST, found.levels)  # consistent, or this raises
    last = {(i, a): levels for (i, a), levels in zip(
        zip(given_table.items.tolist(), given_table.annotators.tolist(), strict=True), given_table.levels, strict=True
    )}  # fmt: skip
    for row, item in enumerate(found.items.tolist()):
        for column, sub in enumerate(CHECKLIST.ordinal):
            given_votes = [int(levels[column]) for (i, _), levels in last.items() if i == item]
            given_votes = [vote for vote in given_votes if vote != ABSENT]
            assert found.support[row, column] == len(given_votes)
            level = int(found.levels[row, column])
            if sub.owns_presence and given_votes:
                none = given_votes.count(sub.lowest)
                assert (level == sub.lowest) == (none * 2 >= len(given_votes))
            if level in (ABSENT, sub.lowest) and (sub.owns_presence or sub.masked_by_other):
                continue
            if level == ABSENT:
                assert not given_votes
                continue
            gated = sub.owns_presence or sub.masked_by_other
            counted = Counter(vote for vote in given_votes if not (gated and vote == sub.lowest))
            modes = sorted(vote for vote, count in counted.items() if count == max(counted.values()))
            assert level == modes[(len(modes) - 1) // 2]
            assert found.agreement[row, column] == pytest.approx(given_votes.count(level) / len(given_votes))
