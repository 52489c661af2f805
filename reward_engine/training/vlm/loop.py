"""Fine-tune a vision-language judge on judgments with LoRA.

One GPU:    reward-engine train judgments.jsonl --model FOLDER --out ADAPTER
Many:       accelerate launch --multi_gpu -m reward_engine train judgments.jsonl --model FOLDER --out ADAPTER

A pass takes whole items: media and prompt once, behind them the questions drawn for this epoch, under the same block
mask as in judging. The loss is −log P(the answer people gave), averaged over the questions drawn. Rare answers are
drawn more often than they occur; the adapter carries what undoes this in P(yes). Killed and started again, it goes on
from its last checkpoint with the same losses.
"""

from __future__ import annotations

import importlib
import json
import math
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from reward_engine.checklist import Checklist
from reward_engine.errors import ArtifactError, RewardEngineError, TrainingError
from reward_engine.judges.base import Canceled, MediaInput, Progress
from reward_engine.judges.vlm import VLMJudge, VLMOptions, adapter
from reward_engine.judges.vlm.batching import out_of_memory
from reward_engine.judges.vlm.inputs import Encoded
from reward_engine.media import decode_ahead
from reward_engine.storage import sha256
from reward_engine.training.measure import Baseline, measure
from reward_engine.training.vlm import checkpoint
from reward_engine.training.vlm.data import Data, Order, prepare
from reward_engine.training.vlm.log import Log
from reward_engine.training.vlm.model import PackedAnswers
from reward_engine.training.vlm.settings import TrainSettings


@dataclass(frozen=True)
class VLMTrainResult:
    """``folder``: the adapter, to be opened with :meth:`VLMJudge.load`. ``metrics``: on held-out prompts.

    Both are empty on all but the first process of several.

    ``losses``: (step, training loss) as logged; ``errors``: items that could not be used, and why.
    ``held_out``: keys of the h held-out items that could be read; ``p_yes`` float32 [h, q]: what the best weights say
    of them; ``seconds_per_item``: how long that took. Only the first of several processes has these and metrics.
    """

    folder: Path
    metrics: dict[str, Any]
    losses: list[tuple[int, float]]
    errors: dict[str, str] = field(default_factory=dict)
    held_out: tuple[str, ...] = ()
    p_yes: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))
    seconds_per_item: float | None = None


def train_vlm(
    source: str | Path,
    checklist: Checklist,
    items: Sequence[MediaInput],
    levels: ArrayLike,
    groups: ArrayLike,
    *,
    out: str | Path,
    settings: TrainSettings | None = None,
    options: VLMOptions | None = None,
    snapshot: str = "",
    start: str | Path | None = None,
    progress: Progress | None = None,
    canceled: Canceled | None = None,
    reading: Callable[[str], None] | None = None,
) -> VLMTrainResult:
    """Learn from ``levels`` int8 [n, s] of ``items``.

    ``progress(done, total)`` counts steps; ``reading(key)`` names each item as it is read.

    Args:
        groups: [n], their prompts.
        out: The new adapter's folder; checkpoints, log.jsonl and TensorBoard events go into ``out`` + ".training".
        start: An adapter of the same model and checklist to go on from; rank, alpha and targets are then its own.

    Raises:
        TrainingError: In words (code ``canceled`` where ``canceled()`` said so in any process; what is done is kept).
        ArtifactError: If a checkpoint there belongs to another run, or ``start`` to another model or checklist.
    """
    settings, out = settings or TrainSettings(), Path(out)
    if out.exists():
        raise TrainingError(f"{out.name}: there is something already; choose a new folder.", code="exists")
    data, errors = prepare(checklist, items, levels, groups, settings.validation_share, settings.seed)
    first = None if start is None else adapter.read(Path(start), checklist)
    options = adapter.in_the_same_words(options or VLMOptions(), settings.wording, first)
    judge = VLMJudge.load(source, checklist=checklist, options=options)
    if first is not None and first.base_digest != judge.digest:
        raise ArtifactError(
            f"{first.name}: it was trained on another model than the one at {source}. Start from scratch, or choose "
            "the model that it belongs to.",
            code="base",
        )
    try:
        return _trained(
            _Run(judge, data, settings, out.with_name(f"{out.name}.training"), first, reading),
            out,
            snapshot,
            errors,
            progress,
            canceled,
        )
    finally:
        _forget()


