"""Pictures blurred and darkened by known steps, people who judge them, and models trained on that.

Measuring pictures and fitting heads are pure functions of their input. Both are really done, once a session for the
same input: measurements by the platform's own cache, fits by a memo in front of ``train_probe``.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

from annotator.accounts.models import Role, User
from annotator.campaigns.models import (
    Assignment,
    AssignmentState,
    Campaign,
    CampaignItem,
    CampaignState,
    Judgment,
)
from annotator.campaigns.services import create_campaign, store_checklist
from annotator.jobs.models import Job
from annotator.jobs.services import claim
from annotator.library import services as library
from annotator.library.models import Item
from annotator.rewards import services
from annotator.rewards.models import RewardModel
from tests.factories import make_generator, make_prompt
from tests.reward_engine.training.planted import small_checklist

BLUR = (4.0, 2.0, 1.0, 0.0)  # clarity −2 … 1
LIGHT = (0.12, 0.45, 1.0)  # lighting −1 … 1
PROMPTS = 8
SYNTHETIC = ("Kite", "Lamp", "Boat", "Tree", "Clock", "Bridge", "Apple", "Train")


@pytest.fixture(scope="session")
def features_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("features")


@pytest.fixture
def platform(files: Path, features_cache: Path, settings: Any) -> Path:
    """Folders of this test, with the session's measurements in them; quick training."""
    settings.VALIDATION_FOLDS = 2
    settings.ARTIFACT_ROOT.mkdir(parents=True)
    (settings.ARTIFACT_ROOT / "features").symlink_to(features_cache)
    return files


_fits: dict[str, Any] = {}


@pytest.fixture(autouse=True)
def fitted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    import reward_engine.training as training

    really = training.train_probe

    def train_probe(checklist: Any, features: Any, levels: Any, groups: Any, **options: Any) -> Any:
        group = np.unique(groups, return_inverse=True)[1]
        parts = (features.values, np.asarray(levels), group)
        key = hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts))
        key.update(f"{checklist.content_hash} {options['seed']} {options['validation_folds']}".encode())
        if key.hexdigest() not in _fits:
            _fits[key.hexdigest()] = really(checklist, features, levels, groups, **options)
        return _fits[key.hexdigest()]

    monkeypatch.setattr(training, "train_probe", train_probe)


def picture(seed: int, blur: float, light: float) -> Image.Image:
    """Coarse coloured shapes with fine texture; blurred and darkened by a known amount."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(60, 256, (5, 7, 3), dtype=np.uint8)).resize((112, 80), Image.Resampling.BOX)
    fine = np.asarray(coarse, np.float64) + rng.normal(0, 22, (80, 112, 1))
    image = Image.fromarray(np.clip(fine, 0, 255).astype(np.uint8))
    if blur:
        image = image.filter(ImageFilter.GaussianBlur(blur))
    return image.point(lambda value: int(value * light))


@pytest.fixture
def pictures(db: None, platform: Path) -> list[Item]:
    """32 pictures of 8 prompts. ``extra["truth"]`` says how clear and how lit each is made."""
    items = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(PROMPTS):
            prompt = make_prompt(f"{SYNTHETIC[number]} by the sea")
            for step, blur in enumerate(BLUR):
                light = (step + number) % 3
                path = Path(folder) / f"{number}-{step}.png"
                picture(number, blur, LIGHT[light]).save(path)
                item, _ = library.record_item(
                    facts=library.store_media(path, path.name),
                    prompt=prompt,
                    generator=make_generator(f"painter {step % 2}"),
                    file_name=path.name,
                    extra={"truth": {"clarity": step - 2, "lighting": light - 1}},
                )
                items.append(item)
    return items


def levels_of(item: Item, rng: np.random.Generator) -> dict[str, int]:
    """What an annotator says who errs by a step on one ladder in ten."""
    truth = item.extra["truth"]
    clarity, lighting = truth["clarity"], truth["lighting"]
    if rng.random() < 0.1:
        clarity = int(np.clip(clarity + rng.choice([-1, 1]), -2, 1))
    return {
        "clarity": clarity,
        "symmetry": int(rng.random() < 0.4),
        "hands": 0,
        "lighting": lighting,
        "lighting_beauty": -1 if lighting == -1 else int(rng.integers(0, 3)),
    }


@pytest.fixture
def annotate() -> Callable[..., int]:
    """``annotate(campaign, user)``: submitted annotations of all of its items; returns how many."""

    def work(campaign: Campaign, user: User, items: list[Item] | None = None, seed: int = 0) -> int:
        from django.utils import timezone

        rng = np.random.default_rng(seed)
        rows = CampaignItem.objects.filter(campaign=campaign).select_related("item").order_by("item__file_name")
        if items is not None:
            rows = rows.filter(item__in=items)
        for row in rows:
            now = timezone.now()
            assignment = Assignment.objects.create(
                campaign_item=row, annotator=user, state=AssignmentState.SUBMITTED, lease_expires_at=now,
                submitted_at=now,
            )  # fmt: skip
            Judgment.objects.bulk_create(
                Judgment(assignment=assignment, sub_dimension=sub, level=level, milliseconds=900)
                for sub, level in levels_of(row.item, rng).items()
            )
            row.submitted += 1
            row.open_slots = max(row.open_slots - 1, 0)
            row.save()
        return len(rows)

    return work


@pytest.fixture
def make_campaign(db: None) -> Callable[..., Campaign]:
    def make(items: list[Item], name: str = "Clear and lit", text: str = "d") -> Campaign:
        version, _ = store_checklist(checklist=small_checklist(text=text))
        return create_campaign(
            name=name, checklist_version=version, items=items, overlap=2, state=CampaignState.OPEN
        )

    return make


@pytest.fixture
def judged(
    pictures: list[Item], make_campaign: Callable[..., Campaign], make_user: Callable[..., User], annotate: Callable
) -> Campaign:
    """A campaign over the pictures, judged by two people."""
    campaign = make_campaign(pictures)
    for seed, name in enumerate(("ann", "ben")):
        annotate(campaign, make_user(name, Role.ANNOTATOR), seed=seed)
    return campaign


@pytest.fixture
def run_here() -> Callable[[Job], dict[str, Any]]:
    """``run_here(job)``: the work of a job in this process, without a worker; returns its result."""

    def run(job: Job) -> dict[str, Any]:
        from annotator.rewards.tasks import services as work

        held = claim(str(job.pk))
        assert held is not None, "the job is not waiting"
        done = {"rewards.train": work.train, "rewards.score": work.score}[job.kind](held)
        Job.objects.filter(pk=job.pk).update(state="succeeded", result=done)
        return done

    return run


@pytest.fixture
def trained(judged: Campaign, run_here: Callable) -> RewardModel:
    """Version 1, promoted."""
    result = run_here(services.request_training(campaigns=[judged], promote=True, score_after=False))
    return RewardModel.objects.get(pk=result["reward_model"])


@pytest.fixture
def scored(trained: RewardModel, run_here: Callable) -> RewardModel:
    """Version 1 with a score of every picture."""
    run_here(services.request_scoring(reward_model=trained))
    return trained
