"""A tiny vision-language model that is registered, and a quick training on it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from annotator.rewards.models import BaseModel
from tests.tiny_vlm import QUICK, build_tiny, registered


@pytest.fixture(scope="session")
def vlm_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder below which one model lies, built once a session."""
    root = tmp_path_factory.mktemp("vlms")
    build_tiny(root)
    return root


@pytest.fixture
def base(db: None, vlm_folder: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> BaseModel:
    """The registered model, checked and ready."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    settings.VLM_ROOTS = [vlm_folder]
    return registered()


@pytest.fixture
def quick(base: BaseModel) -> Callable[..., dict[str, Any]]:
    """``quick(max_steps=9)``: settings of a training of a few steps."""

    def settings(**changes: Any) -> dict[str, Any]:
        return {"base": base.pk, **QUICK, **changes}

    return settings
