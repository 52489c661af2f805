"""Heads of few rows are chosen honestly: real rules are found, noise is not, and what cannot be done is said."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reward_engine.evaluation.order import order_within
from reward_engine.training.candidates import HeadCandidate, Solver, pooled, within
from reward_engine.training.limits import limits_of, without_limited
from reward_engine.training.ordinal import rates
from reward_engine.training.selection import STEADY, FewRows, Tried, _shares
from reward_engine.training.worth import ordered_share, pairs_of, worth
from reward_engine.weights import equal_weights
from tests.reward_engine.training.planted import small_checklist

DATA = Path(os.environ.get("QUALITY_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))


def few(rng, *, prompts=8, per_prompt=5, columns=40, signal=0.0, between=0.0):
    """Levels 0..3 that follow column 0 within prompts, and a prompt's own height that nothing tells."""
    n = prompts * per_prompt
    group = np.repeat(np.arange(prompts), per_prompt)
    x = rng.normal(size=(n, columns))
    latent = signal * x[:, 0] + rng.normal(size=n) + between * rng.normal(size=prompts)[group]
    y = np.digitize(latent, np.quantile(latent, (0.25, 0.5, 0.75))).astype(float)
    return x, y, group


def fitted(x, y, group, **more):
    columns = {"plain": slice(0, x.shape[1]), "squares": slice(x.shape[1], x.shape[1])}
    return FewRows(x, y[:, None], group, np.ones(len(x)), columns, seed=0, **more).fit_head("a", 0, 3)


def test_a_prompt_s_own_order_is_found_where_prompts_differ_for_other_reasons():
    x, y, group = few(np.random.default_rng(1), prompts=10, signal=3.0, between=3.0)
    head = fitted(x, y, group)
    assert head.kind == "ordinal"
    fresh, truth, of = few(np.random.default_rng(2), prompts=40, signal=3.0, between=3.0)
    found = order_within(fresh @ head.model.coef, truth, of)
    assert found.low is not None
    assert found.low > 0.65


def test_one_simple_measure_is_taken_where_it_says_all_there_is():
    x, y, group = few(np.random.default_rng(3), columns=60, signal=4.0)
    head = fitted(x, y, group, measures={"sharpness": 0})
    assert "sharpness" in head.record["taken"]
    others = np.delete(head.model.coef, 0)
    assert abs(head.model.coef[0]) > 3 * np.abs(others).max()


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_labels_of_noise_do_no_worse_than_the_majority(seed):
    """On new prompts: beyond the noise of the figure itself, and over all seeds hardly ever taken for a rule."""
    rng = np.random.default_rng(seed)
    x, y, group = few(rng, prompts=6)
    head = fitted(x, y, group)
    fresh, truth, of = few(rng, prompts=60)
    loss = head.model.log_loss(fresh, truth.astype(np.int64))
    without = rates(y.astype(np.int64), 3, np.ones(len(y)), x.shape[1]).log_loss(fresh, truth.astype(np.int64))
    worse = np.bincount(of, weights=loss - without)
    assert worse.mean() < 0.35  # nats a prompt of five items


def test_noise_is_seldom_taken_for_a_rule():
    kinds = [fitted(*few(np.random.default_rng(seed), prompts=6)).kind for seed in range(12)]  # one in eight at worst
    assert kinds.count("rates") >= 9


def test_the_choice_and_its_reason_are_plain_data():
    head = fitted(*few(np.random.default_rng(4), signal=3.0))
    told = head.describe()
    assert told["why"]
    assert told["taken"]
    assert set(told["taken"]) <= set(told["tried"])
    assert all({"gain", "ordered", "simple"} == set(one) for one in told["tried"].values())
    assert all(one["gain"] <= told["gain"] + 5 for one in told["tried"].values())


def test_ridge_within_prompts_is_the_ridge_on_differences():
    """Σ over pairs (Δy − w·Δx)² is n times the squares of deviations from the prompt's mean (RankRLS)."""
    rng = np.random.default_rng(5)
    x, y, group = rng.normal(size=(12, 3)), rng.normal(size=12), np.repeat([0, 1, 2], 4)
    solver = Solver(x, np.arange(3), group, np.ones(12))
    found = solver.solve(np.ones(12, dtype=bool), y, 0.0)
    i, j = np.nonzero((group[:, None] == group[None, :]) & (np.arange(12)[:, None] < np.arange(12)[None, :]))
    dx, dy = (x[i] - x[j]) / np.sqrt(3), y[i] - y[j]
    for alpha, coef in zip((30.0, 3.0), found, strict=True):
        slow = np.linalg.solve(dx.T @ dx + 4 * alpha * np.eye(3), dx.T @ dy) / np.sqrt(3)
        np.testing.assert_allclose(coef, slow, atol=1e-9)


def test_deviations_within_prompts_take_weights():
    values, group, weight = np.array([1.0, 3.0, 10.0]), np.array([0, 0, 1]), np.array([3.0, 1.0, 1.0])
    np.testing.assert_allclose(within(values, group, 0.0, weight), [-0.5, 1.5, 0.0])


