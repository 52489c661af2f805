"""Of many rows the same judge is learned as of few, by sums instead of hundreds of fits."""

import numpy as np
import pytest

from reward_engine.judges.heads import head_plans
from reward_engine.training import design, many, ordinal, probe, train_probe
from reward_engine.training.fitting import PENALTIES, Candidate
from tests.reward_engine.training.planted import planted


@pytest.fixture(scope="module")
def data():
    return planted(prompts=60, per_prompt=6)


@pytest.fixture
def by_sums(monkeypatch):
    monkeypatch.setattr(probe, "MANY_ROWS", 0)


def train(data, **changes):
    given = {"levels": data.levels, "groups": data.groups, "seed": 0} | changes
    levels, groups = given.pop("levels"), given.pop("groups")
    return train_probe(data.checklist, data.table, levels, groups, **given)


def test_it_learns_what_the_careful_way_learns(data, monkeypatch):
    careful = train(data).metrics["overall"]
    monkeypatch.setattr(probe, "MANY_ROWS", 0)
    quick = train(data).metrics["overall"]
    assert quick["log_loss"] < careful["log_loss"] + 0.03
    assert quick["accuracy"] > careful["accuracy"] - 0.03
    assert careful["log_loss"] < careful["baseline_log_loss"] - 0.1


@pytest.mark.usefixtures("by_sums")
def test_noise_is_not_mistaken_for_a_rule(data):
    shuffled = data.levels[np.random.default_rng(5).permutation(len(data.levels))]
    kinds = [head["kind"] for head in train(data, levels=shuffled).metrics["heads"].values()]
    assert kinds.count("rates") >= len(kinds) - 1


@pytest.mark.usefixtures("by_sums")
def test_a_large_training_measures_once_and_keeps_to_what_it_chose(data, monkeypatch):
    chosen = []
    choose = many.ManyRows._choose

    def count(*arguments):
        chosen.append(choose(*arguments))
        return chosen[-1]

    monkeypatch.setattr(many.ManyRows, "_choose", count)
    monkeypatch.setattr(probe, "ONE_ROUND_ROWS", 300)
    monkeypatch.setattr(many, "ONE_FOLD_ROWS", 200)
    found = train(data, validation_folds=5)
    assert found.metrics["validation"]["folds"] == 1
    assert 60 < found.held_out.sum() < 120
    assert len(chosen) == len(head_plans(data.checklist))
    assert found.metrics["overall"]["accuracy"] > found.metrics["overall"]["baseline_accuracy"] + 0.1
    again = train(data, validation_folds=5)
    np.testing.assert_array_equal(again.heads.coef, found.heads.coef)


@pytest.mark.usefixtures("by_sums")
def test_the_row_s_place_and_rows_without_weight_do_not_matter(data):
    found = train(data).heads
    order = np.random.default_rng(1).permutation(len(data.levels))
    table = (data.values[order], data.names, data.blocks)
    moved = train_probe(data.checklist, table, data.levels[order], data.groups[order], seed=0).heads
    np.testing.assert_allclose(
        moved.p_yes(data.checklist, data.values), found.p_yes(data.checklist, data.values), atol=2e-2
    )
    weight = np.where(data.groups < 50, 1.0, 0.0)
    kept = data.groups < 50
    table = (data.values[kept], data.names, data.blocks)
    alone = train_probe(data.checklist, table, data.levels[kept], data.groups[kept], seed=0)
    np.testing.assert_array_equal(train(data, sample_weight=weight).heads.coef, alone.heads.coef)


def test_sums_of_a_part_and_one_step_are_those_of_the_rows():
    """From sums around their mean: the ridge of the score, as if it were solved on the rows themselves."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(400, 6)).astype(np.float32)
    y = np.digitize(x[:, 0] + rng.normal(size=400), (-0.5, 0.6))
    group = np.repeat(np.arange(40), 10)
    order = np.argsort(many.fold_of(group, 0), kind="stable")
    x, y, group = x[order], y[order], group[order]
    weight, applies = rng.uniform(0.5, 2, 400), rng.random(400) < 0.7
    shared = many.ManyRows(x, group, weight, {"plain": slice(0, 6)}, seed=0)
    total = many._total(shared._sums(y, 2, applies))
    rows, w = x[applies].astype(float), weight[applies]
    np.testing.assert_allclose(total.gram, (rows * w[:, None]).T @ rows, rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(total.counts, np.bincount(y[applies], weights=w))
    mean = total.mean
    np.testing.assert_allclose(mean, w @ rows / w.sum(), atol=1e-5)
    slope, told = total.parabola()
    centered = rows - mean
    scale = np.linspace(0.5, 2, 6)
    solved = np.linalg.solve(
        told * (centered * w[:, None]).T @ centered + 3.0 * np.diag(scale**-2.0), (w * slope[y[applies]]) @ centered
    )
    found = many._steps(total.around(mean), np.arange(6), scale, (3.0,))[0]
    np.testing.assert_allclose(found, solved, atol=1e-4)
    # … which is near the likelihood's own best.
    best = ordinal.fit_ordinal(rows * scale, y[applies], 2, w, 3.0)
    assert np.corrcoef(best.coef * scale, found)[0, 1] > 0.99


def test_the_scale_of_columns_is_the_one_of_the_careful_way():
    from reward_engine.training.fitting import _focus

    rng = np.random.default_rng(3)
    x = rng.normal(size=(300, 5)).astype(np.float32)
    y = np.digitize(x[:, 1] + rng.normal(size=300), (0.0, 1.0))
    shared = many.ManyRows(x, np.zeros(300, dtype=np.int64), np.ones(300), {"plain": slice(0, 5)}, seed=0)
    total = many._total(shared._sums(y, 2, np.ones(300, dtype=bool)))
    found = many._scale(total.around(total.mean), Candidate(("plain",), 2.0, PENALTIES[0]), shared.columns)
    np.testing.assert_allclose(found, _focus(x.astype(float), y, np.ones(300), 2.0), rtol=1e-4)


def test_the_design_is_the_same_a_few_rows_at_a_time(data, monkeypatch):
    whole = design.fit_design(data.values, data.blocks)
    monkeypatch.setattr(design, "CHUNK", 50)
    parts = design.fit_design(data.values, data.blocks)
    rows = np.arange(7, 260)
    np.testing.assert_allclose(parts.apply(data.values), whole.apply(data.values), atol=0.02)
    np.testing.assert_array_equal(
        design.design_matrix(whole, data.values, rows), whole.apply(data.values[rows]).astype(np.float32)
    )
