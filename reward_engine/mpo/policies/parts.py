"""The parts of a pipeline in memory: with every tensor that their files should have, or refused by name."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from reward_engine.errors import TrainingError
from reward_engine.mpo.policies import folder as folders


def encoders(folder: Path, dtype: Any) -> dict[str, Any]:
    """Load the parts that are models of transformers, by name.

    The library would make up tensors that are missing.

    Raises:
        TrainingError: Tensors are missing or have other shapes than the part's settings ask for.
    """
    transformers: Any = importlib.import_module("transformers")
    found = {}
    for name, value in folders.index(folder).items():
        if not isinstance(value, list) or len(value) != 2 or value[0] != "transformers":
            continue
        cls = getattr(transformers, str(value[1]), None)
        if not isinstance(cls, type) or not issubclass(cls, transformers.PreTrainedModel):
            continue
        made, info = cls.from_pretrained(  # type: ignore[attr-defined]
            str(folder / name), dtype=dtype, use_safetensors=True, local_files_only=True, output_loading_info=True,
            ignore_mismatched_sizes=True,
        )  # fmt: skip
        lacking = sorted(info["missing_keys"]) + sorted(key[0] for key in info["mismatched_keys"])
        if lacking:
            raise _not_whole(folder.name, name, lacking)
        found[name] = made
    return found


def check_loaded(pipeline: Any) -> None:
    """Check that every part was loaded whole.

    Raises:
        TrainingError: If a part was left without some of its tensors.
    """
    for name, part in pipeline.components.items():
        if hasattr(part, "named_parameters"):
            lacking = [key for key, value in part.named_parameters() if value.is_meta]
            if lacking:
                raise _not_whole("The pipeline", name, lacking)


def _not_whole(pipeline: str, part: str, lacking: list[str]) -> TrainingError:
    more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
    return TrainingError(
        f"{pipeline}: {len(lacking)} tensors of “{part}” are missing or have another shape than its settings ask for "
        f"({', '.join(lacking[:3])}{more}). Save or download the pipeline again.",
        code="damaged_pipeline",
    )
