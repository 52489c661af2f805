"""The worker of a vision-language training dies by ``kill -9``: the next one ends where an unbroken one ends."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from annotator.accounts.models import Role, User
from annotator.jobs.models import Job, JobState
from annotator.rewards import services
from annotator.rewards.judges.vlm.work import folder_of
from annotator.rewards.models import RewardModel
from annotator.rewards.services import artifacts
from reward_engine.training.vlm import checkpoint, session
from tests.annotator.rewards.pictures import make_pictures, open_campaign, submit_all
from tests.conftest import kill_group
from tests.tiny_vlm import QUICK, build_tiny, registered

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(400)]


def finished(job: Job, log: Path) -> bool:
    job.refresh_from_db()
    assert job.state not in (JobState.FAILED, JobState.CANCELED), f"{job.error}\n{log.read_text()[-3000:]}"
    return job.state == JobState.SUCCEEDED


def test_a_killed_training_goes_on_from_its_checkpoint_and_ends_bit_for_bit(
    start_worker: Callable[[], subprocess.Popen[bytes]],
    process_env: dict[str, str],
    wait_until: Callable[..., None],
    make_user: Callable[..., User],
    settings: Any,
    tmp_path: Path,
) -> None:
    root = tmp_path / "vlms"
    build_tiny(root)
    settings.VLM_ROOTS = [root]
    # One thread: sums of several threads are added in any order.
    process_env |= {"VLM_ROOTS": str(root), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    campaign = open_campaign(make_pictures(prompts=6))
    submit_all(campaign, make_user("ann", Role.ANNOTATOR))
    chosen = {"base": registered().pk, **QUICK, "max_steps": 24, "evaluate_every": 12, "checkpoint_every": 3}

    def ask() -> Job:
        return services.request_training(campaigns=[campaign], score_after=False, judge="vlm", settings=chosen)

    worker = start_worker()
    unbroken = ask()
    wait_until(lambda: finished(unbroken, tmp_path / "worker-0.log"), "the unbroken training did not end", 120)

    broken = ask()
    folder = folder_of(broken)
    wait_until(lambda: bool(checkpoint.found(folder / "adapter.training")), "no checkpoint was written", 120)
    kill_group(worker)
    kept = checkpoint.found(folder / "adapter.training")[-1].name
    assert session.read_outcome(folder) is None, "the training was quicker than the kill"

    start_worker()
    wait_until(lambda: finished(broken, tmp_path / "worker-1.log"), "the training was not taken up again", 120)
    assert broken.attempts >= 2
    assert 3 <= int(kept.removeprefix("step-")) < 24
    whole, taken_up = (artifacts.root() / model.path for model in RewardModel.objects.order_by("pk"))
    for name in ("adapter/adapter_model.safetensors", "held-out.safetensors"):
        assert (whole / name).read_bytes() == (taken_up / name).read_bytes(), name
