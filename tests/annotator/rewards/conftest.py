"""Pictures, their judgments, and models trained on them.

Measuring pictures and fitting heads are pure functions of their input. Both are really done, once a session for the
same input: measurements by the platform's own cache, fits by a memo in front of ``train_probe``.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotator.accounts.models import Role, User
from annotator.campaigns.models import Campaign
from annotator.jobs.models import Job
from annotator.jobs.services import claim
from annotator.library.models import Item
from annotator.rewards import services
from annotator.rewards.models import RewardModel
from annotator.rewards.services import preference_weights
from tests.annotator.rewards.pictures import compare_all, make_pictures, open_campaign, submit_all


@pytest.fixture(scope="session")
def features_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("features")


@pytest.fixture(scope="session")
def stored_pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the pictures, put there by the first test and copied by the others."""
    return tmp_path_factory.mktemp("stored") / "media"


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


@pytest.fixture
def pictures(db: None, platform: Path, stored_pictures: Path, settings: Any) -> list[Item]:
    """32 pictures of 8 prompts."""
    if stored_pictures.exists():
        shutil.copytree(stored_pictures, settings.MEDIA_ROOT)
        return make_pictures()
    made = make_pictures()
    shutil.copytree(settings.MEDIA_ROOT, stored_pictures)
    return made


@pytest.fixture
def annotate() -> Callable[..., int]:
    """``annotate(campaign, user)``: see ``submit_all``."""
    return submit_all


@pytest.fixture
def open_small(db: None) -> Callable[..., Campaign]:
    """``open_small(items)``: an open campaign over them with a checklist of a few sub-dimensions."""
    return open_campaign


@pytest.fixture
def judged(
    pictures: list[Item], open_small: Callable[..., Campaign], make_user: Callable[..., User], annotate: Callable
) -> Campaign:
    """A campaign over the pictures, judged by two people."""
    campaign = open_small(pictures)
    for seed, name in enumerate(("ann", "ben")):
        annotate(campaign, make_user(name, Role.ANNOTATOR), seed=seed)
    return campaign


@pytest.fixture
def compared(pictures: list[Item], make_user: Callable[..., User], monkeypatch: pytest.MonkeyPatch) -> Campaign:
    """A campaign of comparisons: of two pictures of a prompt, cy prefers the clearer one. Few resamples."""
    monkeypatch.setattr(preference_weights, "RESAMPLES", 20)
    return compare_all(pictures, make_user("cy", Role.ANNOTATOR))


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
