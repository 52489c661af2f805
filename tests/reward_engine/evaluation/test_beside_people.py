"""A judge beside people: the figures of scikit-learn, scipy and krippendorff, and honest intervals."""

import itertools

import krippendorff
import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import accuracy_score, balanced_accuracy_score, cohen_kappa_score, f1_score

from reward_engine.answers import ABSENT
from reward_engine.evaluation.beside_people import BesidePeople, beside_people, mean_beside_people
from reward_engine.evaluation.resamples import Resamples

VALUES = (-1, 0, 1, 2)


class Data:
    """Judgments of three people of ``n`` items, a consensus, and a judge, some of each missing."""

    def __init__(self, n: int, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        quality = rng.normal(size=n)
        self.prompts = rng.integers(max(n // 4, 2), size=n)
        quality += rng.normal(size=n)[self.prompts]  # items of one prompt resemble each other
        self.judgments = np.clip(np.round(quality + rng.normal(0, 0.7, (3, n))), -1, 2).astype(np.int8)
        self.judgments[rng.random((3, n)) < 0.2] = ABSENT
        self.human = np.clip(np.round(quality), -1, 2).astype(np.int8)
        self.expected = np.clip(quality + rng.normal(0, 0.6, n), -1, 2)
        self.said = np.round(self.expected).astype(np.int8)
        self.human[rng.random(n) < 0.1] = ABSENT
        self.said[rng.random(n) < 0.05] = ABSENT

    def measured(self, times: int = 1000) -> BesidePeople:
        resamples = Resamples(self.prompts, times=times)
        return beside_people(VALUES, self.said, self.expected, self.human, self.judgments, resamples)


def value(found: BesidePeople, name: str) -> float:
    figure = found.figures[name]
    assert figure is not None
    return figure.value


def test_levels_are_measured_as_by_the_libraries() -> None:
    data = Data(300)
    found = data.measured(times=50)
    both = (data.said != ABSENT) & (data.human != ABSENT)
    said, human = data.said[both], data.human[both]
    assert found.n == both.sum()
    assert value(found, "accuracy") == pytest.approx(accuracy_score(human, said))
    assert value(found, "balanced_accuracy") == pytest.approx(balanced_accuracy_score(human, said))
    assert value(found, "kappa") == pytest.approx(cohen_kappa_score(human, said, weights="quadratic"))
    assert value(found, "spearman") == pytest.approx(spearmanr(data.expected[both], human).statistic)
    assert value(found, "bias") == pytest.approx(data.expected[both].mean() - human.mean())
    pairs = np.array(
        [
            pair
            for column in data.judgments.T
            for pair in itertools.permutations([level for level in column if level != ABSENT], 2)
        ]
    )
    assert found.n_pairs * 2 == len(pairs)
    assert value(found, "ceiling") == pytest.approx(cohen_kappa_score(*pairs.T, weights="quadratic"))
    raw = np.where(data.judgments == ABSENT, np.nan, data.judgments)
    assert value(found, "alpha") == pytest.approx(
        krippendorff.alpha(reliability_data=raw, level_of_measurement="ordinal", value_domain=list(VALUES))
    )
    assert value(found, "gap") == pytest.approx(value(found, "ceiling") - value(found, "kappa"))
    assert found.confusion.sum() == found.n
    assert found.confusion[0, 1] == ((human == -1) & (said == 0)).sum()


def test_a_question_has_f1_of_the_rarer_answer_and_its_share_of_yes() -> None:
    rng = np.random.default_rng(3)
    human, p_yes = (rng.random(200) < 0.8).astype(np.int8), rng.random(200)
    said = (p_yes >= 0.5).astype(np.int8)
    people = np.stack([human, human])
    found = beside_people((0, 1), said, p_yes, human, people, Resamples(np.arange(200), times=50), is_question=True)
    assert value(found, "f1") == pytest.approx(f1_score(human, said, pos_label=0))
    assert value(found, "bias") == pytest.approx(said.mean() - human.mean())
    assert value(found, "ceiling") == pytest.approx(1.0)
    assert found.figures["spearman"] is None


def test_accuracy_of_a_constant_is_no_agreement() -> None:
    """97 % right by always saying what is usual comes to kappa 0."""
    human = np.r_[np.zeros(97, np.int8), np.ones(3, np.int8)]
    said = np.zeros(100, np.int8)
    found = beside_people((0, 1), said, said.astype(float), human, human[None], Resamples(np.arange(100)))
    assert (value(found, "accuracy"), value(found, "kappa")) == (pytest.approx(0.97), pytest.approx(0.0))
    assert found.figures["ceiling"] is None, "one judgment of each item has no pair"
    assert found.figures["spearman"] is None, "a constant has no order"


def test_intervals_are_those_of_drawing_items_prompt_by_prompt() -> None:
    """Resampled counts give the interval of a slow bootstrap that draws the items of whole prompts."""
    data = Data(240, seed=2)
    found = data.measured(times=1500)
    rng = np.random.default_rng(9)
    rows_of = [np.flatnonzero(data.prompts == prompt) for prompt in np.unique(data.prompts)]
    slow: dict[str, list[float]] = {"kappa": [], "spearman": []}
    for _ in range(400):
        rows = np.concatenate([rows_of[i] for i in rng.integers(len(rows_of), size=len(rows_of))])
        rows = rows[(data.said[rows] != ABSENT) & (data.human[rows] != ABSENT)]
        slow["kappa"].append(cohen_kappa_score(data.human[rows], data.said[rows], weights="quadratic"))
        slow["spearman"].append(spearmanr(data.expected[rows], data.human[rows]).statistic)
    for name, drawn in slow.items():
        figure = found.figures[name]
        assert figure is not None
        assert (figure.low, figure.high) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.02), name


def test_a_dimension_is_the_mean_of_its_ladders() -> None:
    first, second = Data(200).measured(times=100), Data(200).measured(times=100)
    mean = mean_beside_people([first, second])
    assert mean["gap"] == first.figures["gap"]
    assert mean_beside_people([]) == {"kappa": None, "ceiling": None, "gap": None}
