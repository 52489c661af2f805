"""Runs the engine's trainer in processes of its own, as many as the worker has devices, and follows it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from django.conf import settings as platform
from django.utils.translation import gettext, gettext_noop

from annotator.core.errors import ProblemError
from annotator.jobs.services import JobCanceled, JobRun
from annotator.rewards.services.kept_judges import forget_judges
from reward_engine.training.vlm import session

POLL_SECONDS = 0.3
LOG = "process.log"
MODULE = "reward_engine.training.vlm.session"
OUT_OF_MEMORY = gettext_noop(
    "The training was ended by the system, most likely because it ran out of memory. Use fewer items per "
    "pass, a lower rank, gradient checkpointing, fewer frames, or 8-bit or 4-bit weights; then resume it or "
    "train again."
)


def train_in_process(run: JobRun, folder: Path) -> session.Outcome:
    """Train as ``folder`` says; what it says of itself becomes the job's progress.

    Canceling lets it save a checkpoint first.

    Raises:
        ProblemError: If it fails or is killed.
    """
    forget_judges()  # the device's memory belongs to the training now
    with (folder / LOG).open("ab") as log:
        process = subprocess.Popen(
            command(folder, processes()),
            cwd=platform.BASE_DIR,
            env=os.environ | {session.PARENT: str(os.getpid())},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _follow(run, process, folder)
        finally:
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    run.check()
    outcome = session.read_outcome(folder)
    if outcome is None:
        killed = process.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL) or "SIGKILL" in _tail(folder)
        if killed:
            raise ProblemError(gettext(OUT_OF_MEMORY), code="memory")
        raise ProblemError(
            gettext("The training process failed: %(reason)s") % {"reason": _reason(folder)}, code="process"
        )
    if outcome.state != "finished":
        raise ProblemError(outcome.message, code=outcome.code or "training")
    return outcome


def processes() -> int:
    """How many processes a training has: the setting, otherwise one per GPU that this process sees, at least one."""
    if platform.TRAINING_PROCESSES:
        return int(platform.TRAINING_PROCESSES)
    import torch

    return max(1, torch.cuda.device_count())


def command(folder: Path, count: int) -> list[str]:
    """The command that trains with so many processes; on a CPU several talk through gloo."""
    several = ["--multi_gpu", f"--num_processes={count}"] if count > 1 else ["--num_processes=1"]
    return [
        sys.executable, "-m", "accelerate.commands.launch", *several, "--num_machines=1", "--main_process_port=0",
        "--mixed_precision=no", "--dynamo_backend=no", "--module", MODULE, str(folder),
    ]  # fmt: skip


# What the training process calls its stages (reward_engine.training.vlm.session).
STAGES = (gettext_noop("Reading the items"), gettext_noop("Training"), gettext_noop("Measuring on held-out prompts"))


def _follow(run: JobRun, process: subprocess.Popen[bytes], folder: Path) -> None:
    stage = ""
    run.stage(gettext_noop("Starting the training process"))
    while process.poll() is None:
        status = session.read_status(folder)
        try:
            if status and status["stage"] != stage:
                stage = status["stage"]
                run.stage(stage, status["total"])
            if status:
                run.progress(status["done"])
            run.check()
        except JobCanceled:
            (folder / session.CANCEL).touch()
            _wait(process, platform.TRAINING_CANCEL_SECONDS)
            raise
        time.sleep(POLL_SECONDS)


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)


def _tail(folder: Path, size: int = 4000) -> str:
    try:
        return (folder / LOG).read_text(errors="replace")[-size:]
    except OSError:
        return ""


def _reason(folder: Path) -> str:
    """The last line that looks like an error."""
    lines = [line.strip() for line in _tail(folder).splitlines() if line.strip()]
    named = [line for line in lines if "Error" in line and not line.startswith(("raise ", "File ", "subprocess."))]
    return (named or lines or ["it gave no reason."])[-1][:400]
