"""The files of a fine-tuned version: the adapter, its manifest, and the record of its training.

manifest.json                 the platform's: weights, calibration, measures, checksums
adapter/                      opens elsewhere with VLMJudge.load
training/log.jsonl, events…   losses by step; TensorBoard reads the folder
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annotator.rewards.judges.base import TrainingData
from reward_engine import WRITTEN_BY
from reward_engine import checklist as checklists
from reward_engine.checklist import Checklist
from reward_engine.errors import ArtifactError
from reward_engine.judges.artifact import MANIFEST, RETRAIN
from reward_engine.storage import file_sha256, sha256
from reward_engine.weights import Weights

if TYPE_CHECKING:
    from reward_engine.calibration import Calibration

KIND, FORMAT = "vlm", 1
ADAPTER, TRAINING = "adapter", "training"


def save(
    place: Path,
    work: Path,
    data: TrainingData,
    calibration: Calibration | None,
    weights: Weights,
    record: Mapping[str, Any],
) -> None:
    """Copy what the training in ``work`` left into ``place``, with a manifest, whole or not at all."""
    beside = place.with_name(f".{place.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        beside.mkdir(parents=True)
        shutil.copytree(work / ADAPTER, beside / ADAPTER)
        (beside / TRAINING).mkdir()
        for path in (work / f"{ADAPTER}.training").iterdir():
            if path.is_file() and (path.name == "log.jsonl" or "tfevents" in path.name):
                shutil.copy2(path, beside / TRAINING / path.name)
        files = {
            path.relative_to(beside).as_posix(): file_sha256(path)
            for path in sorted(beside.rglob("*"))
            if path.is_file()
        }
        said = json.dumps([files[f"{ADAPTER}/{MANIFEST}"], data.checklist.content_hash])
        manifest = {
            "kind": KIND,
            "format": FORMAT,
            "version": sha256(said.encode())[:16],
            "media_type": data.media_type,
            "checklist": {
                "id": data.checklist.id,
                "version": data.checklist.version,
                "content_hash": data.checklist.content_hash,
                "yaml": checklists.dumps(data.checklist),
            },
            "weights": {
                "coef": weights.coef.tolist(),
                "intercept": float(weights.intercept),
                "form": weights.form,
                "notes": list(weights.notes),
            },
            **({} if calibration is None else {"calibration": calibration.to_json()}),
            **record,
            "written_by": WRITTEN_BY,
            "sha256": files,
        }
        text = json.dumps(manifest, indent=2, ensure_ascii=False, allow_nan=False)
        (beside / MANIFEST).write_text(text, encoding="utf-8")
        beside.replace(place)
    except OSError as error:
        raise ArtifactError(
            f"{place.name}: the model cannot be written ({error.strerror or error}).", code="write"
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def check(folder: Path, checklist: Checklist) -> None:
    """Check the files of an adapter.

    Raises:
        ArtifactError: If a file of the adapter is missing or altered, or it answers another checklist.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files = {name: sha for name, sha in manifest["sha256"].items() if name.startswith(f"{ADAPTER}/")}
        made_for = manifest["checklist"]["content_hash"]
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise ArtifactError(f"{folder.name}: the manifest cannot be read ({error!r}). {RETRAIN}") from error
    for name, sha in files.items():
        try:
            found = file_sha256(folder / name)
        except OSError as error:
            raise ArtifactError(f"{folder.name}: {name} is missing. {RETRAIN}", code="missing") from error
        if found != sha:
            raise ArtifactError(f"{folder.name}: {name} differs from its manifest. {RETRAIN}", code="checksum")
    if made_for != checklist.content_hash:
        raise ArtifactError(f"{folder.name}: it answers another checklist. Train a model for this one.",
                            code="checklist")  # fmt: skip


def downloads(folder: Path) -> list[str]:
    """Names of the files that a version offers, below its folder."""
    return sorted(
        path.relative_to(folder).as_posix()
        for part in (ADAPTER, TRAINING)
        for path in (folder / part).rglob("*")
        if path.is_file()
    )
