"""A tiny vision-language model, and the settings of a quick training on it."""

from pathlib import Path

from annotator.rewards.models import BaseModel, BaseModelState
from benchmarks.models import Size, build

NAME = "tiny-llava"
QUICK = {
    "rank": 4, "learning_rate": 3e-3, "epochs": 100, "max_steps": 6, "batch_size": 4, "accumulate": 1,
    "targets": "all", "dropout": 0.0, "evaluate_every": 3, "checkpoint_every": 2, "validation_share": 0.3,
}  # fmt: skip


def build_tiny(root: Path) -> Path:
    """The model's folder below ``root``, which ``VLM_ROOTS`` is to name. Its weights are random."""
    return build("llava", root / NAME, Size(spread=0.25))


def registered() -> BaseModel:
    """The model as a check would leave it, without the check."""
    return BaseModel.objects.create(
        name=NAME, state=BaseModelState.READY,
        report={"parameters": 300_000, "way": "packed", "dtype": "float32"}, digest="d",
    )  # fmt: skip
