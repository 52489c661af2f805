"""The embedded judge: measured features and small heads; needs no GPU and no files from elsewhere."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings as platform
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop
from numpy.typing import NDArray

from annotator.core.errors import ProblemError
from annotator.core.texts import joined
from annotator.jobs.services import JobRun
from annotator.library.models import Item
from annotator.rewards.judges.base import Ids, JudgeKind, PYes, Trained, TrainingData
from annotator.rewards.judges.inputs import inputs_of
from annotator.rewards.judges.registry import register
from annotator.rewards.models import RewardModel
from annotator.rewards.services import artifacts
from reward_engine.checklist import Checklist
from reward_engine.errors import RewardEngineError
from reward_engine.judges.base import Judge
from reward_engine.judges.probe import ProbeJudge
from reward_engine.weights import Weights

if TYPE_CHECKING:
    from reward_engine.calibration import Calibration
    from reward_engine.features import Features

# With few items, every prompt is held out once, in rounds, so that all of them are measured on. With many, one part
# is enough and k times quicker.
FEW_ITEMS = 2000
ITEMS_TIMED = 8


@register
class Probe(JudgeKind):
    name = "probe"
    order = 0
    label = _("Probe (embedded)")
    description = _("Small heads on measured features. Trains in about a minute and needs no GPU.")
    calibrates_itself = True

    def train(self, run: JobRun, data: TrainingData, settings: Mapping[str, Any]) -> Trained:
        run.stage(gettext_noop("Measuring the media"), len(data.items))
        features, left_out = extract(run, data.media_type, data.items)
        rows = np.searchsorted(data.items, np.array([int(key) for key in features.keys], dtype=np.int64))
        run.stage(gettext_noop("Fitting the heads"))
        from reward_engine.training import train_probe  # slow to import, and only this job needs it

        try:
            result = train_probe(
                data.checklist,
                features,
                data.levels[rows],
                data.prompts[rows],
                seed=int(run.params["seed"]),
                measures={"bitrate": _bitrates(data.items[rows])},
                validation_folds=platform.VALIDATION_FOLDS if len(rows) < FEW_ITEMS else 1,
                progress=run.progress,
                canceled=run.canceled,
            )
        except RewardEngineError as error:
            run.check()  # where it was canceled, that is what happened
            from annotator.rewards.services.training_record import say_left_out

            hint = say_left_out(left_out) if left_out else ""
            raise ProblemError(joined([error.message, hint]), code=error.code) from error
        bare = ProbeJudge.from_training(result, extractor_version=features.version, snapshot=data.snapshot.sha256)

        def predict(pks: Ids) -> tuple[Ids, PYes]:
            seen, _unread = extract(run, data.media_type, pks)
            return np.array([int(key) for key in seen.keys], dtype=np.int64), bare.predict_features(seen.values)

        def save(folder: Path, calibration: Calibration | None, weights: Weights, record: Mapping[str, Any]) -> None:
            whole = {**bare.record, **record}
            dataclasses.replace(bare, calibration=calibration, weights=weights, record=whole).save(folder)

        return Trained(
            held_out=rows[result.held_out],
            p_yes=result.held_out_p_yes[result.held_out],
            metrics={**result.metrics, "cost": _cost(run, data, bare)},
            left_out=left_out,
            predict=predict,
            save=save,
        )

    def load(self, model: RewardModel, folder: Path, checklist: Checklist) -> Judge:
        from reward_engine.features import FeatureExtractor  # brings torch along

        # One extractor for all calls, so that its networks are loaded once.
        extractor = FeatureExtractor(checklist.media_type, cache_dir=artifacts.features_folder())
        return dataclasses.replace(ProbeJudge.load(folder, checklist=checklist), extractor=extractor)

    def check(self, model: RewardModel, folder: Path, checklist: Checklist) -> None:
        ProbeJudge.load(folder, checklist=checklist)

    def memory_bytes(self, model: RewardModel) -> int:
        return 256 << 20  # the networks that measure, once loaded


def extract(run: JobRun, media_type: str, pks: Ids) -> tuple[Features, dict[int, str]]:
    """(features of the items that could be read, in the order asked; why the others are left out)."""
    from reward_engine.features import FeatureExtractor  # brings torch along

    inputs, deleted = inputs_of(pks)
    extractor = FeatureExtractor(media_type, cache_dir=artifacts.features_folder())  # type: ignore[arg-type]
    try:
        features = extractor.extract(inputs, progress=run.progress, canceled=run.canceled)
    except RewardEngineError as error:
        raise ProblemError(error.message, code=error.code) from error
    run.check()
    return features, {int(key): reason for key, reason in features.errors.items()} | deleted


def _bitrates(pks: Ids) -> NDArray[np.float64]:
    """As :func:`reward_engine.media.bitrate.bitrates`, from what the library knows; in the order asked."""
    from reward_engine.media.bitrate import spent

    columns = ("pk", "size_bytes", "width", "height", "duration_ms")
    known = {
        pk: spent(8.0 * size, width, height, duration)
        for pk, size, width, height, duration in Item.objects.filter(pk__in=pks.tolist()).values_list(*columns)
    }
    return np.array([known.get(int(pk), np.nan) for pk in pks])


def _cost(run: JobRun, data: TrainingData, judge: ProbeJudge) -> dict[str, Any]:
    """Seconds per item, without any cache, and the peak memory of this process."""
    from annotator.rewards.judges.cost import peak_memory
    from reward_engine.features import FeatureExtractor

    inputs, _deleted = inputs_of(data.items[:ITEMS_TIMED])
    extractor = FeatureExtractor(data.media_type)  # type: ignore[arg-type]
    start = time.perf_counter()
    found = dataclasses.replace(judge, extractor=extractor).predict(inputs)
    run.check()
    if not found.keys:
        return {}
    seconds = (time.perf_counter() - start) / len(found.keys)
    return {"seconds_per_item": seconds, "memory_bytes": peak_memory(), "device": "CPU"}
