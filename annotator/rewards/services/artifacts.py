"""Where snapshots and models lie, and how they get there whole.

    ARTIFACT_ROOT/snapshots/<sha256>.safetensors
    ARTIFACT_ROOT/models/<media type>/<job>-<attempt>/    manifest.json, heads.safetensors, held-out.safetensors
    ARTIFACT_ROOT/features/                               measurements by content; may be deleted at any time

A database row is made only after its files are whole. Files that no row names belong to a training that was
killed, and are taken away by the next one. Nothing here is ever unpickled.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from annotator.core.errors import ProblemError
from annotator.jobs.models import FINISHED, Job
from annotator.rewards.models import RewardModel, Snapshot

HELD_OUT = "held-out.safetensors"
LEFT_OVER_AFTER_SECONDS = 3600


class BrokenArtifactError(ProblemError):
    """Files that are missing or not what was recorded."""

    code = "artifact"
    status = 409


def root() -> Path:
    return Path(settings.ARTIFACT_ROOT)


def features_folder() -> Path:
    return root() / "features"


def model_folder(media_type: str, job: Job) -> Path:
    """A folder for this attempt alone: an earlier one that is only slow, not dead, writes elsewhere."""
    return root() / "models" / media_type / f"{job.pk}-{job.attempts}"


def below_root(path: Path) -> str:
    return path.relative_to(root()).as_posix()


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def write_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all. Raises BrokenArtifactError where the disk does not take it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise BrokenArtifactError(
            f"{path.name} cannot be written ({error.strerror or error}). Look at the space and the permissions of the "
            "folder of artifacts, then try again.",
            code="write",
            status=500,
        ) from error


def pack(arrays: dict[str, NDArray[Any]], about: str = "") -> bytes:
    """The bytes of these arrays, the same for the same arrays. (Of several entries of metadata the order would be
    by chance; there is one.)"""
    packed = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    return save(packed, metadata={"about": about} if about else None)


def read_arrays(path: Path, sha256: str, what: str, mend: str) -> dict[str, NDArray[Any]]:
    """The arrays of a file whose digest is recorded. Raises BrokenArtifactError, naming ``what`` it is and how to
    ``mend`` it."""
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise BrokenArtifactError(f"{what} is missing: there is no file {below_root(path)}. {mend}") from error
    except OSError as error:
        raise BrokenArtifactError(f"{what} cannot be read ({error.strerror}). {mend}") from error
    if digest(content) != sha256:
        raise BrokenArtifactError(f"{what} was altered: {below_root(path)} is not the file that was recorded. {mend}")
    try:
        arrays: dict[str, NDArray[Any]] = load(content)
    except (SafetensorError, ValueError) as error:
        raise BrokenArtifactError(f"{what} cannot be read ({error}). {mend}") from error
    return arrays


def read_held_out(model: RewardModel) -> dict[str, NDArray[Any]]:
    """``items`` int64 [n], ``levels`` int8 [n, s], ``p_yes`` float32 [n, q]: what heads that had not seen an item's
    prompt said about it, beside what people said."""
    return read_arrays(
        root() / model.path / HELD_OUT,
        str(model.manifest.get("held_out", {}).get("sha256", "")),
        f"The held-out predictions of {model}",
        "Train again.",
    )


def read_snapshot(snapshot: Snapshot) -> dict[str, NDArray[Any]]:
    """``items``, ``prompts`` int64 [i]; ``levels`` int8, ``support`` int32, ``agreement`` float64, ``adjudicated``
    bool, each [i, s]; see ``annotator.trust.consensus.ConsensusTable``."""
    return read_arrays(root() / snapshot.path, snapshot.sha256, f"Snapshot {snapshot.pk}", "Make a new snapshot.")


def clean(own: Job | None = None) -> list[str]:
    """Take away what killed trainings left: folders of models that no row names and no running job may still be
    writing (``own`` is writing none yet), and old halves and orphans among the snapshots. Returns their names."""
    gone = [path for path in _model_folders() if not _is_wanted(path, own)]
    for path in gone:
        shutil.rmtree(path, ignore_errors=True)
    old = [path for path in (root() / "snapshots").glob("*") if _age(path) > LEFT_OVER_AFTER_SECONDS]
    named = set(Snapshot.objects.filter(path__in=[below_root(path) for path in old]).values_list("path", flat=True))
    orphans = [path for path in old if below_root(path) not in named]
    for path in orphans:
        path.unlink(missing_ok=True)
    return [path.name for path in (*gone, *orphans)]


def _model_folders() -> list[Path]:
    return [path for media_type in (root() / "models").glob("*") for path in media_type.glob("*")]


# "<job>-<attempt>", and ".<job>-<attempt>.<process>-<random>" while it is being written.
_NAME = re.compile(r"\.?(?P<job>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-\d+(?:\..*)?")


def _is_wanted(path: Path, own: Job | None) -> bool:
    name = _NAME.fullmatch(path.name)
    if name is None:
        return True  # somebody put it here by hand
    job = Job.objects.filter(pk=name["job"]).first()
    # The job is asked first: one that ends between the two questions has committed its row by the second.
    if job is not None and job.state not in FINISHED and (own is None or job.pk != own.pk):
        return True
    return RewardModel.objects.filter(path=below_root(path)).exists()


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
