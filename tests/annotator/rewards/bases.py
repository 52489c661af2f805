"""Folders of base models, and a check that says what a test wants it to say."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

REPORT = {
    "family": "qwen2_vl",
    "tested": True,
    "model_class": "Qwen2VLForConditionalGeneration",
    "media_type": "image",
    "parameters": 2_209_000_000,
    "dtype": "bfloat16",
    "device": "cuda",
    "weights_bytes": 4_418_000_000,
    "memory_bytes": 6_200_000_000,
    "way": "packed",
    "way_reason": "",
    "ways": ["packed", "cached", "loop"],
    "probe_items": 2,
    "probe_questions": 12,
    "largest_difference": 7.2e-7,
    "tokens": 214,
    "context": 32768,
    "digest": "ab12" * 16,
    "revision": None,
}


def make_folder(root: Path, name: str = "qwen2-vl-2b") -> Path:
    """A folder that looks like a model from outside; the weights are never opened here."""
    folder = root / name
    folder.mkdir(parents=True)
    for file in ("config.json", "preprocessor_config.json"):
        (folder / file).write_text("{}")
    (folder / "model.safetensors").touch()
    return folder


@dataclass
class Inspection:
    """Stands for ``reward_engine.judges.vlm.inspection``: notes what was ``asked`` and gives ``report`` or raises."""

    report: dict[str, Any] = field(default_factory=lambda: dict(REPORT))
    error: Exception | None = None
    before: Callable[[], Any] = lambda: None
    asked: list[Any] = field(default_factory=list)

    def inspect_base(self, source: str | Path, **options: Any) -> Any:
        self.asked.append((source, options))
        self.before()
        if self.error is not None:
            raise self.error
        return types.SimpleNamespace(to_json=lambda: {"source": str(source), **self.report})


def stand_in(monkeypatch: pytest.MonkeyPatch) -> Inspection:
    """Put an Inspection in the place of the engine's."""
    name = "reward_engine.judges.vlm.inspection"
    inspection, module = Inspection(), types.ModuleType(name)
    module.inspect_base = inspection.inspect_base  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, name, module)
    return inspection
