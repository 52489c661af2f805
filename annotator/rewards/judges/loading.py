"""Opens the judge of a version, whatever its kind, checked against what the database recorded."""

from __future__ import annotations

from pathlib import Path

from django.utils.translation import gettext

from annotator.campaigns.checklists import checklist_of
from annotator.rewards.judges.registry import kind_of
from annotator.rewards.models import RewardModel
from annotator.rewards.services.artifacts import BrokenArtifactError, digest, root
from reward_engine.errors import RewardEngineError
from reward_engine.judges.artifact import MANIFEST
from reward_engine.judges.base import Judge


def load(model: RewardModel) -> Judge:
    """The judge of a version, with its calibration.

    Raises:
        BrokenArtifactError: A file is missing or altered.
    """
    kind, folder, checklist = kind_of(model.judge), root() / model.path, checklist_of(model.checklist_version)
    try:
        judge = kind.load(model, folder, checklist)
        _check_manifest(model, folder)
        fitted = None if kind.calibrates_itself else model.manifest.get("calibration")
        if fitted is None:
            return judge
        from reward_engine.calibration import Calibration
        from reward_engine.judges.calibrated import CalibratedJudge

        return CalibratedJudge(judge, Calibration.from_json(fitted, source=f"{folder.name}/{MANIFEST}"))
    except RewardEngineError as error:
        raise BrokenArtifactError(
            gettext("%(model)s cannot be used. %(message)s") % {"model": model, "message": error.message}
        ) from error


def check(model: RewardModel) -> None:
    """Check that a version's files are whole.

    Loads no torch.

    Raises:
        BrokenArtifactError: If a version's files are missing or altered.
    """
    folder = root() / model.path
    try:
        kind_of(model.judge).check(model, folder, checklist_of(model.checklist_version))
    except RewardEngineError as error:
        raise BrokenArtifactError(
            gettext("%(model)s cannot be used. %(message)s") % {"model": model, "message": error.message}
        ) from error
    _check_manifest(model, folder)


def _check_manifest(model: RewardModel, folder: Path) -> None:
    try:
        manifest = digest((folder / MANIFEST).read_bytes())
    except OSError as error:
        raise BrokenArtifactError(
            gettext("%(model)s cannot be used: its manifest cannot be read (%(error)s).")
            % {"model": model, "error": error.strerror}
        ) from error
    if manifest != model.manifest.get("manifest_sha256"):
        raise BrokenArtifactError(
            gettext(
                "%(model)s cannot be used: its manifest differs from the one recorded in training. Restore "
                "its folder or train again."
            )
            % {"model": model}
        )
