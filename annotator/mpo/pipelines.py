"""Which pipelines and LoRAs may be named: what lies in a folder that the operator has listed, and hub ids where the
operator allows them. Pages and programs name them by their path below such a folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from django.conf import settings

from annotator.core.errors import ProblemError

INDEX = "model_index.json"
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
DEPTH = 3  # folders below a root that are looked through for a list of what is there
MOST_LISTED = 200


def pipeline_roots() -> list[Path]:
    return [Path(root).resolve() for root in settings.PIPELINE_ROOTS]


def lora_roots() -> list[Path]:
    """Where pipelines are, and where training leaves its adapters."""
    return [*pipeline_roots(), _runs_root()]


def pipeline_source(name: str) -> Path | str:
    """The folder of a pipeline, or its hub id. Says nothing yet about whether the folder holds one.

    Raises ProblemError (with ``field``): it may not be named, or there is no such folder.
    """
    folder = _below(pipeline_roots(), name, "pipeline")
    if folder is not None and folder.is_dir():
        return folder
    if HUB_ID.fullmatch(name):
        if settings.PIPELINES_FROM_HUB:
            return name
        hint = " If you mean a hub id: the operator has not allowed downloads (PIPELINES_FROM_HUB)."
    else:
        hint = ""
    raise _problem(
        "pipeline", f"There is no folder “{name}” in {_places(pipeline_roots())}.{hint} {_offer(pipelines())}"
    )


def lora_file(name: str) -> Path | None:
    """The LoRA of this name: a safetensors file, or a folder that holds just one; None for "".

    Raises ProblemError (with ``field``): it may not be named, or there is no such file.
    """
    if not name:
        return None
    place = _below(lora_roots(), name, "lora")
    if place is None or not place.exists():
        raise _problem("lora", f"There is no file “{name}” in {_places(lora_roots())}. {_offer(loras())}")
    if place.is_dir():
        files = sorted(place.glob("*.safetensors"))
        if len(files) != 1:
            raise _problem("lora", f"“{name}” holds {len(files)} .safetensors files; name the one that is meant.")
        place = files[0]
    if place.suffix != ".safetensors":
        raise _problem("lora", f"“{name}” is no LoRA: a .safetensors file is needed.")
    return place


def pipelines() -> list[str]:
    """Names of the pipelines that are there."""
    roots = pipeline_roots()
    found = {
        str(path.relative_to(root)) for root in roots for path in _pipeline_folders(root, DEPTH) if _within(path, roots)
    }
    return sorted(found)[:MOST_LISTED]


def loras() -> list[str]:
    """Names of the safetensors files that are there and belong to no pipeline."""
    roots = pipeline_roots()
    found = {
        str(path.relative_to(root)) for root in roots for path in _loose_weights(root, DEPTH) if _within(path, roots)
    }
    trained = _runs_root()  # where states and caches are safetensors too
    found |= {str(path.relative_to(trained)) for path in trained.glob("runs/*/lora/*.safetensors")}
    return sorted(found)[:MOST_LISTED]


def _runs_root() -> Path:
    return Path(settings.ARTIFACT_ROOT).resolve() / "mpo"


def _below(roots: list[Path], name: str, field: str) -> Path | None:
    """Where this name leads in the first root that has it; never outside of a root, whatever links there are."""
    pure = PurePosixPath(name)
    if not name.strip() or "\0" in name or pure.is_absolute() or ".." in pure.parts:
        raise _problem(
            field, f"“{name}” is no name that can be used here: give the path below one of {_places(roots)}."
        )
    for root in roots:
        place = root / pure
        try:
            there = place.resolve(strict=True)
        except OSError:  # not there, a loop of links, a name too long
            continue
        if not _within(there, roots):
            raise _problem(
                field,
                f"“{name}” is a link that leads out of {_places(roots)}. Add where it leads to PIPELINE_ROOTS, or move "
                "the files.",
            )
        return place
    return None


def _within(path: Path, roots: list[Path]) -> bool:
    """Whether it lies below a root, once all links are followed."""
    there = path.resolve()
    return any(there.is_relative_to(root) for root in roots)


def _pipeline_folders(root: Path, depth: int) -> Iterator[Path]:
    for folder in _folders(root):
        if (folder / INDEX).is_file():
            yield folder
        elif depth > 1:
            yield from _pipeline_folders(folder, depth - 1)


def _loose_weights(root: Path, depth: int) -> Iterator[Path]:
    if (root / INDEX).is_file():
        return
    try:
        yield from (path for path in root.glob("*.safetensors") if not path.name.startswith("."))
    except OSError:
        return
    if depth > 0:
        for folder in _folders(root):
            yield from _loose_weights(folder, depth - 1)


def _folders(root: Path) -> list[Path]:
    try:
        return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return []


def _places(roots: list[Path]) -> str:
    return " or ".join(str(root) for root in roots) or "any allowed folder (PIPELINE_ROOTS is empty)"


def _offer(names: list[str]) -> str:
    if not names:
        return "Nothing of the kind is there yet."
    shown = ", ".join(f"“{name}”" for name in names[:8])
    return f"There {'is' if len(names) == 1 else 'are'} {shown}{' and more' if len(names) > 8 else ''}."


def _problem(field: str, message: str) -> ProblemError:
    return ProblemError(message.strip(), code=f"no_{field}", field=field)
