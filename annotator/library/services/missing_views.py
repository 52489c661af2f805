"""Views of what came before views were made, or whose view was lost: found by a sweep, made one file at a time."""

from __future__ import annotations

import logging
import time
from typing import Any

from django.db.models import Model

from annotator.core.errors import ProblemError
from annotator.library import storage
from annotator.library.models import Item
from annotator.library.thumbnails import store_renditions
from annotator.library.verify import LIMITS, verify_media

logger = logging.getLogger(__name__)

_kept_in: list[type[Model]] = [Item]


def keeps_files(model: type[Model]) -> None:
    """Let the sweep make the views of another model's files as well.

    The model has the fields that an item has for its file. Call this in ``ready`` of its app.
    """
    if model not in _kept_in:
        _kept_in.append(model)


def make_missing_views(*, seconds: float | None = None) -> int:
    """Make the missing views of files that nobody has looked at yet.

    Returns how many files were looked at.

    It may be stopped at any time (``seconds``: stops by itself) and run beside itself, since each file is marked when
    it is done. A missing file is looked for again the next time; an unreadable one is shown as it is, as it was before.
    """
    until = None if seconds is None else time.monotonic() + seconds
    done = 0
    for model in _kept_in:
        last = 0
        waiting: Any = model._default_manager.filter(view__isnull=True).order_by("pk")
        while row := waiting.filter(pk__gt=last).first():
            if until is not None and time.monotonic() > until:
                return done
            last = row.pk
            done += _make_view(model, row)
    return done


def _make_view(model: type[Model], row: Any) -> bool:
    path = storage.original_path(row)
    view: str | None = ""
    try:
        facts = verify_media(path, path.name, limits=LIMITS)
        if facts.view or facts.media_type == "video":
            store_renditions(path, facts)
        view = facts.view
    except FileNotFoundError:
        return False
    except ProblemError as problem:
        logger.warning("a view cannot be made", extra={"model": model.__name__, "row": row.pk, "why": problem.message})
    # Two items may share one file.
    same: Any = model._default_manager.filter(sha256=row.sha256, extension=row.extension, view__isnull=True)
    same.update(view=view)
    return True
