"""The embedded judge learns what can be learned, says what it measured, and never peeks at held-out prompts."""

import json

import numpy as np
import pytest

from reward_engine.answers import ABSENT, harmonize, to_answers
from reward_engine.errors import DataError, TrainingError
from reward_engine.judges.heads import head_plans
from reward_engine.training import train_probe
from tests.reward_engine.training.planted import planted, small_checklist


@pytest.fixture(scope="module")
def data():
    return planted()


@pytest.fixture(scope="module")
def result(data):
    return train_probe(data.checklist, data.table, data.levels, data.groups, seed=3)


@pytest.fixture(scope="module")
def folded(data):
    return train(data, validation_folds=3)


def train(data, **changes):
    given = {"levels": data.levels, "groups": data.groups, "seed": 0} | changes
    levels, groups = given.pop("levels"), given.pop("groups")
    return train_probe(data.checklist, data.table, levels, groups, **given)


def test_a_planted_rule_is_found_on_prompts_never_seen(data, folded):
    found = folded.metrics
    for id, entry in found["sub_dimensions"].items():
        assert entry["n"] == len(data.levels)
        assert entry["accuracy"] > entry["baseline_accuracy"] + 0.1, id
        assert entry["log_loss"] < entry["baseline_log_loss"], id
    assert found["overall"]["better_than_baseline"] == 5
    assert found["overall"]["accuracy"] > 0.6


def test_noise_is_not_mistaken_for_a_rule(data):
    rng = np.random.default_rng(5)
    shuffled = data.levels[rng.permutation(len(data.levels))]
    found = train(data, levels=shuffled).metrics
    kinds = [head["kind"] for head in found["heads"].values()]
    assert kinds.count("rates") >= len(kinds) - 2
    overall = found["overall"]
    assert overall["log_loss"] < overall["baseline_log_loss"] + 0.1


def test_a_rule_in_the_wide_block_is_found_through_its_components(data):
    direction = np.random.default_rng(1).normal(size=400)
    values = data.values.copy()
    scene = np.random.default_rng(2).normal(size=len(values))
    values[:, :400] += np.outer(scene, direction)
    levels = np.full_like(data.levels, ABSENT)
    levels[:, 0] = -2 + np.digitize(scene, (-0.7, 0.0, 0.7))
    found = train_probe(data.checklist, (values, data.names, data.blocks), levels, data.groups, seed=0).metrics
    clarity = found["sub_dimensions"]["clarity"]
    assert clarity["accuracy"] > clarity["baseline_accuracy"] + 0.2
    assert "network" in found["heads"]["clarity"]["features"]


def test_a_prompt_is_never_on_both_sides(data, result):
    assert result.held_out.any()
    assert not set(data.groups[result.held_out]) & set(data.groups[~result.held_out])
    assert np.isnan(result.held_out_p_yes[~result.held_out]).all()
    assert np.isfinite(result.held_out_p_yes[result.held_out]).all()
    assert result.metrics["validation"]["items"] == result.held_out.sum()


def test_held_out_rows_have_no_part_in_what_is_measured_on_them(data, result):
    """Spoiling a held-out row's features and levels must not move what is said about the other held-out rows."""
    values, levels = data.values.copy(), data.levels.copy()
    spoilt = np.flatnonzero(result.held_out)[0]
    values[spoilt] *= 50
    levels[spoilt] = ABSENT
    levels[spoilt, 1] = 0
    again = train_probe(data.checklist, (values, data.names, data.blocks), levels, data.groups, seed=3)
    others = result.held_out.copy()
    others[spoilt] = False
    np.testing.assert_array_equal(again.held_out_p_yes[others], result.held_out_p_yes[others])


def test_the_same_seed_gives_the_same_model_and_another_splits_otherwise(data, result):
    again = train_probe(data.checklist, data.table, data.levels, data.groups, seed=3)
    for name, array in result.heads.arrays().items():
        np.testing.assert_array_equal(array, again.heads.arrays()[name])
    assert again.metrics == result.metrics
    assert not np.array_equal(train(data, seed=4).held_out, result.held_out)


