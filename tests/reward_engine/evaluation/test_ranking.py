"""Rank correlations, and intervals of figures that are no function of counts."""

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

from reward_engine.errors import DataError
from reward_engine.evaluation import rank_correlation, rank_intervals
from reward_engine.evaluation.bootstrap import of_rows


def test_it_is_what_scipy_says_of_the_items_that_both_have():
    rng = np.random.default_rng(0)
    a = rng.normal(size=50)
    b = np.round(a + rng.normal(size=50))
    b[3] = np.nan
    known = ~np.isnan(b)
    found = rank_correlation(a, b)
    assert found.n == 49
    assert found.kendall == pytest.approx(kendalltau(a[known], b[known]).statistic)
    assert found.spearman == pytest.approx(spearmanr(a[known], b[known]).statistic)


@pytest.mark.parametrize("b", [[1.0, 1.0, 1.0, 1.0], [1.0, 2.0, np.nan, np.nan], []])
def test_what_cannot_be_said_is_none(b):
    a = list(range(len(b)))
    found = rank_correlation(a, b)
    assert (found.kendall, found.spearman) == (None, None)
    assert set(rank_intervals(a, b, a, times=20).values()) == {None}


def test_intervals_hold_the_value_and_narrow_with_more_prompts():
    rng = np.random.default_rng(1)
    a = rng.normal(size=400)
    b = a + rng.normal(size=400)
    widths = []
    for n in (40, 400):
        found = rank_intervals(a[:n], b[:n], np.arange(n) // 2, times=100)
        for interval in found.values():
            assert interval.low < interval.value < interval.high
        widths.append(found["spearman"].high - found["spearman"].low)
    assert widths[1] < widths[0] / 2


def test_rows_of_a_prompt_are_drawn_together():
    """Prompts that are all alike inside: drawing rows instead would give an interval five times as narrow."""
    values = np.repeat(np.random.default_rng(2).normal(size=16), 25)
    prompts = [f"p{i}" for i in np.repeat(np.arange(16), 25)]
    together = of_rows(lambda rows: float(values[rows].mean()), prompts, times=300)
    single = of_rows(lambda rows: float(values[rows].mean()), np.arange(400), times=300)
    assert together.value == single.value == pytest.approx(values.mean())
    assert together.high - together.low > 3 * (single.high - single.low)


def test_a_figure_that_most_resamples_cannot_say_has_no_interval():
    prompts = np.arange(6)
    assert of_rows(lambda rows: 1.0 if len(set(rows)) == 6 else None, prompts, times=50) is None


def test_arrays_of_two_lengths_are_refused():
    with pytest.raises(DataError, match="Two arrays"):
        rank_correlation([1.0], [1.0, 2.0])
