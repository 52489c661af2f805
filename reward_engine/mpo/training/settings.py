"""What a run can be told, with the reason for each default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from reward_engine.errors import TrainingError


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a generator is trained."""

    # --- how long, how much ---
    steps: int = 2000  # optimizer steps; published LoRA runs of Diffusion-DPO take 1,000 to 10,000
    pairs_per_step: int = 64  # pairs behind one step, over all devices: what is learned does not depend on the machine
    batch_size: int = 4  # pairs a device holds at once: only speed and memory depend on it; halved when memory runs out

    # --- the objective ---
    beta: float = 5000.0  # how closely the policy is held to the reference; published: 2,000 (SD 1.5) to 5,000 (SDXL)
    learning_rate: float = 1e-5  # of published LoRA runs; 1e-4 learns a small taste in some hundred steps
    warmup_steps: int = 50  # Adam's first steps rest on few gradients
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0  # a pair the policy gets very wrong must not throw it off

    # --- the adapter ---
    rank: int = 16  # rank 8 to 64 is common; the file is about rank/16 · 25 MB for an XL-size UNet
    alpha: int = 16  # the adapter's strength is alpha/rank

    # --- the machine ---
    precision: Literal["bf16", "fp32"] = "bf16"  # weights and passes; adapter, loss and optimizer are always float32
    gradient_checkpointing: bool = True  # a third more time, a fraction of the memory

    # --- the media: 0 is what the pipeline makes by itself ---
    width: int = 0
    height: int = 0
    frames: int = 0

    # --- looking on ---
    save_every: int = 100  # steps between states to resume from
    evaluate_every: int = 100  # steps between measurements on held-out pairs
    evaluation_draws: int = 4  # noise levels each held-out pair is measured at, the same ones every time
    sample_every: int = 200  # steps between sample grids; 0: none
    sample_prompts: int = 4  # rows of a grid
    sample_seeds: int = 4  # columns of a grid
    sampling_steps: int = 30
    guidance_scale: float = 5.0

    seed: int = 0  # of order, noise and the adapter's start

    def __post_init__(self) -> None:
        for name in ("steps", "pairs_per_step", "batch_size", "rank", "alpha", "save_every", "sampling_steps"):
            self._require(name, getattr(self, name) >= 1, "at least 1")
        for name in ("warmup_steps", "weight_decay", "width", "height", "frames", "sample_every", "evaluate_every"):
            self._require(name, getattr(self, name) >= 0, "at least 0")
        for name in ("beta", "learning_rate", "max_grad_norm", "evaluation_draws"):
            self._require(name, getattr(self, name) > 0, "above 0")
        self._require("precision", self.precision in ("bf16", "fp32"), "bf16 or fp32")

    def _require(self, name: str, holds: bool, what: str) -> None:
        if not holds:
            raise TrainingError(f"“{name}” must be {what}, not {getattr(self, name)!r}.", code="settings")

    @classmethod
    def for_family(cls, pipeline_class: str, **changes: Any) -> Settings:
        """Take the defaults of a family of pipelines, with changes.

        The family goes by the class name in its ``model_index.json``.
        """
        return cls.from_dict({**FAMILY_DEFAULTS.get(pipeline_class, {}), **changes})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Settings:
        """Read settings from plain data.

        Raises:
            TrainingError: For a name that is no setting or a value of the wrong kind.
        """
        kinds: dict[str, type] = {field.name: type(field.default) for field in fields(cls)}
        checked: dict[str, Any] = {}
        for name, value in values.items():
            if name not in kinds:
                raise TrainingError(
                    f"There is no setting “{name}”. The settings are {', '.join(kinds)}.", code="settings"
                )
            kind = kinds[name]
            if kind is float and isinstance(value, int) and not isinstance(value, bool):
                value = float(value)
            if type(value) is not kind:
                raise TrainingError(f"“{name}” must be a {kind.__name__}, not {value!r}.", code="settings")
            checked[name] = value
        return cls(**checked)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


FAMILY_DEFAULTS: dict[str, dict[str, Any]] = {
    # β of the two UNets is the paper's. For the others nothing is settled: a velocity's error is larger than a
    # noise's, so the same taste needs a smaller β. Watch the margin: it should grow to some units, not to hundreds.
    "StableDiffusionPipeline": {"beta": 2000.0, "batch_size": 8, "guidance_scale": 7.5},
    "StableDiffusionXLPipeline": {"beta": 5000.0, "batch_size": 2},
    "StableDiffusion3Pipeline": {"beta": 2000.0, "batch_size": 2, "learning_rate": 3e-5, "sampling_steps": 28},
    "FluxPipeline": {
        "beta": 1000.0, "batch_size": 1, "learning_rate": 3e-5, "sampling_steps": 28, "guidance_scale": 3.5,
    },
    "CogVideoXPipeline": {
        "beta": 2000.0, "batch_size": 1, "pairs_per_step": 32, "steps": 1000, "sampling_steps": 50,
        "guidance_scale": 6.0, "sample_prompts": 2, "sample_seeds": 2, "sample_every": 500,
    },
}  # fmt: skip