def _trained(
    run: _Run,
    out: Path,
    snapshot: str,
    errors: dict[str, str],
    progress: Progress | None,
    canceled: Canceled | None,
) -> VLMTrainResult:
    judge, settings = run.judge, run.settings
    losses = run.train(progress, canceled)
    metrics: dict[str, Any] = {}
    held_out: tuple[str, ...] = ()
    p_yes, seconds = np.zeros((0, len(judge.checklist.questions)), dtype=np.float32), None
    if run.accelerator.is_main_process:
        began = time.perf_counter()
        rows, p_yes = run.said_of_held_out()
        seconds = (time.perf_counter() - began) / len(rows)
        held_out = tuple(run.data.items[row].key for row in rows)
        metrics = run.measured(rows, p_yes)
        config, _ = run.model.adapter()
        adapter.write(
            out,
            checklist=judge.checklist,
            base=judge.source,
            base_digest=judge.digest,
            revision=judge.revision,
            wording=judge.options.wording,
            config=config,
            weights=run.state.best_weights,
            offsets=run.order.offsets,
            record={
                "snapshot": snapshot,
                "seed": settings.seed,
                "settings": settings.plain(),
                "metrics": metrics,
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
                "libraries": {"python": platform.python_version()}
                | {name: metadata.version(name) for name in ("torch", "transformers", "peft", "accelerate")},
            },
        )
    run.accelerator.wait_for_everyone()
    return VLMTrainResult(out, metrics, losses, errors | run.errors, held_out, p_yes, seconds)


