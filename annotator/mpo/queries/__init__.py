"""Every read of the mpo app that is more than a lookup."""

from annotator.mpo.queries.measured import Measured, judged, no_scores, scored, scores_of
from annotator.mpo.queries.pair_sets import (
    MINE_TASK,
    MinableModel,
    PairRow,
    Side,
    gallery,
    kept_pairs,
    minable_models,
    mining_jobs,
    ready_sets,
    row_of,
    sets_with,
)

__all__ = [
    "MINE_TASK",
    "Measured",
    "MinableModel",
    "PairRow",
    "Side",
    "gallery",
    "judged",
    "kept_pairs",
    "minable_models",
    "mining_jobs",
    "no_scores",
    "ready_sets",
    "row_of",
    "scored",
    "scores_of",
    "sets_with",
]
