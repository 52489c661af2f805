"""Every write to the library."""

from annotator.library.services.importing import ImportReport, Problem
from annotator.library.services.imports import import_media, import_now, run_import, start_import
from annotator.library.services.records import (
    record_generator,
    record_item,
    record_prompt,
    record_prompts,
    store_media,
)
from annotator.library.services.uploads import remove_finished_uploads
from annotator.library.services.views import keeps_files, make_missing_views

__all__ = [
    "ImportReport",
    "Problem",
    "import_media",
    "import_now",
    "keeps_files",
    "make_missing_views",
    "record_generator",
    "record_item",
    "record_prompt",
    "record_prompts",
    "remove_finished_uploads",
    "run_import",
    "start_import",
    "store_media",
]