class _Run:
    """What the loop shares: model, optimizer, data, and where it stands."""

    def __init__(
        self,
        judge: VLMJudge,
        data: Data,
        settings: TrainSettings,
        work: Path,
        start: adapter.Adapter | None = None,
        reading: Callable[[str], None] | None = None,
    ) -> None:
        accelerate: Any = importlib.import_module("accelerate")
        self.judge, self.data, self.settings, self.work, self.reading = judge, data, settings, work, reading
        self.errors: dict[str, str] = {}
        self.spare: Sequence[tuple[Encoded, Tensor]] = ()
        self.accelerator = accelerate.Accelerator(
            mixed_precision=settings.mixed_precision,
            cpu=judge.backbone.device.type == "cpu",
            # Some towers leave their last layers unused, and a process must not wait for their gradients.
            kwargs_handlers=[
                accelerate.DistributedDataParallelKwargs(find_unused_parameters=settings.targets == "all")
            ],
        )
        self.model = PackedAnswers(judge.backbone, settings, start)
        self.order = Order(data, settings.seed, settings.balance, settings.least)
        self.texts = [question.text for question in judge.checklist.questions]
        raw = torch.optim.AdamW(
            [weight for _, weight in self.model.learned], lr=settings.learning_rate, weight_decay=0.0
        )
        said = json.dumps([settings.plain(), data.digest, judge.version, *([start.digest] if start else [])])
        digest = sha256(said.encode())
        state = checkpoint.restore(work, digest, self.model.learned, raw)
        self.state = state or checkpoint.State(digest)
        self.wrapped, self.optimizer = self.accelerator.prepare(self.model, raw)
        self.raw = raw
        per_step = settings.batch_size * settings.accumulate * self.accelerator.num_processes
        self.per_step = min(per_step, len(data.train))
        # Each process does as many passes as the others, or they would wait for each other for ever.
        self.each = max(1, self.per_step // self.accelerator.num_processes)
        self.accelerator.gradient_accumulation_steps = math.ceil(self.each / settings.batch_size)
        self.steps_an_epoch = max(1, len(data.train) // self.per_step)
        self.steps = max(1, round(settings.epochs * self.steps_an_epoch))
        if settings.max_steps is not None:
            self.steps = min(self.steps, settings.max_steps)

    def train(self, progress: Progress | None, canceled: Canceled | None) -> list[tuple[int, float]]:
        log = Log(self.work, self.state.step, enabled=self.accelerator.is_main_process)
        try:
            while not self.finished:
                step = self.state.step
                if canceled is not None and self._agreed(canceled()):
                    self._save()
                    raise TrainingError("The training was canceled.", code="canceled")
                loss = self._step(step)
                self.state.step = step + 1
                log.write(step + 1, "train/loss", loss)
                if (step + 1) % self.settings.evaluate_every == 0 or step + 1 == self.steps:
                    self._evaluate(step + 1, log)
                if (step + 1) % self.settings.checkpoint_every == 0:
                    self._save()
                if progress is not None:
                    progress(step + 1, self.steps)
        finally:
            log.close()
        self._save()
        if progress is not None:
            progress(self.steps, self.steps)
        return log.losses

    def _agreed(self, stop: bool) -> bool:
        """Whether any process is to stop: all must do so at the same step, or they would wait for each other."""
        if self.accelerator.num_processes == 1:
            return stop
        flag = torch.tensor([float(stop)], device=self.accelerator.device)
        return bool(self.accelerator.reduce(flag, reduction="sum").item())

    def _step(self, step: int) -> float:
        """One change of the weights; returns the mean loss over its passes."""
        self.model.train()
        for group in self.raw.param_groups:
            group["lr"] = self.settings.learning_rate * rate(step, self.steps, self.settings.warmup)
        losses = []
        for number, batch in enumerate(self._batches(step)):
            seeds = np.random.SeedSequence([self.settings.seed, step, number, self.accelerator.process_index])
            torch.manual_seed(int(seeds.generate_state(1)[0]))
            with self.accelerator.accumulate(self.wrapped):
                loss = self._loss(batch)
                if not math.isfinite(loss.item()):
                    raise TrainingError(
                        f"Step {step + 1}: the loss is {loss.item()}. Lower the learning rate, or use bf16 "
                        "instead of fp16; it goes on from the last checkpoint.",
                        code="diverged",
                    )
                self.accelerator.backward(loss)
                if self.accelerator.sync_gradients:
                    self.accelerator.clip_grad_norm_([weight for _, weight in self.model.learned], self.settings.clip)
                self.optimizer.step()
                self.optimizer.zero_grad()
            losses.append(loss.detach())
        mean: Tensor = self.accelerator.reduce(torch.stack(losses).mean(), reduction="mean")
        return float(mean)

    def _loss(self, batch: Sequence[tuple[Encoded, Tensor]]) -> Tensor:
        """−log P(answer), averaged over all answers of the batch."""
        if not batch:  # no item of it could be read, but other processes wait for gradients all the same
            if not self.spare:
                raise TrainingError("No item at the beginning of the data can be read.", code="items")
            return self._loss(self.spare) * 0.0
        self.spare = batch
        try:
            odds = self.wrapped([item for item, _ in batch])
        except RuntimeError as error:
            if out_of_memory(error):
                raise TrainingError(
                    f"Memory ran out at {batch[0][0].key} ({batch[0][0].tokens:,} tokens). Take a smaller batch_size, "
                    "gradient checkpointing, fewer or smaller frames, or 4-bit weights.",
                    code="memory",
                ) from error
            raise
        asked = torch.cat([odds[row, : len(targets)] for row, (_, targets) in enumerate(batch)])
        return binary_cross_entropy_with_logits(asked, torch.cat([targets for _, targets in batch]).to(asked.device))

    def _batches(self, step: int) -> Iterator[list[tuple[Encoded, Tensor]]]:
        """The passes of this process in this step: items with the answers drawn for this epoch."""
        epoch, place = divmod(step, self.steps_an_epoch)
        rows = self.order.epoch(epoch)[place * self.per_step : (place + 1) * self.per_step]
        mine = rows[self.accelerator.process_index :: self.accelerator.num_processes]
        size = self.settings.batch_size
        passes = [mine[start : start + size] for start in range(0, self.each, size)]
        encoded = self._encoded([int(row) for part in passes for row in part], epoch)
        for part in passes:
            yield [found for found in (next(encoded) for _ in part) if found is not None]

    def _encoded(self, rows: Sequence[int], epoch: int | None) -> Iterator[tuple[Encoded, Tensor] | None]:
        """Items with the questions of this epoch (None: all that apply) and 1 or 0 for each; None where one fails."""

        def encode(row: int) -> tuple[Encoded, Tensor]:
            asked = np.flatnonzero(self.data.answers[row]) if epoch is None else self.order.questions(row, epoch)
            full = self._whole(row)
            chosen = replace(full, questions=tuple(full.questions[int(question)] for question in asked))
            return chosen, torch.tensor(self.data.answers[row][asked] > 0, dtype=torch.float32)

        for row, found in decode_ahead(rows, encode, workers=2, ahead=4):
            yield None if self._failed(row, found) else found  # type: ignore[misc]

    def _failed(self, row: int, found: object) -> bool:
        """Note why an item cannot be used; what is not about the item is raised."""
        if isinstance(found, RewardEngineError):
            self.errors[self.data.items[row].key] = found.message
        elif isinstance(found, Exception):
            raise found
        return isinstance(found, RewardEngineError)

    def _whole(self, row: int) -> Encoded:
        if self.reading is not None:
            self.reading(self.data.items[row].key)
        return self.judge.encoder.encode(self.data.items[row], self.texts)

    @torch.no_grad()
    def _evaluate(self, step: int, log: Log) -> None:
        """Look at held-out items, and remember the best weights.

        Each answer counts by the probability with which it would be drawn in training. Otherwise a model trained on
        balanced answers would be measured on unbalanced ones: its loss would rise while it learns to tell items apart.
        """
        self.model.eval()
        rows = self.data.test[: self.settings.evaluate_items]
        mine = rows[self.accelerator.process_index :: self.accelerator.num_processes]
        sums = torch.zeros(3)  # loss, right, answers, by weight
        for row, found in zip(mine, self._encoded([int(row) for row in mine], None), strict=True):
            if found is not None:
                item, targets = found
                odds = self.model([item])[0].float().cpu()
                weights = torch.from_numpy(self.order.weights(int(row)))
                lost = binary_cross_entropy_with_logits(odds, targets, weights, reduction="sum")
                right = (((odds > 0) == (targets > 0)) * weights).sum()
                sums += torch.tensor([float(lost), float(right), float(weights.sum())])
        lost_all, all_right, count = self.accelerator.reduce(sums.to(self.accelerator.device), reduction="sum").tolist()
        if not count:
            raise TrainingError("None of the held-out items can be read.", code="too_few")
        loss = lost_all / count
        log.write(step, "validation/loss", loss)
        log.write(step, "validation/accuracy", all_right / count)
        if self.state.best is None or loss < self.state.best:
            self.state.best, self.state.waited = loss, 0
            self.state.best_weights = self.model.adapter()[1]
        else:
            self.state.waited += 1

    @property
    def finished(self) -> bool:
        return self.state.waited >= self.settings.patience or self.state.step >= self.steps

    def _save(self) -> None:
        if self.accelerator.is_main_process:
            checkpoint.save(self.work, self.model.learned, self.raw, self.state)
        self.accelerator.wait_for_everyone()

    @torch.no_grad()
    def said_of_held_out(self) -> tuple[list[int], NDArray[np.float32]]:
        """(rows, P(yes) [h, q]): what the best weights say of all held-out items that can be read.

        Raises:
            TrainingError: If none can be read.
        """
        peft: Any = importlib.import_module("peft")
        peft.set_peft_model_state_dict(self.model.adapted, self.state.best_weights)
        self.model.eval()
        rows, p_yes = [], []
        for row, found in decode_ahead([int(row) for row in self.data.test], self._whole, workers=2, ahead=4):
            if not self._failed(row, found):
                rows.append(row)
                p_yes.append(
                    adapter.shifted(torch.sigmoid(self.model([found])[0].double()).cpu().numpy(), self.order.offsets)
                )
        if not rows:
            raise TrainingError("None of the held-out items can be read.", code="too_few")
        return rows, np.stack(p_yes).astype(np.float32)

    def measured(self, rows: Sequence[int], p_yes: NDArray[np.float32]) -> dict[str, Any]:
        """Metrics of these predictions [h, q], beside the majority baseline of the training items."""
        checklist, levels, train = self.judge.checklist, self.data.levels, self.data.train
        baseline = Baseline.empty(checklist, len(rows))
        baseline.learn(checklist, levels[train], np.ones(len(train)), np.ones(len(rows), dtype=bool))
        prompts = np.array([self.data.items[row].prompt for row in rows])
        return {
            "validation": {"split": "by prompt", "items": len(rows), "loss": self.state.best},
            "training": {"items": len(train), "steps": self.state.step},
            **measure(checklist, p_yes, levels[rows], baseline, prompts),
        }


def _forget() -> None:
    """The library keeps device and precision for the life of the process; the next training may want others."""
    state: Any = importlib.import_module("accelerate.state")
    alone = state.PartialState._shared_state.get("num_processes", 1) == 1
    state.AcceleratorState._reset_state(reset_partial_state=alone)


def rate(step: int, steps: int, warmup: float) -> float:
    """Compute the share of the learning rate at a step.

    It rises during the warm-up, then falls along a cosine to a twentieth.
    """
    rising = max(1, round(warmup * steps))
    if step < rising:
        return (step + 1) / rising
    along = (step - rising) / max(1, steps - rising)
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * along))
