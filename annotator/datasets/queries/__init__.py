"""Every read of the datasets app that is more than a lookup."""

from annotator.datasets.queries.annotations import (
    ExportPreview,
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
)

__all__ = [
    "EXPORT_TASK",
    "ExportPreview",
    "campaigns_to_export",
    "consensus_name",
    "export_job",
    "exported_annotations",
    "exported_comparisons",
    "last_consensus",
    "preview",
    "versions",
]
