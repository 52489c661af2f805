"""Every read of the datasets app that is more than a lookup."""

from annotator.datasets.queries.annotations import ExportPreview, exported_annotations, preview
from annotator.datasets.queries.versions import EXPORT_TASK, campaigns_to_export, export_job, versions

__all__ = [
    "EXPORT_TASK",
    "ExportPreview",
    "campaigns_to_export",
    "export_job",
    "exported_annotations",
    "preview",
    "versions",
]
