"""``manage.py evaluate``: the measures as they were taken, and the known truth beside them."""

import io
import re

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from annotator.library.models import Item
from annotator.rewards.evaluation import evaluate
from annotator.rewards.held_out_metrics import against_truth, correlation, known_truth
from annotator.rewards.models import RewardModel
from annotator.rewards.services import artifacts
from reward_engine.answers import ABSENT
from tests.reward_engine.training.planted import small_checklist

pytestmark = pytest.mark.django_db


def printed(*args: object, **options: object) -> str:
    out = io.StringIO()
    call_command("evaluate", *args, stdout=out, **options)
    return out.getvalue()


def test_it_prints_what_was_measured(trained: RewardModel) -> None:
    text = printed()
    clarity = trained.metrics["sub_dimensions"]["clarity"]
    line = next(line for line in text.splitlines() if line.startswith("clarity"))
    cells = re.split(r"\s{2,}", line)
    assert cells[:4] == ["clarity", "32", f"{clarity['accuracy']:.1%} +", f"{clarity['baseline_accuracy']:.1%}"]
    assert cells[4:7] == [f"{clarity[key]:.3f}" for key in ("log_loss", "baseline_log_loss", "correlation")]
    assert cells[7] == "32", "its truth is known of all of them"
    assert "Trained on 32 items of 8 prompts, 320 judgments" in text
    assert "each prompt held out once, in 2 folds" in text
    assert "better than the majority baseline (+) on" in text
    assert "Against ground truth: better than the majority baseline on 2 of 2 sub-dimensions" in text


def test_it_prints_markdown(trained: RewardModel) -> None:
    text = printed("--markdown", media_type="image")
    assert text.startswith("### Image reward v1 (promoted)\n")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    order = next(row for row, line in enumerate(rows) if "order within a prompt" in line)
    assert len({line.count("|") for line in rows[:order]}) == 1
    assert rows[order] == "| order within a prompt | pairs | judge | majority | sharpness | motion | bitrate | ridge |"
    assert len({line.count("|") for line in rows[order:]}) == 1
    assert rows[1].startswith("| --- | ---:")


def test_the_truth_is_compared_with_what_unseen_heads_said(trained: RewardModel, pictures: list[Item]) -> None:
    held_out = artifacts.read_held_out(trained)
    truth = known_truth(held_out["items"], small_checklist())
    assert truth[:, 0].tolist() == [item.extra["truth"]["clarity"] for item in pictures]
    assert (truth[:, 1] == ABSENT).all()
    rows = {row.id: row for row in evaluate(trained).rows}
    assert set(rows) == {"clarity", "symmetry", "hands", "lighting", "lighting_beauty"}
    assert rows["clarity"].truth.baseline == pytest.approx(0.25)
    assert rows["clarity"].truth.is_better
    assert rows["lighting"].truth.is_better
    assert rows["symmetry"].truth is None


def test_a_truth_that_is_no_level_is_not_believed(pictures: list[Item]) -> None:
    Item.objects.filter(pk=pictures[0].pk).update(extra={"truth": {"clarity": 17, "lighting": "bright"}})
    Item.objects.filter(pk=pictures[1].pk).update(extra={"truth": "blurred"})
    truth = known_truth(np.array([pictures[0].pk, pictures[1].pk]), small_checklist())
    assert (truth == ABSENT).all()


def test_a_truth_that_never_varies_measures_nothing() -> None:
    checklist = small_checklist()
    truth = np.full((6, 5), ABSENT, np.int8)
    truth[:, 0] = 1
    assert against_truth(checklist, np.full((6, len(checklist.questions)), 0.7), truth) == {}


def test_correlation_is_said_only_where_it_can_be() -> None:
    levels = np.array([0, 1, 2, 3, ABSENT], np.int8)
    assert correlation(np.array([0.1, 0.2, 0.3, 0.4, 9.0]), levels) == pytest.approx(1.0)
    assert correlation(np.array([0.1, 0.1, 0.1, 0.1, 9.0]), levels) is None
    assert correlation(np.array([0.1, 0.2]), np.array([0, 1], np.int8)) is None


def test_nothing_to_evaluate_is_said_in_words() -> None:
    for options, words in [({}, "No model is promoted yet"), ({"media_type": "video"}, "for the media type video"),
                           ({"model": 7}, "There is no model 7")]:  # fmt: skip
        with pytest.raises(CommandError, match=words):
            printed(**options)


def test_altered_predictions_are_not_compared_with(trained: RewardModel) -> None:
    (artifacts.root() / trained.path / artifacts.HELD_OUT).unlink()
    text = printed(model=trained.pk)
    assert "The ground truth could not be compared with: The file of held-out predictions of Image reward v1" in text
    assert "clarity" in text
