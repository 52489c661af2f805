"""Trained adapters on disk: LoRA weights, the checklist they answer, and which model they belong to.

A folder holds ``adapter_model.safetensors`` and ``adapter_config.json`` as peft writes them, and a manifest with
checksums. It is written whole or not at all, and checked before use.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from reward_engine import checklist as checklists
from reward_engine.checklist import Checklist
from reward_engine.errors import ArtifactError, ChecklistError
from reward_engine.judges import artifact
from reward_engine.judges.artifact import MANIFEST, RETRAIN, digest
from reward_engine.judges.vlm import wording as wordings
from reward_engine.judges.vlm.backbone import Backbone
from reward_engine.judges.vlm.files import named
from reward_engine.judges.vlm.options import VLMOptions
from reward_engine.judges.vlm.wording import Wording
from reward_engine.storage import sha256

KIND = "vlm"
FORMAT = 1
WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
RECORD = ("snapshot", "seed", "metrics", "created", "libraries", "settings")


@dataclass(frozen=True)
class Adapter:
    """LoRA matrices and the model they belong to.

    ``base``: a folder or hub id, with ``revision`` and ``base_digest``; ``record``: the notes of training.

    ``wording``: in which words it was asked while it was trained. ``offsets``: what is added to the log-odds of yes of
    each question, float64 [q], because answers were drawn balanced.
    """

    name: str
    checklist: Checklist
    base: str
    base_digest: str
    revision: str | None
    config: Mapping[str, Any]
    weights: Mapping[str, Tensor]
    digest: str
    record: Mapping[str, Any]
    offsets: NDArray[np.float64]
    wording: Wording = "platform"


def is_adapter(source: str | Path) -> bool:
    """Tell whether a source is the folder of an adapter."""
    return (Path(source) / MANIFEST).is_file()


def write(
    folder: Path,
    *,
    checklist: Checklist,
    base: str,
    base_digest: str,
    config: Mapping[str, Any],
    weights: Mapping[str, Tensor],
    record: Mapping[str, Any],
    offsets: NDArray[np.float64] | None = None,
    revision: str | None = None,
    wording: str = "platform",
) -> None:
    """Write a new folder.

    Raises:
        ArtifactError: If there is something already, or it cannot be written.
    """
    files = {
        WEIGHTS: save({name: value.detach().cpu().contiguous() for name, value in weights.items()}),
        CONFIG: json.dumps(config, indent=2, sort_keys=True).encode(),
    }
    manifest = {
        "kind": KIND,
        "format": FORMAT,
        "media_type": checklist.media_type,
        "base": {"source": base, "digest": base_digest, "revision": revision},
        "wording": {"name": wordings.chosen(wording), "version": wordings.VERSION},
        "offsets": [0.0] * len(checklist.questions) if offsets is None else [float(value) for value in offsets],
        "checklist": {
            "id": checklist.id,
            "version": checklist.version,
            "content_hash": checklist.content_hash,
            "yaml": checklists.dumps(checklist),
        },
        **{key: record[key] for key in RECORD if key in record},
    }
    artifact.write_files(folder, manifest, files)


def read(folder: Path, expected: Checklist | None) -> Adapter:
    """Read and check a folder.

    Raises:
        ArtifactError: Something is not as it was written.
    """
    manifest, files = artifact.read_files(folder, (WEIGHTS, CONFIG), kind=KIND, format_version=FORMAT)
    try:
        own = checklists.loads(manifest["checklist"]["yaml"], source=f"{folder.name}/{MANIFEST}")
        recorded, base = manifest["checklist"]["content_hash"], manifest["base"]
        source, base_digest, revision = str(base["source"]), str(base["digest"]), base["revision"]
        weights, config = load(files[WEIGHTS]), json.loads(files[CONFIG])
        asked = manifest.get("wording") or {"name": "platform", "version": 1}  # older manifests know no other
        words, words_version = str(asked["name"]), int(asked["version"])
        # Older manifests have none: their answers stay as they were.
        offsets = np.array(manifest.get("offsets", [0.0] * len(own.questions)), dtype=np.float64)
        if offsets.shape != (len(own.questions),) or not np.isfinite(offsets).all():
            raise ValueError(f"offsets: {len(own.questions)} finite numbers are needed")
    except (KeyError, TypeError, ValueError, SafetensorError) as error:
        raise ArtifactError(
            f"{folder.name}: it is incomplete or altered ({error!r}). {RETRAIN}", code="manifest"
        ) from error
    except ChecklistError as error:
        raise ArtifactError(f"{folder.name}: {error.message} {RETRAIN}", code="manifest") from error
    if words not in get_args(wordings.Wording) or words_version != wordings.VERSION:
        raise ArtifactError(
            f"{folder.name}: it was trained with the wording “{words}” {words_version}, which this version does not "
            "know. Use the version of the platform that wrote it, or train again.",
            code="wording",
        )
    if own.content_hash != recorded:
        raise ArtifactError(f"{folder.name}: the checklist inside was altered. {RETRAIN}", code="checklist")
    if expected is not None and expected.content_hash != own.content_hash:
        raise ArtifactError(
            f"{folder.name}: this model answers “{own.name}” version {own.version} ({own.content_hash[:12]}), not "
            f"“{expected.name}” version {expected.version} ({expected.content_hash[:12]}). "
            "Train a model for this checklist.",
            code="checklist",
        )
    return Adapter(
        name=folder.name,
        checklist=own if expected is None else expected,
        base=source,
        base_digest=base_digest,
        revision=revision,
        config=config,
        weights=weights,
        digest=_digest(files, offsets),
        offsets=offsets,
        record={key: manifest[key] for key in RECORD if key in manifest},
        wording=wordings.chosen(words),
    )


def _digest(files: Mapping[str, bytes], offsets: NDArray[np.float64]) -> str:
    """Of everything that decides answers. Adapters without offsets keep the digest they always had."""
    said = digest(files[WEIGHTS]) + digest(files[CONFIG])
    if offsets.any():
        said += json.dumps(offsets.tolist())
    return sha256(said.encode())


def shifted(p_yes: NDArray[Any], offsets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Add ``offsets`` [q] to the log-odds of P(yes) [..., q]."""
    odds = np.exp(offsets)
    wide = np.asarray(p_yes, dtype=np.float64)
    return np.asarray(wide * odds / (1.0 - wide + wide * odds), dtype=np.float64)


