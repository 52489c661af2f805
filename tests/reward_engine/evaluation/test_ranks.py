"""Win rates, corrected significance, and leaderboards that show no noise as order."""

import numpy as np
import pytest
from scipy.stats import binomtest, ttest_rel

from reward_engine.errors import DataError
from reward_engine.evaluation.ranks import places
from reward_engine.evaluation.significance import holm
from reward_engine.evaluation.win_rates import wilson, win_rates


def test_wilsons_interval_is_scipys():
    for wins, n in ((0, 5), (7, 20), (20, 20)):
        expected = binomtest(wins, n).proportion_ci(method="wilson")
        found = wilson(wins, n)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert wilson(0, 0) is None


def test_win_rates_count_both_ways_and_prompts_once():
    found = win_rates([0, 1, 0, 0], [1, 0, 1, 2], [1, 1, 0, -1], ["a", "a", "b", "c"], generators=3)
    one, other = found[0][1], found[1][0]
    assert (one.wins, one.ties, one.losses, one.prompts, one.answers) == (1, 1, 1, 2, 3)
    assert (other.wins, other.losses) == (1, 1)
    assert one.share == wilson(1.0, 2)  # three answers on two prompts: as wide as two
    assert found[2][0].share.value == 1.0
    assert found[2][0].share.low < 0.5
    assert found[1][2].share is None


def test_holm_follows_the_textbook():
    """Multiplied by 4, 3, 2, 1 in order of size, and never falling (Wright 1992)."""
    np.testing.assert_allclose(holm([0.01, 0.04, np.nan, 0.03, 0.005]), [0.03, 0.06, np.nan, 0.06, 0.02])
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]
    assert holm([]).tolist() == []


def leaderboard(gains, prompts=30, spread=0.5, seed=0):
    rng = np.random.default_rng(seed)
    values = 2 * rng.normal(size=(prompts, 1)) + spread * rng.normal(size=(prompts, len(gains))) + gains
    generators, names = np.tile(np.arange(len(gains)), prompts), np.repeat(np.arange(prompts), len(gains))
    return values, generators, names


def test_generators_that_noise_cannot_tell_apart_share_ranks():
    values, generators, prompts = leaderboard([2, 2, 1, 0, 0, -1])
    found = places(values.ravel(), generators, prompts, count=7)
    assert [(one.best, one.worst) for one in found[:6]] == [(1, 2), (1, 2), (3, 3), (4, 5), (4, 5), (6, 6)]
    assert found[0].mean == pytest.approx(values[:, 0].mean())
    # The prompts differ far more than the generators: only pairing by prompt tells these apart.
    assert found[1].interval.low < found[2].interval.high
    assert ttest_rel(values[:, 1], values[:, 2]).pvalue < 0.05 / 15
    assert (found[6].items, found[6].mean, found[6].best) == (0, None, None)


def test_of_equal_generators_one_leaderboard_in_twenty_shows_an_order():
    wrong = 0
    for seed in range(60):
        values, generators, prompts = leaderboard(np.zeros(5), spread=1.0, seed=seed)
        found = places(values.ravel(), generators, prompts, count=5, times=200, seed=seed)
        wrong += any((one.best, one.worst) != (1, 5) for one in found)
    assert wrong / 60 < 0.13


def test_few_prompts_and_other_prompts():
    # Four prompts tell nothing, however clear they look.
    found = places([1, 0] * 4, [0, 1] * 4, np.repeat(range(4), 2), count=2)
    assert [(one.best, one.worst) for one in found] == [(1, 2), (1, 2)]
    # Twenty prompts each, none of them shared: compared as they are.
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(3, 1, 20), rng.normal(0, 1, 20)])
    found = places(values, [0] * 20 + [1] * 20, range(40), count=2)
    assert [(one.best, one.worst) for one in found] == [(1, 1), (2, 2)]
    # Without a value there is no place, and one prompt has no interval.
    found = places([np.nan, 2.0], [0, 1], ["a", "b"], count=2)
    assert (found[0].mean, found[1].mean, found[1].interval, found[1].best) == (None, 2.0, None, 1)
    with pytest.raises(DataError, match="One generator per value"):
        places([1.0], [0, 1], ["a"], count=2)