def test_questions_behind_a_presence_question_are_trained_only_where_they_apply(data):
    answers = to_answers(data.checklist, data.levels)
    found = train(data).metrics
    hands, beauty = (data.checklist.ordinal_index(id) for id in ("hands", "lighting_beauty"))
    assert found["heads"]["hands:presence"]["n"] == len(data.levels)
    assert found["heads"]["hands"]["n"] == (data.levels[:, hands] > 0).sum() < len(data.levels)
    assert found["heads"]["lighting_beauty"]["n"] == (data.levels[:, beauty] > -1).sum() < len(data.levels)
    for sub in data.checklist.ordinal:
        for question in sub.questions:
            entry = found["sub_dimensions"][sub.id]["questions"][question.id]
            assert entry["n_training"] == (answers[:, data.checklist.question_index(question.id)] != 0).sum()


def test_features_of_rows_without_hands_do_not_move_the_hands_ladder(data):
    """Rows with no hands change the presence head alone: their own levels say nothing about the quality of hands."""
    hands = data.checklist.ordinal_index("hands")
    only = np.full_like(data.levels, ABSENT)
    only[:, hands] = data.levels[:, hands]
    rows = only[:, hands] == 0
    unjudged = only.copy()
    unjudged[rows, hands] = ABSENT
    unjudged[rows, 1] = 0  # judged, but not for hands: the rows stay in the design
    both = [train(data, levels=levels).heads for levels in (np.where(rows[:, None], unjudged, only), unjudged)]
    index = [plan.name for plan in head_plans(data.checklist)].index("hands")
    np.testing.assert_array_equal(both[0].coef[index], both[1].coef[index])


def test_a_question_that_everybody_answered_alike_is_a_smoothed_constant(data):
    levels = data.levels.copy()
    levels[:, 1] = 1
    found = train(data, levels=levels)
    at = data.checklist.question_index("symmetry_1")
    p = found.heads.p_yes(data.checklist, data.values)[:, at]
    assert np.ptp(p) == 0
    assert 0.97 < p[0] < 1
    assert found.metrics["heads"]["symmetry"]["kind"] == "constant"
    assert found.metrics["sub_dimensions"]["symmetry"]["questions"]["symmetry_1"]["constant"]
    assert not found.metrics["sub_dimensions"]["clarity"]["questions"]["clarity_1"]["constant"]


def test_a_ladder_nobody_judged_stays_open(data):
    levels = data.levels.copy()
    levels[:, 0] = ABSENT
    found = train(data, levels=levels)
    p = found.heads.p_yes(data.checklist, data.values)[0, [0, 1, 2]]
    np.testing.assert_allclose(p, [0.75, 0.5, 0.25], atol=1e-6)
    assert found.metrics["heads"]["clarity"]["kind"] == "empty"
    assert found.metrics["sub_dimensions"]["clarity"]["accuracy"] is None


def test_a_level_nobody_gave_keeps_a_small_probability(data):
    levels = data.levels.copy()
    levels[levels[:, 0] == 0, 0] = -1
    p = train(data, levels=levels).heads.p_yes(data.checklist, data.values)[:, :3].astype(float)
    middle = p[:, 1] - p[:, 2]
    assert (middle >= 0).all()
    assert middle.mean() < 0.05


def test_ladders_are_monotone_for_any_features(data, result):
    rng = np.random.default_rng(0)
    wild = (rng.normal(size=(500, len(data.names))) * 10.0 ** rng.uniform(-3, 6, (500, 1))).astype(np.float32)
    p = result.heads.p_yes(data.checklist, wild)
    assert ((p >= 0) & (p <= 1)).all()
    for plan in head_plans(data.checklist):
        assert (np.diff(p[:, list(plan.questions)], axis=1) <= 0).all()


def test_weights_count_rows(data):
    """A row of weight 0 is as if it were not there; what is left out entirely is not measured on either."""
    weight = np.ones(len(data.levels))
    weight[data.groups >= 12] = 0
    weighted = train(data, sample_weight=weight)
    kept = data.groups < 12
    table = (data.values[kept], data.names, data.blocks)
    alone = train_probe(data.checklist, table, data.levels[kept], data.groups[kept], seed=0)
    np.testing.assert_array_equal(weighted.heads.coef, alone.heads.coef)
    assert weighted.metrics == alone.metrics
    assert not weighted.held_out[~kept].any()


