"""Every read of the rewards app that is more than a lookup."""

from annotator.rewards.queries.bases import bases, outcome, registrable
from annotator.rewards.queries.breakdown import (
    Difference,
    apart,
    differences,
    item_score,
)
from annotator.rewards.queries.models import (
    ComparisonChoice,
    TrainingChoice,
    comparison_choices,
    coverage,
    models,
    models_by_media_type,
    promoted,
    running_jobs,
    training_choices,
)
from annotator.rewards.queries.policies import (
    default_statuses,
    new_annotations,
    policies,
    policy_status,
    versions_in_use,
)
from annotator.rewards.queries.scores import (
    GeneratorMean,
    distribution,
    place,
    ranking,
    score_table,
)
from annotator.rewards.queries.trainings import training_of
from annotator.rewards.queries.versions import version_figures
from annotator.rewards.services.promotion import version_before

__all__ = [
    "ComparisonChoice",
    "Difference",
    "GeneratorMean",
    "TrainingChoice",
    "apart",
    "bases",
    "comparison_choices",
    "coverage",
    "default_statuses",
    "differences",
    "distribution",
    "item_score",
    "models",
    "models_by_media_type",
    "new_annotations",
    "outcome",
    "place",
    "policies",
    "policy_status",
    "promoted",
    "ranking",
    "registrable",
    "running_jobs",
    "score_table",
    "training_choices",
    "training_of",
    "version_before",
    "version_figures",
    "versions_in_use",
]
