"""Every read of the rewards app that is more than a lookup."""

from annotator.rewards.queries.breakdown import (
    Apart,
    Difference,
    DimensionPart,
    ItemScore,
    QuestionPart,
    SubDimensionPart,
    apart,
    differences,
    item_score,
)
from annotator.rewards.queries.models import (
    Coverage,
    TrainingChoice,
    coverage,
    models,
    models_by_media_type,
    promoted,
    running_jobs,
    training_choices,
)
from annotator.rewards.queries.scores import (
    GeneratorMean,
    ScoreTable,
    generator_means,
    histogram,
    place,
    ranking,
    score_table,
)

__all__ = [
    "Apart",
    "Coverage",
    "Difference",
    "DimensionPart",
    "GeneratorMean",
    "ItemScore",
    "QuestionPart",
    "ScoreTable",
    "SubDimensionPart",
    "TrainingChoice",
    "apart",
    "coverage",
    "differences",
    "generator_means",
    "histogram",
    "item_score",
    "models",
    "models_by_media_type",
    "place",
    "promoted",
    "ranking",
    "running_jobs",
    "score_table",
    "training_choices",
]
