"""Diffusion-DPO on a LoRA adapter.

    one GPU, or none:    python -m reward_engine.mpo.training RUN
    several GPUs:        accelerate launch --multi_gpu --num_processes 4 -m reward_engine.mpo.training RUN
    from a program:      folder.prepare(RUN, pipeline=…, pairs=…, settings=…); loop.train(RUN, on_metrics=…)

RUN is a folder that :func:`reward_engine.mpo.training.folder.prepare` wrote. Started again after a kill, on as many
devices as there are then, it goes on from its last state to the same end: bit for bit on a CPU; on a GPU as far as
its kernels repeat themselves. The settings, each with its reason, are in settings.py; what is learned depends on the
pairs per step, not on how many of them fit on a device at once.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from reward_engine.errors import TrainingError
from reward_engine.judges.base import Canceled, Progress
from reward_engine.mpo.training import state
from reward_engine.mpo.training.curves import Curves, Metrics
from reward_engine.mpo.training.folder import open_run
from reward_engine.mpo.training.processes import Processes
from reward_engine.mpo.training.result import write_result
from reward_engine.mpo.training.session import begin


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    ``finished``: the result lies in the folder; otherwise the run was canceled and can go on from ``step``.
    """

    finished: bool
    step: int


def train(
    path: Path,
    *,
    on_metrics: Callable[[Metrics], None] | None = None,
    on_samples: Callable[[int, Path], None] | None = None,
    progress: Progress | None = None,
    canceled: Canceled | None = None,
) -> Outcome:
    """Train the run in a folder to its end, from wherever it stands.

    ``on_metrics`` hears of every step, ``on_samples`` of every grid, ``progress`` (done, total) of the encoding
    before the first step; ``canceled`` is asked at every step, and the state is saved before the call returns.

    Raises:
        TrainingError: The pipeline is gone or changed, memory does not suffice for one pair, the loss is no number.
        ArtifactError: A file of the run is damaged.
        MediaError: A picture or clip cannot be decoded.
        DataError: A picture or clip cannot be used.
    """
    run, processes = open_run(path), Processes()
    settings = run.settings
    if run.manifest.exists():
        return Outcome(True, settings.steps)

    # --- the model, what it looks at, and where it stands ---
    session = begin(run, processes)
    if not session.encode(progress, canceled):
        return Outcome(False, 0)
    named = session.policy.attach_lora(rank=settings.rank, alpha=settings.alpha, seed=settings.seed)
    weights = [parameter for _, parameter in named]
    optimizer = torch.optim.AdamW(weights, lr=settings.learning_rate, weight_decay=settings.weight_decay)
    step = 0
    if (found := state.latest(run)) is not None:
        state.restore(found, named, optimizer)
        step = found.step
    curves = Curves(run.metrics, step, on_metrics) if processes.is_main else None
    if settings.sample_every and step == 0:
        session.sample(0, on_samples)

    # --- the loop ---
    while step < settings.steps:
        began = time.perf_counter()
        rate = settings.learning_rate * min(1.0, (step + 1) / max(1, settings.warmup_steps))
        for group in optimizer.param_groups:
            group["lr"] = rate
        sums = session.accumulate_in_memory(step, optimizer.zero_grad)
        processes.add_up([weight.grad for weight in weights if weight.grad is not None])
        processes.add_up([sums])
        norm = float(torch.nn.utils.clip_grad_norm_(weights, settings.max_grad_norm))
        if not math.isfinite(norm):
            raise TrainingError(
                f"At step {step + 1} the loss is no finite number. Lower the learning rate or β, or train in fp32; "
                "the run's last state is kept.",
                code="diverged",
            )
        optimizer.step()
        optimizer.zero_grad()
        step += 1

        # --- looking on, and stopping ---
        last = step == settings.steps
        preferred = preferred_by = None
        if run.held_out and settings.evaluate_every and (last or step % settings.evaluate_every == 0):
            preferred, preferred_by = session.measure_held_out()
        stop = processes.any(canceled is not None and canceled())
        if curves is not None:
            loss, accuracy, margin, winner_error, loser_error = sums.tolist()
            curves.add(
                Metrics(
                    step=step, loss=loss, accuracy=accuracy, margin=margin,
                    winner_error=winner_error, loser_error=loser_error, gradient_norm=norm, learning_rate=rate,
                    seconds=time.perf_counter() - began, memory_bytes=processes.peak_memory(),
                    held_out_accuracy=preferred, held_out_margin=preferred_by,
                )
            )  # fmt: skip
            if last or stop or step % settings.save_every == 0:
                state.save(run, step, named, optimizer)
        if settings.sample_every and (last or step % settings.sample_every == 0):
            session.sample(step, on_samples)
        if stop and not last:
            return Outcome(False, step)

    # --- the result ---
    if curves is not None:
        write_result(run, session.policy, curves.summary())
    processes.wait()
    return Outcome(True, step)
