"""Where snapshots and models lie, and how they get there whole.

    ARTIFACT_ROOT/snapshots/<sha256>.safetensors
    ARTIFACT_ROOT/models/<media type>/<job>-<attempt>/    manifest.json, heads.safetensors, held-out.safetensors
    ARTIFACT_ROOT/features/                               measurements by content; may be deleted at any time

A database row is made only after its files are whole. Files that no row names belong to a training that was
killed, and are taken away by the next one. Nothing here is ever unpickled.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.utils.translation import gettext
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from annotator.core.errors import ProblemError
from annotator.jobs import abandoned_folders
from annotator.jobs.models import Job
from annotator.rewards.models import RewardModel, Snapshot
from reward_engine.storage import sha256, write_bytes

HELD_OUT = "held-out.safetensors"
LEFT_OVER_AFTER_SECONDS = 3600


class BrokenArtifactError(ProblemError):
    """Files that are missing or not what was recorded."""

    code = "artifact"
    status = 409


def root() -> Path:
    """Name the folder of artifacts."""
    return Path(settings.ARTIFACT_ROOT)


def features_folder() -> Path:
    """Name the folder of measured features."""
    return root() / "features"


def model_folder(media_type: str, job: Job) -> Path:
    """Make a folder for this attempt alone.

    An earlier attempt that is only slow, not dead, writes elsewhere.
    """
    return root() / "models" / media_type / f"{job.pk}-{job.attempts}"


def below_root(path: Path) -> str:
    """Write a path relative to the artifacts' folder."""
    return path.relative_to(root()).as_posix()


def digest(content: bytes) -> str:
    """Compute the sha256 of a file's content."""
    return sha256(content)


def write_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        BrokenArtifactError: If the disk does not take it.
    """
    try:
        write_bytes(path, content)
    except OSError as error:
        raise BrokenArtifactError(
            gettext(
                "%(name)s cannot be written (%(what)s). Check the space and permissions of the artifact "
                "folder, then try again."
            )
            % {"name": path.name, "what": error.strerror or error},
            code="write",
            status=500,
        ) from error


def pack(arrays: dict[str, NDArray[Any]], about: str = "") -> bytes:
    """Pack arrays into bytes that depend on the arrays alone.

    There is one entry of metadata, since the order of several would be random.
    """
    packed = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    return save(packed, metadata={"about": about} if about else None)


def read_arrays(path: Path, sha256: str, what: str, fix: str) -> dict[str, NDArray[Any]]:
    """Read the arrays of a file whose digest is recorded.

    Raises:
        BrokenArtifactError: Naming ``what`` it is; ``fix`` says how to repair it.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise BrokenArtifactError(
            gettext("%(what)s is missing: there is no file %(file)s. %(fix)s")
            % {"what": what, "file": below_root(path), "fix": fix}
        ) from error
    except OSError as error:
        raise BrokenArtifactError(
            gettext("%(what)s cannot be read (%(error)s). %(fix)s")
            % {"what": what, "error": error.strerror, "fix": fix}
        ) from error
    if digest(content) != sha256:
        raise BrokenArtifactError(
            gettext("%(what)s was altered: %(file)s differs from the recorded file. %(fix)s")
            % {"what": what, "file": below_root(path), "fix": fix}
        )
    try:
        arrays: dict[str, NDArray[Any]] = load(content)
    except (SafetensorError, ValueError) as error:
        raise BrokenArtifactError(
            gettext("%(what)s cannot be read (%(error)s). %(fix)s") % {"what": what, "error": error, "fix": fix}
        ) from error
    return arrays


def read_held_out(model: RewardModel) -> dict[str, NDArray[Any]]:
    """Read a version's predictions of held-out items.

    The arrays are ``items`` int64 [n], ``levels`` int8 [n, s], and ``p_yes`` float32 [n, q]: what heads that had not
    seen an item's prompt said about it, beside what people said.
    """
    return read_arrays(
        root() / model.path / HELD_OUT,
        str(model.manifest.get("held_out", {}).get("sha256", "")),
        gettext("The file of held-out predictions of %(model)s") % {"model": model},
        gettext("Train again."),
    )


def read_snapshot(snapshot: Snapshot) -> dict[str, NDArray[Any]]:
    """Read the arrays of a snapshot.

    The arrays are ``items``, ``prompts`` int64 [i], and ``levels`` int8, ``support`` int32, ``agreement`` float64,
    ``adjudicated`` bool, each [i, s]. See ``annotator.trust.consensus.ConsensusTable``.
    """
    return read_arrays(
        root() / snapshot.path,
        snapshot.sha256,
        gettext("Snapshot %(snapshot)s") % {"snapshot": snapshot.pk},
        gettext("Make a new snapshot."),
    )


def clean(own: Job | None = None) -> list[str]:
    """Remove what killed trainings left.

    It removes folders of models that no row names and that no running job may still be writing (``own`` is writing none
    yet), and unfinished files and orphans among the snapshots. Returns their names.
    """
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


def _is_wanted(path: Path, own: Job | None) -> bool:
    job = abandoned_folders.job_of(path)
    if job is None:
        return True  # somebody put it here by hand
    # The job is asked first: one that ends between the two questions has committed its row by the second.
    if abandoned_folders.is_being_written(job, own):
        return True
    return RewardModel.objects.filter(path=below_root(path)).exists()


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