def in_the_same_words(options: VLMOptions, wording: str, first: Adapter | None) -> VLMOptions:
    """Give options the wording of a training.

    That is the one named, else that of the adapter it goes on from.

    Args:
        wording: ``auto`` leaves it to the options.

    Raises:
        ArtifactError: If the adapter was trained with another one.
    """
    named = wording if wording != "auto" else options.wording
    if first is None:
        return replace(options, wording=wordings.chosen(named))
    if named not in ("auto", first.wording):
        raise ArtifactError(
            f"{first.name}: it was trained with the wording “{first.wording}” and cannot go on with “{named}”. "
            "Keep its wording, or start from scratch.",
            code="wording",
        )
    return replace(options, wording=first.wording)


def apply(backbone: Backbone, adapter: Adapter, *, quantized: bool) -> Backbone:
    """Put the adapter into the backbone.

    It is merged into the weights, or stands beside them where they are quantized.
    """
    peft: Any = importlib.import_module("peft")
    known = {key: value for key, value in adapter.config.items() if value is not None}
    model = peft.get_peft_model(backbone.model, peft.LoraConfig(**known))
    check_fit(adapter, peft.get_peft_model_state_dict(model))
    peft.set_peft_model_state_dict(model, dict(adapter.weights))
    plain = model.get_base_model() if quantized else model.merge_and_unload(safe_merge=True)
    plain.eval().requires_grad_(False)
    return replace(backbone, model=plain)


def check_fit(adapter: Adapter, wanted: Mapping[str, Tensor]) -> None:
    """Check that every matrix of the adapter fits the model.

    A place without a matrix would keep what it began with, at random.

    Args:
        wanted: The model's places by name.

    Raises:
        ArtifactError: Unless each has its place in the model and each place its matrix.
    """
    mine = adapter.weights
    problems = (
        (sorted(wanted.keys() - mine.keys()), "matrices that its settings ask for are missing"),
        (sorted(mine.keys() - wanted.keys()), "matrices have no place in the model"),
        (
            sorted(name for name in mine.keys() & wanted.keys() if mine[name].shape != wanted[name].shape),
            "matrices have another shape than their place in the model",
        ),
    )
    for names, what in problems:
        if names:
            raise ArtifactError(f"{adapter.name}: {len(names)} {what} ({named(names)}). {RETRAIN}", code="tensors")
