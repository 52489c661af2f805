"""Every write of the datasets app."""

from annotator.datasets.services.exporting import remove_left_overs, request_export, run_export

__all__ = ["remove_left_overs", "request_export", "run_export"]