def test_folds_measure_every_item_once(folded):
    assert folded.held_out.all()
    assert np.isfinite(folded.held_out_p_yes).all()
    assert folded.metrics["validation"] == {
        "split": "by prompt",
        "items": 90,
        "prompts": 18,
        "folds": 3,
        "share": None,
    }


def test_metrics_are_plain_data(result):
    assert json.loads(json.dumps(result.metrics, allow_nan=False)) == result.metrics


def test_groups_may_be_texts_and_levels_contradictory(data):
    levels = data.levels.copy()
    levels[:, 4] = np.maximum(levels[:, 4], 0)  # lighting's beauty where there is no lighting
    assert not np.array_equal(levels, harmonize(data.checklist, levels))
    named = train(data, levels=levels, groups=[f"prompt {group}" for group in data.groups])
    assert named.metrics["training"]["prompts"] == 18


def test_a_dozen_items_are_enough_and_fewer_are_refused_in_words():
    few = planted(prompts=6, per_prompt=2)
    found = train(few)
    assert found.metrics["training"]["items"] == 12
    assert 1 <= found.metrics["validation"]["prompts"] <= 2
    with pytest.raises(TrainingError, match=r"7 items of 7 prompts.*at least 8 items of 4 prompts") as refused:
        train(planted(prompts=7, per_prompt=1))
    assert refused.value.code == "too_few"
    with pytest.raises(TrainingError, match="Annotate more items, or items of more prompts"):
        train(planted(prompts=3, per_prompt=9))


def test_progress_counts_to_the_end_and_canceling_stops(data):
    seen = []
    train(data, progress=lambda done, total: seen.append((done, total)))
    plans = len(head_plans(data.checklist))
    assert seen == [(done, 2 * plans) for done in range(1, 2 * plans + 1)]
    seen.clear()
    with pytest.raises(TrainingError) as stopped:
        train(data, progress=lambda done, total: seen.append(done), canceled=lambda: len(seen) >= 2)
    assert stopped.value.code == "canceled"
    assert seen == [1, 2]


def test_arrays_that_do_not_fit_are_refused_in_words(data):
    with pytest.raises(TrainingError, match="one row per item"):
        train(data, groups=data.groups[1:])
    with pytest.raises(DataError, match="no level 9"):
        train(data, levels=np.full_like(data.levels, 9))
    spoilt = data.values.copy()
    spoilt[4, 2] = np.nan
    with pytest.raises(TrainingError, match="Row 4: the feature “network_2”"):
        train_probe(data.checklist, (spoilt, data.names, data.blocks), data.levels, data.groups, seed=0)
    with pytest.raises(TrainingError, match="between 0 and 1"):
        train(data, validation_share=1.0)
    with pytest.raises(TrainingError, match="not negative"):
        train(data, sample_weight=-np.ones(len(data.levels)))


def test_the_small_checklist_has_every_kind_of_ladder():
    names = [plan.name for plan in head_plans(small_checklist())]
    assert names == ["clarity", "symmetry", "hands:presence", "hands", "lighting", "lighting_beauty"]


def test_a_short_block_is_looked_at_by_itself_where_that_is_better():
    from reward_engine.training.design import fit_design, plain_sets, short_groups
    from reward_engine.training.selection import FewRows

    rng = np.random.default_rng(3)
    n, noise, short = 160, 150, 5
    values = rng.normal(size=(n, noise + short)).astype(np.float32)
    blocks = {"statistics": slice(0, noise), "match": slice(noise, noise + short)}
    y = (values[:, noise] + 0.6 * rng.normal(size=n) > 0).astype(np.int64)
    design = fit_design(values, blocks)
    groups = design.groups | short_groups(design, blocks)
    assert groups["only match"] == slice(noise, noise + short)
    assert "only statistics" not in groups
    prompts = np.repeat(np.arange(16), 10)
    shared = FewRows(
        design.apply(values), y[:, None].astype(float), prompts, np.ones(n), groups, seed=0,
        sets=plain_sets(design, blocks),
    )  # fmt: skip
    head = shared.fit_head("x", 0, 1)
    assert head.kind == "ordinal"
    assert "ordinal, only match" in head.record["taken"]
    elsewhere = np.delete(head.model.coef, noise)
    assert np.abs(elsewhere).max() < 0.5 * abs(head.model.coef[noise])
