"""What the loop works with: everything loaded, encoded and put in its place."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from reward_engine.errors import TrainingError
from reward_engine.judges.base import Canceled, Progress
from reward_engine.mpo.media import Size
from reward_engine.mpo.memory import ran_out, release
from reward_engine.mpo.policies import Policy, load_policy
from reward_engine.mpo.training.batches import at_positions
from reward_engine.mpo.training.cache import LatentCache
from reward_engine.mpo.training.evaluation import PairMeasure, measure_pairs
from reward_engine.mpo.training.folder import RunFolder, check_same_pipeline
from reward_engine.mpo.training.objective import pair_loss
from reward_engine.mpo.training.processes import Processes
from reward_engine.mpo.training.samples import sample_grid
from reward_engine.mpo.training.settings import Settings

log = logging.getLogger(__name__)


@dataclass
class Session:
    """A run in memory, on this process's device."""

    run: RunFolder
    processes: Processes
    policy: Policy
    size: Size
    cache: LatentCache
    autocast: torch.dtype | None
    batch_size: int = field(init=False)

    def __post_init__(self) -> None:
        settings = self.run.settings
        self.batch_size = settings.batch_size
        if settings.pairs_per_step < self.processes.count:
            raise TrainingError(
                f"{settings.pairs_per_step} pairs per step cannot be shared by {self.processes.count} processes.",
                code="settings",
            )

    def encode(self, progress: Progress | None, canceled: Canceled | None) -> bool:
        """Fill the cache, each process its share; False where it was canceled. Then the encoders give way."""
        share = slice(self.processes.index, None, self.processes.count)
        media = sorted({path for pair in self.run.pairs for path in (pair.winner, pair.loser)})
        prompts = sorted({pair.prompt for pair in self.run.pairs})
        done = self.cache.fill(
            self.policy, media[share], prompts[share], batch_size=8, progress=progress, canceled=canceled
        )
        self.policy.move_encoders("cpu")
        return not self.processes.any(not done)

    def accumulate(self, step: int) -> Tensor:
        """Add up the gradients of this process's pairs of a step.

        Returns their (loss, accuracy, margin, errors), float64 [5]. Gradients and figures are already divided by the
        pairs of the whole step: added up over processes, they are its means.
        """
        per_step = self.run.settings.pairs_per_step
        share = range(step * per_step, (step + 1) * per_step)[self.processes.index :: self.processes.count]
        sums = torch.zeros(5, dtype=torch.float64, device=self.processes.device)
        for start in range(0, len(share), self.batch_size):
            positions = share[start : start + self.batch_size]
            batch = at_positions(
                positions, self.run.training, self.cache, len(self.policy.process), self.run.settings.seed
            )
            batch = batch.to(self.processes.device)
            found = pair_loss(self.policy, batch, beta=self.run.settings.beta, autocast=self.autocast)
            weight = len(batch) / per_step
            (found.loss * weight).backward()  # type: ignore[no-untyped-call]
            watched = (found.loss.detach(), found.accuracy, found.margin, found.winner_error, found.loser_error)
            sums += torch.stack([value.double() for value in watched]) * weight
        return sums

    def accumulate_in_memory(self, step: int, clear: Callable[[], None]) -> Tensor:
        """Add up gradients, in smaller pieces where memory runs out.

        Then ``clear`` takes the gradients away, and pieces half as large are tried.

        Raises:
            TrainingError: One pair alone does not fit, or there are several processes, which must stay in step.
        """
        while True:
            try:
                return self.accumulate(step)
            except (RuntimeError, MemoryError) as error:
                if not ran_out(error):
                    raise
                if self.batch_size == 1 or self.processes.count > 1:
                    raise TrainingError(
                        f"{self.batch_size} pairs at once do not fit into memory. Set a smaller batch_size (what is "
                        "learned stays the same), a smaller size, or gradient_checkpointing.",
                        code="memory",
                    ) from error
            # Outside the handler, whose traceback keeps the tensors alive.
            clear()
            release()
            self.batch_size = self.batch_size // 2
            log.warning("memory ran out: %d pairs at once from here", self.batch_size)

    def measure_held_out(self) -> tuple[float, float]:
        """Measure accuracy and margin of the policy on the held-out pairs."""
        settings = self.run.settings
        share = (self.processes.index, self.processes.count)
        found = measure_pairs(
            self.policy, self.run.held_out, self.cache, beta=settings.beta, draws=settings.evaluation_draws,
            seed=settings.seed, batch_size=self.batch_size, autocast=self.autocast, share=share,
        )  # fmt: skip
        margins = torch.from_numpy(found.margins).to(self.processes.device)
        self.processes.add_up([margins])
        measure = PairMeasure(margins.cpu().numpy())
        return measure.accuracy, measure.margin

    def sample(self, step: int, listener: Callable[[int, Path], None] | None) -> None:
        """Write the grid of this step, unless it is there."""
        path = self.run.samples / f"step-{step:08d}.png"
        if self.processes.is_main and not path.exists():
            pairs = self.run.held_out or self.run.training
            prompts = list(dict.fromkeys(pair.prompt for pair in pairs))[: self.run.settings.sample_prompts]
            self.policy.move_encoders(self.processes.device)
            sample_grid(self.policy, prompts, self.run.settings, self.size, path)
            self.policy.move_encoders("cpu")
            if listener is not None:
                listener(step, path)
        self.processes.wait()


def begin(run: RunFolder, processes: Processes) -> Session:
    """Load the pipeline, which must be the one the run was prepared with."""
    settings = run.settings
    source = check_same_pipeline(run)
    autocast = torch.bfloat16 if settings.precision == "bf16" else None
    policy = load_policy(source, dtype=autocast or torch.float32, device=processes.device, lora=run.lora)
    if settings.gradient_checkpointing:
        policy.denoiser.enable_gradient_checkpointing()
    size = size_of(policy.native_size, settings)
    return Session(run, processes, policy, size, LatentCache(run.cache, run.pipeline_fingerprint, size), autocast)


def size_of(native: Size, settings: Settings) -> Size:
    """The settings' size, where one is set, or the pipeline's own."""
    frames = native.frames and (settings.frames or native.frames)
    return Size(settings.width or native.width, settings.height or native.height, frames)
