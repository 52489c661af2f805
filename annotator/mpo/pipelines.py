"""Which pipelines and LoRAs may be named: what lies in a folder that the operator has listed, and hub ids where the
operator allows them. Pages and programs name them by their path below such a folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from annotator.core.roots import DEPTH, MOST_LISTED, Roots, folders_in, folders_where, offer, refusal

INDEX = "model_index.json"
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def pipeline_roots() -> list[Path]:
    return list(_pipelines().paths)


def lora_roots() -> list[Path]:
    """Where pipelines are, and where training leaves its adapters."""
    return list(_loras().paths)


def pipeline_source(name: str) -> Path | str:
    """The folder of a pipeline, or its hub id. Says nothing yet about whether the folder holds one.

    Raises ProblemError (with ``field``): it may not be named, or there is no such folder.
    """
    roots = _pipelines()
    folder = roots.find(name, "pipeline")
    if folder is not None and folder.is_dir():
        return folder
    if HUB_ID.fullmatch(name):
        if settings.PIPELINES_FROM_HUB:
            return name
        hint = " If you mean a hub id: the operator has not allowed downloads (PIPELINES_FROM_HUB)."
    else:
        hint = ""
    raise refusal("pipeline", f"There is no folder “{name}” in {roots}.{hint} {offer(pipelines())}")


def lora_file(name: str) -> Path | None:
    """The LoRA of this name: a safetensors file, or a folder that holds just one; None for "".

    Raises ProblemError (with ``field``): it may not be named, or there is no such file.
    """
    if not name:
        return None
    place = _loras().find(name, "lora")
    if place is None or not place.exists():
        raise refusal("lora", f"There is no file “{name}” in {_loras()}. {offer(loras())}")
    if place.is_dir():
        files = sorted(place.glob("*.safetensors"))
        if len(files) != 1:
            raise refusal("lora", f"“{name}” holds {len(files)} .safetensors files; name the one that is meant.")
        place = files[0]
    if place.suffix != ".safetensors":
        raise refusal("lora", f"“{name}” is no LoRA: a .safetensors file is needed.")
    return place


def pipelines() -> list[str]:
    """Names of the pipelines that are there."""
    return _pipelines().names(folders_where(lambda folder: (folder / INDEX).is_file()))


def loras() -> list[str]:
    """Names of the safetensors files that are there and belong to no pipeline."""
    found = set(_pipelines().names(_loose_weights))
    trained = _runs_root()  # where states and caches are safetensors too
    found |= {str(path.relative_to(trained)) for path in trained.glob("runs/*/lora/*.safetensors")}
    return sorted(found)[:MOST_LISTED]


def _pipelines() -> Roots:
    return Roots.of(settings.PIPELINE_ROOTS, "PIPELINE_ROOTS")


def _loras() -> Roots:
    return Roots((*_pipelines().paths, _runs_root()), "PIPELINE_ROOTS")


def _runs_root() -> Path:
    return Path(settings.ARTIFACT_ROOT).resolve() / "mpo"


def _loose_weights(root: Path, depth: int = DEPTH) -> Iterator[Path]:
    if (root / INDEX).is_file():
        return
    try:
        yield from (path for path in root.glob("*.safetensors") if not path.name.startswith("."))
    except OSError:
        return
    if depth > 0:
        for folder in folders_in(root):
            yield from _loose_weights(folder, depth - 1)
