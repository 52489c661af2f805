"""Settings of a fine-tuning run: plain names, and a reason beside each."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from reward_engine.errors import TrainingError


@dataclass(frozen=True)
class TrainSettings:
    """Settings of a training.

    The defaults suit a model of some billions of weights on one GPU and thousands of items.
    """

    # What is learned
    rank: int = 16  # of the LoRA matrices; more can learn more and forgets more
    alpha: float = 32.0  # the adapter's output is scaled by alpha / rank
    dropout: float = 0.05
    targets: Literal["language", "all"] = "language"  # "all": the vision tower too, where media look unlike photographs

    wording: Literal["auto", "platform", "published"] = (
        "auto"  # "published": the bare question; auto: as the options say
    )

    # How
    learning_rate: float = 2e-4
    warmup: float = 0.05  # share of the steps in which the rate rises; afterwards it falls along a cosine
    epochs: float = 2.0
    max_steps: int | None = None  # stop earlier; a step is one change of the weights
    batch_size: int = 1  # items a pass and GPU; all their questions come along
    accumulate: int = 8  # passes a step
    clip: float = 1.0  # longest gradient
    mixed_precision: Literal["no", "bf16", "fp16"] = "no"
    gradient_checkpointing: bool = False  # half the speed, a fraction of the memory
    seed: int = 0

    # Balance: an answer that is rare must not be drowned
    balance: bool = True  # of each question, draw frequent answers only as often as rare ones …
    least: float = 0.1  # … but never with a lower probability than this

    # When to look and when to stop
    validation_share: float = 0.15  # of the items, by whole prompts
    evaluate_every: int = 50  # steps
    evaluate_items: int = 64  # so many held-out items then; all of them at the end
    patience: int = 4  # evaluations without a better loss until it stops
    checkpoint_every: int = 50  # steps

    def __post_init__(self) -> None:
        for name in (
            "rank",
            "batch_size",
            "accumulate",
            "evaluate_every",
            "evaluate_items",
            "patience",
            "checkpoint_every",
        ):
            if getattr(self, name) < 1:
                raise TrainingError(f"{name} must be at least 1; it is {getattr(self, name)}.", code="settings")
        for name in ("alpha", "learning_rate", "epochs", "clip"):
            if not getattr(self, name) > 0:
                raise TrainingError(f"{name} must be larger than 0; it is {getattr(self, name)}.", code="settings")
        for name in ("warmup", "dropout", "validation_share", "least"):
            if not 0 <= getattr(self, name) < 1:
                raise TrainingError(f"{name} must lie between 0 and 1; it is {getattr(self, name)}.", code="settings")
        if self.mixed_precision not in ("no", "bf16", "fp16") or self.targets not in ("language", "all"):
            raise TrainingError("mixed_precision is no, bf16 or fp16; targets is language or all.", code="settings")

        if self.wording not in ("auto", "platform", "published"):
            raise TrainingError(f"“{self.wording}” is no wording; choose auto, platform or published.", code="settings")

    def plain(self) -> dict[str, Any]:
        """List what enters a checkpoint's identity and the manifest.

        The wording is named there by itself.
        """
        return {name: value for name, value in asdict(self).items() if name != "wording"}
