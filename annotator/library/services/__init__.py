"""Every write to the library."""

from annotator.library.services.import_jobs import import_media, import_now, run_import, start_import
from annotator.library.services.import_rows import Problem
from annotator.library.services.missing_views import keeps_files, make_missing_views
from annotator.library.services.records import (
    record_generator,
    record_item,
    record_prompt,
    record_prompts,
    store_media,
)
from annotator.library.services.uploads import remove_finished_uploads

__all__ = [
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
