"""Ratings against published ones and against the truth that comparisons were drawn from."""

import numpy as np
import pytest

from reward_engine.errors import DataError
from reward_engine.preferences.ratings import rate

# American League, 1987, wins of the row's team over the column's (Agresti, Categorical Data Analysis, 2002, 10.6.2).
TEAMS = ("Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore")
WINS = [
    [0, 7, 9, 7, 7, 9, 11], [6, 0, 7, 5, 11, 9, 9], [4, 6, 0, 7, 7, 8, 12], [6, 8, 6, 0, 6, 7, 10],
    [6, 2, 6, 7, 0, 7, 12], [4, 4, 5, 6, 6, 0, 6], [2, 4, 1, 3, 1, 7, 0],
]  # fmt: skip


def test_the_published_ratings_of_baseball_teams():
    """Agresti's estimates, with Baltimore at 0, to the digits printed."""
    games = [(i, j) for i in range(7) for j in range(7) for _ in range(WINS[i][j])]
    first, second = np.array(games).T
    found = rate(first, second, np.ones(len(games)), np.arange(len(games)), generators=7)
    assert found.tie is None
    published = [1.5814, 1.4364, 1.2945, 1.2476, 1.1077, 0.6839, 0.0]
    np.testing.assert_allclose(found.rating - found.rating[6], published, atol=5e-5)
    assert found.rating.sum() == pytest.approx(0, abs=1e-9)
    assert (found.low < found.rating).all()
    assert (found.rating < found.high).all()


def test_two_generators_have_davidsons_closed_form():
    """Of two, the gap is log(wins/losses) and the weight of ties t/√(wins·losses)."""
    outcome = [1] * 10 + [-1] * 4 + [0] * 6
    found = rate([0] * 20, [1] * 20, outcome, range(20), generators=2)
    assert found.rating[0] - found.rating[1] == pytest.approx(np.log(10 / 4), abs=1e-6)
    assert np.exp(found.tie) == pytest.approx(6 / np.sqrt(40), abs=1e-6)
    assert found.win_share(0) == pytest.approx(13 / 20, abs=1e-6)


def test_intervals_hold_the_truth_they_promise_to_hold():
    rng = np.random.default_rng(1)
    truth, eta = np.array([0.8, 0.0, -0.3, -0.5]), -0.5
    held, times = 0.0, 120
    for _ in range(times):
        a = rng.integers(0, 4, 100)
        b = (a + rng.integers(1, 4, 100)) % 4
        gap = truth[a] - truth[b]
        parts = np.exp(np.stack([gap / 2, np.full(100, eta), -gap / 2]))
        first, tie, _ = parts / parts.sum(axis=0)
        draw = rng.random(100)
        outcome = np.where(draw < first, 1, np.where(draw < first + tie, 0, -1))
        # Two people say the same of each pair: counted as two draws, the intervals would be too narrow by √2.
        a, b, outcome, prompts = (np.repeat(one, 2) for one in (a, b, outcome, np.arange(100)))
        found = rate(a, b, outcome, prompts, generators=4)
        held += ((found.low <= truth) & (truth <= found.high)).mean() / times
    assert 0.90 < held < 0.99


def test_it_is_said_who_cannot_be_rated_and_why():
    # 0 and 1 beat each other; 2 lost, 3 won, 4 and 5 were compared with each other alone, 6 with nobody.
    first, second = [0, 1, 0, 3, 4], [1, 0, 2, 0, 5]
    found = rate(first, second, [1, 1, 1, 1, 1], range(5), generators=7)
    assert found.standing == ("rated", "rated", "lost", "won", "apart", "apart", "apart")
    assert found.rating[:2].tolist() == pytest.approx([0, 0], abs=1e-6)
    assert np.isnan(found.rating[2:]).all()
    assert found.win_share(3) is None
    # A tie connects both ways.
    assert rate([0], [1], [0], ["a"], generators=2).standing == ("rated", "rated")
    # One that wins always leaves nothing to rate; neither do no comparisons.
    assert rate([0, 0], [1, 1], [1, 1], [1, 2], generators=3).standing == ("won", "lost", "apart")
    assert rate([], [], [], [], generators=3).standing == ("apart",) * 3
    # One prompt is one draw: no interval.
    assert np.isnan(rate([0, 1], [1, 0], [1, 1], ["a", "a"], generators=2).low).all()


def test_a_generator_is_not_compared_with_itself():
    with pytest.raises(DataError, match="compared with itself"):
        rate([0], [0], [1], [1], generators=2)
