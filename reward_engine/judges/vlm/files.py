"""A checkpoint's files before anything is loaded: weights that can be read, and no code of its own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from reward_engine.errors import ArtifactError

PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle")
INDEX = "model.safetensors.index.json"
CODE = "auto_map"
"""The key by which a checkpoint's settings name Python files of its own."""

SETTINGS = (
    "config.json",
    "processor_config.json",
    "preprocessor_config.json",
    "video_preprocessor_config.json",
    "tokenizer_config.json",
)
COMPUTED = (".position_ids", ".inv_freq")
"""Ends of names that old checkpoints store and models compute: nothing in them was learned."""

AGAIN = "Copy or download the model again."
NAMED = 3
"""So many tensors are named in a message; the others are counted."""


def check_weights(folder: Path) -> None:
    """Check that a folder holds whole safetensors.

    Raises:
        ArtifactError: If it has none, naming pickles that lie there instead, or has torn ones.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        pickles = sorted(path.name for pattern in PICKLES for path in folder.glob(pattern))
        if pickles:
            raise ArtifactError(
                f"{folder.name}: the weights are pickled ({pickles[0]}), and opening a pickle runs whatever its author "
                "put into it. Convert them to safetensors where they come from, or download the safetensors version.",
                code="pickle",
            )
        raise ArtifactError(f"{folder.name}: there is no weights file (*.safetensors).", code="missing")
    _check_index(folder)
    for path in files:
        try:
            with safe_open(path, framework="pt"):
                pass
        except (SafetensorError, OSError) as error:
            raise ArtifactError(
                f"{folder.name}: {path.name} is cut off or damaged ({error}). {AGAIN}", code="weights"
            ) from error


def _check_index(folder: Path) -> None:
    """Every file that the index of a divided model names is there."""
    path = folder / INDEX
    if not path.is_file():
        return
    try:
        names = set(json.loads(path.read_text(encoding="utf-8"))["weight_map"].values())
        missing = sorted(name for name in names if not (folder / name).is_file())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(f"{folder.name}: {INDEX} cannot be read ({error!r}). {AGAIN}", code="weights") from error
    if missing:
        raise ArtifactError(
            f"{folder.name}: {len(missing)} of {len(names)} weights files are missing, such as {missing[0]}. {AGAIN}",
            code="missing",
        )


def check_code(folder: Path) -> None:
    """Check that a checkpoint brings no code of its own.

    Raises:
        ArtifactError: If a folder's settings point to Python code of the checkpoint's own.
    """
    for name in SETTINGS:
        try:
            said = json.loads((folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue  # whoever needs the file reports that it cannot be read
        if isinstance(said, Mapping) and said.get(CODE):
            raise own_code(folder.name, name)


def own_code(model: str, file: str = "config.json") -> ArtifactError:
    """Make the refusal of a checkpoint with code of its own.

    Refusing is a matter of policy; the words say what to do instead.
    """
    return ArtifactError(
        f"{model}: {file} names Python code of the checkpoint's own ({CODE}). It is our policy never to run code that "
        "comes with weights (trust_remote_code). Take the version of the model that is made for a class of "
        f"transformers (its name often ends in -hf), or convert it to one; where that is done already and “{CODE}” "
        "is a leftover, remove the entry.",
        code="own_code",
    )


def check_tensors(model: str, info: Mapping[str, Any]) -> None:
    """Check that a checkpoint has exactly the tensors of its class.

    A model with some of its weights made up answers at random, and differently after each start.

    Args:
        info: What ``from_pretrained(…, output_loading_info=True)`` says.

    Raises:
        ArtifactError: If it lacks some, has others, or has them in other shapes.
    """
    missing = sorted(info.get("missing_keys") or ())
    if missing:
        raise ArtifactError(
            f"{model}: {len(missing)} tensors of the model are missing from its files ({named(missing)}). {AGAIN}",
            code="missing_tensors",
        )
    shapes = sorted(info.get("mismatched_keys") or ())
    if shapes:
        listed = [f"{name}: {tuple(stored)} instead of {tuple(wanted)}" for name, stored, wanted in shapes]
        raise ArtifactError(
            f"{model}: {len(shapes)} tensors have other shapes than config.json asks for ({named(listed, '; ')}). "
            "Weights and configuration belong to different models; copy both from one place.",
            code="mismatched_tensors",
        )
    unexpected = sorted(name for name in info.get("unexpected_keys") or () if not name.endswith(COMPUTED))
    if unexpected:
        raise ArtifactError(
            f"{model}: {len(unexpected)} tensors in its files have no place in the model that config.json describes "
            f"({named(unexpected)}). Weights and configuration belong to different models, or these weights belong to "
            "an adapter that has to be merged first.",
            code="unexpected_tensors",
        )
    wrong = info.get("conversion_errors") or info.get("error_msgs")
    if wrong:
        first = next(iter(wrong.items() if isinstance(wrong, Mapping) else wrong))
        raise ArtifactError(f"{model}: its weights cannot be converted ({first}).", code="tensors")


def named(names: Iterable[str], between: str = ", ") -> str:
    """The first few names, and how many more there are."""
    names = list(names)
    more = len(names) - NAMED
    return between.join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
