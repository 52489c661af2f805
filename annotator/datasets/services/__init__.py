"""Every write of the datasets app."""

from annotator.datasets.services.exporting import remove_abandoned_exports, request_export, run_export

__all__ = ["remove_abandoned_exports", "request_export", "run_export"]
