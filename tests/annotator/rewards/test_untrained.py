"""A judge that learned nothing is measured on all that people judged, kept, opened again, and used for scoring."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotator.campaigns.models import Campaign
from annotator.core.errors import ProblemError
from annotator.jobs.services import JobRun
from annotator.library.models import Item
from annotator.rewards import judges, services
from annotator.rewards.judges.untrained import measure_untrained, read_manifest
from annotator.rewards.models import RewardModel, Score
from annotator.rewards.services import artifacts
from reward_engine.checklist import Checklist
from reward_engine.errors import ArtifactError, JudgeError
from reward_engine.judges.base import Judge, MediaInput, Predictions

pytestmark = pytest.mark.django_db


@dataclass
class KnowsTheTruth:
    """Says what the pictures were made like, as sure as it is told to be."""

    checklist: Checklist
    sure: float
    unread: set[int] = field(default_factory=set)
    error: JudgeError | None = None
    name: str = "toy"

    @property
    def version(self) -> str:
        return f"toy-{self.sure}"

    def predict(self, items: Sequence[MediaInput], *, progress: Any = None, **options: Any) -> Predictions:
        if self.error is not None:
            raise self.error
        told = {item.pk: item.extra["truth"] for item in Item.objects.filter(pk__in=[int(i.key) for i in items])}
        errors = {item.key: "It is not readable." for item in items if int(item.key) in self.unread}
        keys = tuple(item.key for item in items if item.key not in errors)
        p_yes = np.full((len(keys), len(self.checklist.questions)), 0.5, dtype=np.float32)
        for row, key in enumerate(keys):
            for sub in self.checklist.ordinal:
                if sub.id in told[int(key)]:
                    for question in sub.questions:
                        yes = told[int(key)][sub.id] >= question.threshold
                        p_yes[row, self.checklist.question_index(question.id)] = self.sure if yes else 1 - self.sure
        if progress is not None:
            progress(len(items), len(items))
        return Predictions(keys, p_yes, errors)


class Toy(judges.JudgeKind):
    name = "toy"
    label = description = "Toy"
    learns = False
    judge: Any = None  # what a test puts there

    def train(self, run: JobRun, data: judges.TrainingData, settings: Mapping[str, Any]) -> judges.Trained:
        judge = self.judge or KnowsTheTruth(data.checklist, 0.9)
        return measure_untrained(run, data, judge, self.name, {"sure": judge.sure})

    def load(self, model: RewardModel, folder: Path, checklist: Checklist) -> Judge:
        return KnowsTheTruth(checklist, read_manifest(folder, self.name, checklist)["as_it_is"]["sure"])


@pytest.fixture
def toy() -> Iterator[type[Toy]]:
    judges.register(Toy)
    yield Toy
    judges.unregister("toy")
    Toy.judge = None


def measured(campaign: Campaign, run_here: Callable) -> RewardModel:
    job = services.request_training(campaigns=[campaign], judge="toy", promote=True, score_after=False)
    return RewardModel.objects.get(pk=run_here(job)["reward_model"])


def test_everything_that_was_judged_is_held_out_and_measured(
    judged: Campaign, toy: type[Toy], run_here: Callable
) -> None:
    model = measured(judged, run_here)
    held = artifacts.read_held_out(model)
    assert len(held["items"]) == 32
    metrics = model.metrics
    assert metrics["validation"] == {
        "split": "nothing was learned", "items": 32, "prompts": 8, "folds": 1, "share": None,
    }  # fmt: skip
    clarity = metrics["sub_dimensions"]["clarity"]
    assert clarity["accuracy"] > 0.8 > clarity["baseline_accuracy"]
    # The baseline never saw the prompt it is measured on, and the four levels are equally frequent.
    assert clarity["baseline_accuracy"] <= 0.35
    assert metrics["cost"]["seconds_per_item"] > 0
    assert metrics["training"]["items"] == 0
    assert (model.judge, model.state) == ("toy", "promoted")


def test_it_is_opened_again_and_scores(
    judged: Campaign, toy: type[Toy], run_here: Callable, pictures: list[Item]
) -> None:
    model = measured(judged, run_here)
    assert judges.load(model).name == "toy"
    run_here(services.request_scoring(reward_model=model))
    assert Score.objects.filter(reward_model=model).count() == len(pictures)
    folder = artifacts.root() / model.path
    manifest = folder / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"as_it_is": {"sure": 0.1}}))
    with pytest.raises(artifacts.BrokenArtifactError, match="differs from the one recorded"):
        judges.load(model)
    manifest.unlink()
    with pytest.raises(artifacts.BrokenArtifactError, match="missing"):
        judges.check(model)


def test_a_manifest_of_something_else_is_refused(judged: Campaign, toy: type[Toy], run_here: Callable) -> None:
    model = measured(judged, run_here)
    folder, manifest = artifacts.root() / model.path, artifacts.root() / model.path / "manifest.json"
    checklist = KnowsTheTruth(judges.load(model).checklist, 1).checklist
    whole = json.loads(manifest.read_text())
    for change, words in (
        ({"kind": "other"}, "this is a “other”"),
        ({"format": 99}, "the format 99 is unknown"),
        ({"as_it_is": None}, "does not say how to open"),
        ({"checklist": {"content_hash": "0"}}, "answers another checklist"),
    ):
        manifest.write_text(json.dumps(whole | change))
        with pytest.raises(ArtifactError, match=words):
            read_manifest(folder, "toy", checklist)


def test_what_it_cannot_judge_is_left_out_and_reported(
    judged: Campaign, toy: type[Toy], run_here: Callable, pictures: list[Item]
) -> None:
    from annotator.campaigns.checklists import checklist_of

    checklist = checklist_of(judged.checklist_version)
    toy.judge = KnowsTheTruth(checklist, 0.9, unread={pictures[3].pk})
    model = measured(judged, run_here)
    assert model.metrics["validation"]["items"] == 31
    assert model.manifest["data"]["left_out_items"] == {str(pictures[3].pk): "It is not readable."}
    toy.judge = KnowsTheTruth(checklist, 0.8, unread={item.pk for item in pictures})
    with pytest.raises(ProblemError, match="32 could not be judged; the first: It is not readable"):
        run_here(services.request_training(campaigns=[judged], judge="toy", seed=1))
    toy.judge = KnowsTheTruth(checklist, 0.8, error=JudgeError("The server is not there.", code="server"))
    with pytest.raises(ProblemError, match="The server is not there"):
        run_here(services.request_training(campaigns=[judged], judge="toy", seed=2))
    assert RewardModel.objects.count() == 1
