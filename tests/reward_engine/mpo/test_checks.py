"""Bad input gets a message that says what, where and how to mend it, before anything is loaded."""

import numpy as np
import pytest

from reward_engine.errors import DataError
from reward_engine.mpo import dominance
from reward_engine.mpo.checks import check_mined, check_scores

NAMES = ("glow", "night")
AT_ODDS = np.array([[0.0, 3.0], [1.0, 2.0], [2.0, 1.0]])
GROUPS = [0, 0, 0]


def test_complete_scores_of_one_checklist_pass():
    check_scores(AT_ODDS, GROUPS, checklists=["a", "a", "a"])
    check_mined(dominance.pairs([[0.0], [1.0]], [0, 0]), [[0.0], [1.0]], [0, 0], ["d"])


@pytest.mark.parametrize(
    ("values", "groups", "checklists", "code", "words"),
    [
        ([[0.0], [np.nan]], [0, 0], [], "missing_scores", "1 of 2 items .* second.png"),
        ([[0.0], [1.0]], [0, 0], ["a" * 64, "b" * 64], "mixed_checklists", "1 by aaaaaaaaaaaa, 1 by bbbbbbbbbbbb"),
        ([[0.0], [1.0]], [0, 1], [], "nothing_to_compare", "None of the 2 prompts"),
    ],
)
def test_scores_that_cannot_be_compared_are_refused(values, groups, checklists, code, words):
    with pytest.raises(DataError, match=words) as caught:
        check_scores(values, groups, keys=["first.png", "second.png"], checklists=checklists)
    assert caught.value.code == code


def test_no_pair_is_explained_by_the_dimension_in_the_way():
    values = AT_ODDS * [2.0, 1.0]  # glow decides the total, and night is the worse for it
    with pytest.raises(DataError, match="“night”, which is worse in 100%") as caught:
        check_mined(dominance.pairs(values, GROUPS), values, GROUPS, NAMES)
    assert caught.value.code == "no_pairs"


def test_no_pair_is_explained_by_options_that_ask_too_much():
    values = np.array([[0.0, 0.0], [0.25, 0.5]])
    options = {"margin": 0.6, "min_total_gap": 1.0}
    found = dominance.pairs(values, [0, 0], **options)
    with pytest.raises(DataError, match=r"1 pairs dominate.*0\.5.*0\.75") as caught:
        check_mined(found, values, [0, 0], NAMES, **options)
    assert caught.value.code == "no_pairs"


def test_items_that_are_all_alike_are_explained_as_well():
    with pytest.raises(DataError, match="No item dominates"):
        check_mined(dominance.pairs(np.zeros((3, 2)), GROUPS), np.zeros((3, 2)), GROUPS, NAMES)
