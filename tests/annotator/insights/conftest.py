"""A campaign, a model that was trained on a part of its items, and what it said of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from annotator.accounts.models import User
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Campaign
from annotator.campaigns.queries import judgment_levels
from annotator.core import figures
from annotator.insights.agreement import report
from annotator.library.models import Item
from annotator.rewards.models import RewardModel, Snapshot
from annotator.rewards.services import artifacts
from annotator.trust.consensus import majority
from reward_engine.answers import to_answers
from tests.factories import make_annotated_campaign, make_reward_model, make_score

SURE = 0.97


@pytest.fixture(autouse=True)
def _few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough for an interval; the engine's tests look at its ends."""
    monkeypatch.setattr(report, "TIMES", 30)


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that has done what it is asked for at once, and pages that ask it at each look."""
    monkeypatch.setattr(figures, "send", figures.make)
    monkeypatch.setattr(figures, "CHECK_SECONDS", 0)


@dataclass
class World:
    campaign: Campaign
    items: list[Item]
    model: RewardModel

    def right(self, item: Item) -> NDArray[np.float64]:
        """P(yes) of a judge that says what people say."""
        table = majority(judgment_levels([self.campaign]))
        row = int(np.searchsorted(table.items, item.pk))
        answers = to_answers(table.checklist, table.levels[row : row + 1])[0]
        return np.where(answers == 1, SURE, 1 - SURE)

    def keep_record(self, *, trained_on: list[Item], held_out: dict[Item, NDArray[np.float64]]) -> None:
        """Write what a training keeps: its snapshot, and what heads said that had not seen a prompt."""
        prompts = np.array([item.prompt_id for item in trained_on], dtype=np.int64)
        content = artifacts.pack({"prompts": prompts})
        artifacts.write_file(artifacts.root() / "snapshots" / "s.safetensors", content)
        self.model.snapshot = Snapshot.objects.create(
            media_type="image", checklist_version=self.campaign.checklist_version, items=1, judgments=1, prompts=1,
            path="snapshots/s.safetensors", sha256=artifacts.digest(content),
        )  # fmt: skip
        rows = {
            "items": np.array([item.pk for item in held_out], dtype=np.int64),
            "p_yes": np.array([*held_out.values()], dtype=np.float32).reshape(-1, self.questions),
        }
        content = artifacts.pack(rows)
        artifacts.write_file(artifacts.root() / "models" / "m" / artifacts.HELD_OUT, content)
        self.model.path = "models/m"
        self.model.manifest = {"held_out": {"sha256": artifacts.digest(content)}}
        self.model.save()

    def score(self, items: list[Item], p_yes: Callable[[Item], NDArray[np.float64]]) -> None:
        for item in items:
            make_score(self.model, item, p_yes(item))

    @property
    def questions(self) -> int:
        return len(checklist_of(self.campaign.checklist_version).questions)

    def wrong(self, item: Item) -> NDArray[np.float64]:
        """A judge that says the highest level of everything."""
        return np.full(self.questions, SURE)


@pytest.fixture
def world(files: Path, bare_items: Callable, make_user: Callable[..., User]) -> World:
    """Eight images of eight prompts, each judged by three people; a model that has said nothing yet."""
    items = bare_items(8)
    campaign = make_annotated_campaign(
        items, [make_user(name) for name in ("ann", "ben", "cleo")], name="Lamps", seed=4
    )
    return World(campaign, items, make_reward_model())
