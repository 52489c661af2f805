"""Examples of levels: pictures and short clips that show annotators what a level looks like."""

import tempfile
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import ChecklistVersion, LevelExample
from annotator.core.errors import ProblemError
from annotator.library.services import store_media
from annotator.library.verify import Limits
from reward_engine.errors import ChecklistError

# Examples are looked at in passing, many at once and on phones.
LIMITS = Limits(image_bytes=10 * 1024**2, video_bytes=30 * 1024**2, video_ms=20_000)
EXAMPLES_A_LEVEL = 6
FACTS = ("media_type", "sha256", "extension", "mime_type", "size_bytes", "width", "height", "view")


@transaction.atomic
def add_example(
    *,
    checklist_version: ChecklistVersion,
    sub_dimension: str,
    level: int,
    upload: UploadedFile,
    alt: str,
    caption: str = "",
    added_by: Any = None,
) -> LevelExample:
    """Store an uploaded picture or clip as an example of a level.

    It comes after the examples that are there.

    Raises:
        ProblemError: For a level the checklist does not have, one that has enough examples, an empty ``alt``, and for
            files that are refused (``library.verify.verify_media`` tells why).
    """
    require_level(checklist_version, sub_dimension, level)
    # Two uploads at once must not both be the last one.
    ChecklistVersion.objects.select_for_update().get(pk=checklist_version.pk)
    there = LevelExample.objects.filter(checklist_version=checklist_version, sub_dimension=sub_dimension, level=level)
    if there.count() >= EXAMPLES_A_LEVEL:
        raise ProblemError(
            _("A level can have at most %(n)d examples. Remove one first.") % {"n": EXAMPLES_A_LEVEL}, code="too_many"
        )
    example = LevelExample(
        checklist_version=checklist_version,
        sub_dimension=sub_dimension,
        level=level,
        position=(there.aggregate(last=Max("position"))["last"] or 0) + 1,
        added_by=added_by,
    )
    return _save(example, upload=upload, alt=alt, caption=caption)


@transaction.atomic
def change_example(
    *, example: LevelExample, alt: str, caption: str = "", upload: UploadedFile | None = None
) -> LevelExample:
    """Change the words of an example, and its file where one is given.

    Raises:
        ProblemError: As ``add_example`` does.
    """
    example = LevelExample.objects.select_for_update().get(pk=example.pk)
    return _save(example, upload=upload, alt=alt, caption=caption)


def remove_example(*, example: LevelExample) -> None:
    """Take an example away. Its file stays in the store, which may hold it for an item as well."""
    example.delete()


@transaction.atomic
def take_over_examples(*, source: ChecklistVersion, target: ChecklistVersion) -> int:
    """Copy the examples of one checklist version to another.

    Levels that the version lacks, or that have examples already, are left alone. Returns how many were copied. A new
    version of a checklist begins without examples, though most of its levels are as they were.
    """
    ChecklistVersion.objects.select_for_update().get(pk=target.pk)
    filled = set(target.examples.values_list("sub_dimension", "level"))
    checklist = checklist_of(target)
    levels = {(sub.id, score) for sub in checklist.sub_dimensions for score in sub.scores}
    copies = [
        LevelExample(
            checklist_version=target,
            **{field: getattr(example, field) for field in FACTS},
            **{field: getattr(example, field) for field in ("sub_dimension", "level", "position", "caption", "alt")},
            added_by_id=example.added_by_id,
        )
        for example in source.examples.all()
        if (example.sub_dimension, example.level) in levels - filled
    ]
    LevelExample.objects.bulk_create(copies)
    return len(copies)


def require_level(version: ChecklistVersion, sub_dimension: str, level: int) -> None:
    """Check that the checklist has this level.

    Raises:
        ProblemError: Unless the checklist has this level.
    """
    try:
        sub = checklist_of(version).sub_dimension(sub_dimension)
    except ChecklistError as error:
        raise ProblemError(error.message, code=error.code) from error
    if level not in sub.scores:
        raise ProblemError(
            _("“%(name)s” has no level %(level)s; its levels are %(lowest)d to %(highest)d.")
            % {"name": sub.name, "level": level, "lowest": sub.lowest, "highest": sub.highest},
            code="no_level",
        )


def _save(example: LevelExample, *, upload: UploadedFile | None, alt: str, caption: str) -> LevelExample:
    example.alt, example.caption = alt.strip(), caption.strip()
    if not example.alt:
        raise ProblemError(_("Describe what the example shows, for annotators who cannot see it."), code="no_alt")
    if upload is not None:
        name = Path(upload.name or "file").name
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "upload"
            with path.open("wb") as file:
                for chunk in upload.chunks():
                    file.write(chunk)
            facts = store_media(path, name, limits=LIMITS, in_request=True)
        for field in FACTS:
            setattr(example, field, getattr(facts, field))
    example.save()
    return example
