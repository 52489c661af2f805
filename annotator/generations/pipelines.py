"""Which pipelines and LoRAs may be named: what lies in a folder that the operator has listed, and hub ids where the
operator allows them. Pages and programs name them by their path below such a folder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext

from annotator.core.errors import ProblemError
from annotator.core.roots import DEPTH, MOST_LISTED, Roots, folders_in, folders_where, offer, refusal
from reward_engine.mpo.policies import FAMILIES
from reward_engine.mpo.policies import folder as folders

INDEX = "model_index.json"
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def pipeline_roots() -> list[Path]:
    return list(_pipelines().paths)


def pipeline_source(name: str) -> Path | str:
    """The folder of a pipeline, or its hub id. Says nothing yet about whether the folder holds one.

    Raises:
        ProblemError: It may not be named, or there is no such folder (with ``field``).
    """
    roots = _pipelines()
    folder = roots.find(name, "pipeline")
    if folder is not None and folder.is_dir():
        return folder
    if HUB_ID.fullmatch(name):
        if settings.PIPELINES_FROM_HUB:
            return name
        hint = gettext(" If you mean a hub ID: the operator has not allowed downloads (PIPELINES_FROM_HUB).")
    else:
        hint = ""
    raise refusal(
        "pipeline",
        gettext("There is no folder “%(name)s” in %(roots)s.%(hint)s %(offer)s")
        % {"name": name, "roots": roots, "hint": hint, "offer": offer(pipelines())},
    )


def lora_file(name: str) -> Path | None:
    """The LoRA of this name: a safetensors file, or a folder that holds just one; None for "".

    Raises:
        ProblemError: It may not be named, or there is no such file (with ``field``).
    """
    if not name:
        return None
    place = _loras().find(name, "lora")
    if place is None or not place.exists():
        raise refusal(
            "lora",
            gettext("There is no file “%(name)s” in %(loras)s. %(offer)s")
            % {"name": name, "loras": _loras(), "offer": offer(loras())},
        )
    if place.is_dir():
        files = sorted(place.glob("*.safetensors"))
        if len(files) != 1:
            raise refusal(
                "lora",
                gettext("“%(name)s” contains %(n)s .safetensors files. Name one of them.")
                % {"name": name, "n": len(files)},
            )
        place = files[0]
    if place.suffix != ".safetensors":
        raise refusal("lora", gettext("“%(name)s” is not a LoRA: a .safetensors file is required.") % {"name": name})
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


def located(source: Path | str) -> Path | None:
    """Where a pipeline lies: the folder itself, or of a hub id its downloaded copy; None where it must be fetched."""
    if isinstance(source, Path):
        return source
    return folders.downloaded(source)


def hub_class(hub_id: str) -> str:
    """The class of a pipeline on the hub, from the one small file that says it.

    Raises:
        ProblemError: The message says what is wrong.
        TrainingError: It cannot be trained.
    """
    from huggingface_hub import hf_hub_download

    try:
        path = hf_hub_download(hub_id, INDEX, etag_timeout=8)
        name = str(json.loads(Path(path).read_bytes())["_class_name"])
    except Exception as error:  # the network, the hub, a file that is none
        raise ProblemError(
            gettext("%(hub_id)s could not be looked up on the hub (%(reason)s). Check the ID and the "
                    "connection, or put the pipeline into the pipeline folder and use its name.")
            % {"hub_id": hub_id, "reason": type(error).__name__},
            code="no_pipeline", field="pipeline",
        ) from error  # fmt: skip
    if name not in FAMILIES:
        raise ProblemError(
            gettext("%(name)s cannot be trained here. The families are %(names)s.")
            % {"name": name, "names": ", ".join(FAMILIES)},
            code="unknown_family", field="pipeline",
        )  # fmt: skip
    return name


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