def test_related_ladders_are_learned_together_and_others_are_not():
    rng = np.random.default_rng(6)
    group = np.repeat(np.arange(10), 4)
    a = rng.integers(0, 4, 40).astype(float)
    levels = np.column_stack([a, a + rng.integers(0, 2, 40), rng.integers(0, 4, 40)])
    levels[:8, 0] = np.nan
    common, related = pooled(levels, 0, group, ~np.isnan(levels[:, 0]))
    assert related == [1]
    assert not np.isnan(common).any()  # where only the other was judged, it speaks for both


def test_what_scores_are_worth_counts_order_and_levels():
    y, group, weight = np.array([0, 1, 2, 0, 1, 2]), np.repeat([0, 1], 3), np.ones(6)
    pairs = pairs_of(y, group, weight)
    assert len(pairs.better) == 6
    assert pairs.weight.sum() == pytest.approx(6 * 2 / 3)
    without = rates(y, 2, weight, 1).log_loss(np.zeros((6, 1)), y)
    right, wrong = (worth(sign * y.astype(float), y, 2, weight, without, pairs) for sign in (1, -1))
    assert right.total > 0 == wrong.total
    assert (right.ordered, wrong.ordered) == (1.0, 0.0)
    assert ordered_share(np.zeros(6), pairs) == 0.5


def entry(**more):
    told = {"n": 20, "levels_seen": 3, "log_loss": 0.4, "baseline_log_loss": 0.6, "ordered": 0.8,
            "ordered_low": 0.6, "ordered_high": 0.9, "pairs": 30, "rank_correlation": 0.5}  # fmt: skip
    return told | more


@pytest.mark.parametrize(
    ("head", "measured", "code"),
    [
        ("ordinal", {}, None),
        ("rates", {}, "constant"),
        ("constant", {}, "constant"),
        ("empty", {"n": 0}, "unjudged"),
        ("ordinal", {"n": 0, "pairs": 0, "ordered": None}, "unchecked"),
        ("ordinal", {"levels_seen": 1, "pairs": 0, "ordered": None}, "one_level"),
        ("ordinal", {"ordered": 0.3}, "inverted"),
        ("ordinal", {"pairs": 0, "ordered": None, "rank_correlation": -0.2}, "inverted"),
        ("ordinal", {"log_loss": 0.7, "ordered": 0.55, "ordered_low": 0.3}, "no_better"),
        ("ordinal", {"log_loss": 0.7}, None),  # its order is sure, and order is what a reward is for
        ("ordinal", {"said_alike": True}, "constant"),
    ],
)
def test_what_a_judge_cannot_do_is_named(head, measured, code):
    metrics = {"heads": {"clarity": {"kind": head}}, "sub_dimensions": {"clarity": entry(**measured)}}
    found = limits_of(small_checklist(), metrics)
    assert [one.code for one in found] == ([] if code is None else [code])
    assert all(one.reason for one in found)


def test_limited_ladders_get_no_weight_and_the_notes_say_why():
    checklist = small_checklist()
    metrics = {"heads": {"clarity": {"kind": "rates"}}, "sub_dimensions": {"clarity": entry()}}
    limits = limits_of(checklist, metrics)
    weights = equal_weights(checklist)
    found = without_limited(weights, checklist, limits)
    mine = np.array([question.sub_dimension == "clarity" for question in checklist.questions])
    assert not found.coef[mine].any()
    assert found.coef[~mine].sum() == pytest.approx(weights.coef.sum())
    assert "clarity has weight 0 (constant)" in found.notes[-1]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Features that were computed once, for every test on the rated clips."""
    return Path(os.environ.get("QUALITY_CACHE", tmp_path_factory.mktemp("features")))


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("ladders", [(), (("static_quality", "temporal_quality"),)], ids=["all clips", "two ratings"])
@pytest.mark.skipif(
    not (DATA / "generated-videos" / "ratings.csv").is_file(), reason="needs the human-rated clips (QUALITY_DATA)"
)
def test_rated_clips_are_ordered_better_than_by_chance_and_not_worse_than_one_measure(cache, ladders):
    from benchmarks.quality import clips, left_out

    rated = clips.read(DATA / "generated-videos", cache, *ladders)
    orders = left_out.orders(rated, left_out.judged(rated, seed=0))
    for id, least in (("static_quality", 0.74), ("temporal_quality", 0.7)):
        judge = orders[id]["judge"]
        assert judge.ordered >= least
        assert judge.low > 0.5
        best = max(order.ordered for name, order in orders[id].items() if name in ("sharpness", "motion", "bitrate"))
        assert judge.ordered > best - 0.1


def test_plain_ridge_is_half_of_the_mean_where_it_is_worth_anything():
    head = fitted(*few(np.random.default_rng(6), prompts=10, signal=1.0))
    assert STEADY in head.record["taken"]
    assert len(head.record["taken"]) > 1
    tried = {name: Tried(HeadCandidate(name, True, lambda _: np.zeros((1, 1))), 0, np.zeros(1), 1.0, None)
             for name in ("a", "b", STEADY)}  # fmt: skip
    assert _shares(list(tried.values())) == [0.25, 0.25, 0.5]
    assert _shares([tried[STEADY]]) == [1.0]
    assert _shares([tried["a"], tried["b"]]) == [0.5, 0.5]
