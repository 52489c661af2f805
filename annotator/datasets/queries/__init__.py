"""Every read of the datasets app that is more than a lookup."""

from annotator.datasets.queries.annotations import (
    exported_annotations,
    exported_comparisons,
    preview,
)
from annotator.datasets.queries.versions import (
    EXPORT_TASK,
    campaigns_to_export,
    consensus_name,
    export_job,
    last_consensus,
    versions,
    with_annotations,
)

__all__ = [
    "EXPORT_TASK",
    "campaigns_to_export",
    "consensus_name",
    "export_job",
    "exported_annotations",
    "exported_comparisons",
    "last_consensus",
    "preview",
    "versions",
    "with_annotations",
]
