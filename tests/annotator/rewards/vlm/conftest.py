"""A tiny vision-language model that is registered, and a quick training on it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from annotator.rewards.models import BaseModel, BaseModelState
from benchmarks.models import Size, build

QUICK = {
    "rank": 4, "learning_rate": 3e-3, "epochs": 100, "max_steps": 6, "batch_size": 4, "accumulate": 1,
    "targets": "all", "dropout": 0.0, "evaluate_every": 3, "checkpoint_every": 2, "validation_share": 0.3,
}  # fmt: skip


@pytest.fixture(scope="session")
def vlm_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder below which one model lies, built once a session."""
    root = tmp_path_factory.mktemp("vlms")
    build("llava", root / "tiny-llava", Size(spread=0.25))
    return root


@pytest.fixture
def base(db: None, vlm_folder: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> BaseModel:
    """The registered model, checked and ready."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    settings.VLM_ROOTS = [vlm_folder]
    return BaseModel.objects.create(
        name="tiny-llava", state=BaseModelState.READY,
        report={"parameters": 300_000, "way": "packed", "dtype": "float32"}, digest="d",
    )  # fmt: skip


@pytest.fixture
def quick(base: BaseModel) -> Callable[..., dict[str, Any]]:
    """``quick(max_steps=9)``: settings of a training of a few steps."""

    def settings(**changes: Any) -> dict[str, Any]:
        return {"base": base.pk, **QUICK, **changes}

    return settings
