"""Measuring media: what the embedded judge sees of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from annotator.core.errors import ProblemError
from annotator.jobs.services import Run
from annotator.library.models import Item
from annotator.rewards.services import artifacts
from annotator.rewards.services.scoring import as_input
from reward_engine.errors import RewardEngineError

if TYPE_CHECKING:
    from reward_engine.features import Features


def look(run: Run, media_type: str, pks: NDArray[np.int64]) -> tuple[Features, dict[int, str]]:
    """(features of the items that could be read, in the order asked; why the others are left out)."""
    from reward_engine.features import FeatureExtractor  # brings torch along

    items = Item.objects.select_related("prompt").in_bulk([int(pk) for pk in pks])
    inputs = [as_input(items[int(pk)]) for pk in pks if int(pk) in items]
    extractor = FeatureExtractor(media_type, cache_dir=artifacts.features_folder())  # type: ignore[arg-type]
    try:
        features = extractor.extract(inputs, progress=run.progress, cancelled=run.cancelled)
    except RewardEngineError as error:
        raise ProblemError(error.message, code=error.code) from error
    run.check()
    left_out = {int(key): reason for key, reason in features.errors.items()}
    return features, left_out | {int(pk): "It was deleted." for pk in pks if int(pk) not in items}
