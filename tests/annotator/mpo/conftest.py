"""Scored items without files: a prompt's items differ in what the judge says of them."""

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotator.campaigns.checklists import checklist_of
from annotator.jobs.models import Job
from annotator.jobs.services import claim
from annotator.library.models import Generator, Item, Prompt
from annotator.mpo.models import PairSet
from annotator.rewards.models import RewardModel
from tests.annotator.mpo import tuning
from tests.factories import make_reward_model, make_score

COUNT = itertools.count()


@pytest.fixture
def reward_model(db: None) -> RewardModel:
    return make_reward_model()


@pytest.fixture
def scored_prompt(db: None) -> Callable[..., list[Item]]:
    """``scored_prompt(model, [0.2, 0.8])``: a prompt with one item a value, each with a score of that P(yes).

    A dict ``{dimension id: P(yes)}`` says it by dimension (0.5 in the others).
    """

    def make(
        model: RewardModel, values: Sequence[float | dict[str, float]], text: str | None = None, **fields: object
    ) -> list[Item]:
        checklist = checklist_of(model.checklist_version)
        generator, _ = Generator.objects.get_or_create(name="painter", version="1", parameters_sha256="")
        prompt = Prompt.objects.create(text=text or f"A kite over the sea, number {next(COUNT)}")
        items = []
        for value in values:
            by_dimension = value if isinstance(value, dict) else {}
            base = 0.5 if isinstance(value, dict) else value
            p = np.full(len(checklist.questions), base)
            for index, dimension in enumerate(checklist.dimensions):
                p[checklist.question_dimension == index] = by_dimension.get(dimension.id, base)
            item = Item.objects.create(
                media_type=model.media_type, prompt=prompt, generator=generator, width=64, height=48, size_bytes=1,
                sha256=f"{next(COUNT):064x}", extension="png", mime_type="image/png", **fields,
            )  # fmt: skip
            make_score(model, item, p)
            items.append(item)
        return items

    return make


@pytest.fixture
def run_now() -> Callable[[Job], Job]:
    """Do a job's work here, as a worker would."""
    from annotator.generations.services import run_generation
    from annotator.mpo.services import run_pair_mining

    def run(job: Job) -> Job:
        {"mpo.mine_pairs": run_pair_mining, "generations.generate": run_generation}[job.kind](str(job.pk))
        job.refresh_from_db()
        return job

    return run


@pytest.fixture
def claimed() -> Callable[[Job], object]:
    """A worker's hold on a queued job."""
    return lambda job: claim(str(job.pk))


@pytest.fixture(scope="session")
def pipelines_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the tiny pipeline of the session is saved, to be copied by tests."""
    return tmp_path_factory.mktemp("pipelines")


@pytest.fixture
def tiny_pipeline(db: None, files: Path, settings: Any, pipelines_once: Path) -> str:
    """The name of a tiny Stable Diffusion in a folder of this test where pipelines may lie."""
    settings.PIPELINE_ROOTS = [files / "pipelines"]
    return tuning.put_pipeline(pipelines_once)


@pytest.fixture
def pair_set_to_train_on(tiny_pipeline: str, files: Path) -> PairSet:
    """Ten pairs of five prompts, with files."""
    return tuning.make_pair_set(files)


@pytest.fixture(scope="session")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What runs left, by name: training is a pure function of its input."""
    return {"root": tmp_path_factory.mktemp("trained")}
