"""The embedded judge: runs on a CPU, without a network connection, from features and small heads."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from reward_engine import checklist as checklists
from reward_engine.calibration import Calibration
from reward_engine.checklist import Checklist
from reward_engine.errors import ArtifactError, ChecklistError, DataError, JudgeError, WeightsError
from reward_engine.judges import artifact
from reward_engine.judges.base import Canceled, MediaInput, MediaType, Predictions, Progress
from reward_engine.judges.heads import Heads
from reward_engine.storage import sha256
from reward_engine.weights import Weights, equal_weights

if TYPE_CHECKING:
    from reward_engine.features import Features
    from reward_engine.training import TrainResult

KIND = "probe"
FORMAT = 1


class Extractor(Protocol):
    """What the judge needs of :class:`reward_engine.features.FeatureExtractor`."""

    names: tuple[str, ...]
    version: str

    def extract(
        self, items: Sequence[MediaInput], progress: Progress | None = None, canceled: Canceled | None = None
    ) -> Features: ...


@dataclass(frozen=True)
class ProbeJudge:
    """A trained embedded judge. Make one with :meth:`from_training` or :meth:`load`.

    ``feature_names_hash``, ``extractor_version``: of the features the heads were trained on; others are
    refused. ``calibration``: applied to what the heads say. ``record``: what else the manifest says (metrics, data
    snapshot, seed, libraries, time).
    """

    checklist: Checklist
    heads: Heads
    weights: Weights
    extractor_version: str
    feature_names_hash: str
    calibration: Calibration | None = None
    record: Mapping[str, Any] = field(default_factory=dict)
    extractor: Extractor | None = None
    cache_dir: Path | None = None

    name = KIND

    @classmethod
    def from_training(
        cls,
        result: TrainResult,
        *,
        extractor_version: str,
        snapshot: str,
        weights: Weights | None = None,
        calibration: Calibration | None = None,
        extractor: Extractor | None = None,
        cache_dir: str | Path | None = None,
    ) -> ProbeJudge:
        """Make a judge of what a training found.

        Args:
            snapshot: The caller's id of the data.
            weights: Equal per sub-dimension unless given.
            calibration: Fitted on ``result.held_out_p_yes``; without it P(yes) is as the heads say it.
        """
        weights = equal_weights(result.checklist) if weights is None else weights
        weights.check(result.checklist)
        return cls(
            checklist=result.checklist,
            heads=result.heads,
            weights=weights,
            extractor_version=extractor_version,
            feature_names_hash=names_hash(result.names),
            calibration=calibration,
            record={
                "snapshot": snapshot,
                "seed": result.seed,
                "metrics": result.metrics,
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
                "libraries": _libraries(),
            },
            extractor=extractor,
            cache_dir=None if cache_dir is None else Path(cache_dir),
        )

    @property
    def version(self) -> str:
        """Digest of everything that decides P(yes).

        The same version answers the same item alike.
        """
        hashed = hashlib.sha256(f"{FORMAT} {self.checklist.content_hash} {self.extractor_version}".encode())
        for name, array in sorted(self.heads.arrays().items()):
            hashed.update(f"{name} {array.dtype.str} {array.shape} ".encode())
            hashed.update(np.ascontiguousarray(array).tobytes())
        if self.calibration is not None:
            for question in self.calibration.questions:
                hashed.update(f"{question.question} {question.slope!r} {question.offset!r} ".encode())
        return hashed.hexdigest()[:16]

    @property
    def metrics(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.record.get("metrics", {})
        return found

    def predict_features(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Compute P(yes, given that the question applies) from features.

        Takes float32 [n, f]; returns float32 [n, q].

        Raises:
            DataError: For a wrong width or values that are not finite.
        """
        p_yes = self.heads.p_yes(self.checklist, values)
        if self.calibration is None:
            return p_yes
        return self.calibration.apply(self.checklist, p_yes).astype(np.float32)

    def predict(
        self,
        items: Sequence[MediaInput],
        *,
        batch_size: int = 16,
        progress: Progress | None = None,
        canceled: Canceled | None = None,
    ) -> Predictions:
        """Answer every question for every item.

        ``batch_size`` is the number of pictures a pass of the network.

        Raises:
            JudgeError: If the features are not those the model was trained on.
        """
        extractor = self._extractor(batch_size)
        features = extractor.extract(items, progress=progress, canceled=canceled)
        try:
            p_yes = self.predict_features(features.values)
        except DataError as error:
            raise JudgeError(f"The features do not fit the model. {error.message}", code="features") from error
        return Predictions(features.keys, p_yes, features.errors, features.canceled)

    def _extractor(self, batch_size: int) -> Extractor:
        extractor = self.extractor
        if extractor is None:
            from reward_engine.features import FeatureExtractor  # the networks load only where they are needed

            media_type: MediaType = self.checklist.media_type
            extractor = FeatureExtractor(media_type, cache_dir=self.cache_dir, batch_size=batch_size)
        if extractor.version != self.extractor_version or names_hash(extractor.names) != self.feature_names_hash:
            raise JudgeError(
                f"This model was trained on features of version {self.extractor_version}; here they are of version "
                f"{extractor.version}. Train it again.",
                code="extractor",
            )
        return extractor

    def save(self, folder: str | Path) -> None:
        """Write ``heads.safetensors`` and ``manifest.json`` into a new folder, whole or not at all."""
        folder = Path(folder)
        manifest = {
            "kind": KIND,
            "format": FORMAT,
            "version": self.version,
            "media_type": self.checklist.media_type,
            "checklist": {
                "id": self.checklist.id,
                "version": self.checklist.version,
                "content_hash": self.checklist.content_hash,
                "yaml": checklists.dumps(self.checklist),
            },
            "features": {"version": self.extractor_version, "names_sha256": self.feature_names_hash},
            "weights": {
                "coef": self.weights.coef.tolist(),
                "intercept": float(self.weights.intercept),
                "form": self.weights.form,
                "notes": list(self.weights.notes),
            },
            **({} if self.calibration is None else {"calibration": self.calibration.to_json()}),
            **self.record,
        }
        artifact.write(folder, manifest, self.heads.arrays())

    @classmethod
    def load(
        cls,
        folder: str | Path,
        *,
        checklist: Checklist | None = None,
        extractor_version: str | None = None,
        extractor: Extractor | None = None,
        cache_dir: str | Path | None = None,
    ) -> ProbeJudge:
        """Read and check a model folder.

        Args:
            folder: What :meth:`save` wrote.
            checklist: What the caller expects; a model made for another is refused. Without it the model's own is used.
            extractor_version: The same of the features; without it they are compared when the model predicts.

        Raises:
            ArtifactError: A file is missing or not as it was written.
        """
        folder = Path(folder)
        manifest, arrays = artifact.read(folder, kind=KIND, format_version=FORMAT)
        try:
            own = checklists.loads(manifest["checklist"]["yaml"], source=f"{folder.name}/{artifact.MANIFEST}")
            recorded_hash, features = manifest["checklist"]["content_hash"], manifest["features"]
            trained_on, names_sha256 = str(features["version"]), str(features["names_sha256"])
            stored = manifest["weights"]
            weights = Weights(
                np.array(stored["coef"], dtype=np.float64),
                float(stored["intercept"]),
                str(stored["form"]),
                tuple(stored["notes"]),
            )
            weights.check(own)
            recorded_version = manifest["version"]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ArtifactError(
                f"{folder.name}: the manifest is incomplete or altered ({error!r}). {artifact.RETRAIN}", code="manifest"
            ) from error
        except (ChecklistError, WeightsError) as error:
            raise ArtifactError(f"{folder.name}: {error.message} {artifact.RETRAIN}", code="manifest") from error
        if own.content_hash != recorded_hash:
            raise ArtifactError(
                f"{folder.name}: the checklist inside was altered. {artifact.RETRAIN}", code="checklist"
            )
        if checklist is not None and checklist.content_hash != own.content_hash:
            raise ArtifactError(
                f"{folder.name}: this model answers “{own.name}” version {own.version} ({own.content_hash[:12]}), not "
                f"“{checklist.name}” version {checklist.version} ({checklist.content_hash[:12]}). "
                "Train a model for this checklist.",
                code="checklist",
            )
        expected = extractor.version if extractor is not None and extractor_version is None else extractor_version
        if expected is not None and expected != trained_on:
            raise ArtifactError(
                f"{folder.name}: this model was trained on features of version {trained_on}; here they are of version "
                f"{expected}. Train it again.",
                code="extractor",
            )
        calibration = None
        if manifest.get("calibration") is not None:
            calibration = Calibration.from_json(manifest["calibration"], source=f"{folder.name}/{artifact.MANIFEST}")
            calibration.check(own)
        judge = cls(
            checklist=own if checklist is None else checklist,
            heads=Heads.from_arrays(own, arrays),
            weights=weights,
            extractor_version=trained_on,
            feature_names_hash=names_sha256,
            calibration=calibration,
            record={key: manifest[key] for key in RECORD if key in manifest},
            extractor=extractor,
            cache_dir=None if cache_dir is None else Path(cache_dir),
        )
        if judge.version != recorded_version:
            raise ArtifactError(
                f"{folder.name}: the manifest names another version. {artifact.RETRAIN}", code="version"
            )
        return judge


RECORD = ("snapshot", "seed", "metrics", "created", "libraries")


def names_hash(names: Sequence[str]) -> str:
    """sha256 of the feature names in order."""
    return sha256(json.dumps(list(names), ensure_ascii=False).encode())


def _libraries() -> dict[str, str]:
    return {"python": platform.python_version()} | {
        package: metadata.version(package) for package in ("numpy", "scipy", "safetensors")
    }
