"""Checklists come from files and are kept as they were: an edited file becomes a new version."""

from django.db import transaction
from django.db.models import Max

from annotator.campaigns.models import ChecklistVersion
from annotator.core.errors import ProblemError
from annotator.library.models import MediaType
from reward_engine.checklist import Checklist, builtin, dumps, loads
from reward_engine.errors import ChecklistError


@transaction.atomic
def store_checklist(*, checklist: Checklist) -> tuple[ChecklistVersion, bool]:
    """Keep a checklist; the same content gives the version that is there already. Returns (version, new)."""
    # Two set-ups at once must not count the same version twice.
    list(ChecklistVersion.objects.select_for_update().filter(name=checklist.name).values_list("pk", flat=True))
    found = ChecklistVersion.objects.filter(content_hash=checklist.content_hash).first()
    if found:
        return found, False
    last = ChecklistVersion.objects.filter(name=checklist.name).aggregate(last=Max("version"))["last"] or 0
    version = ChecklistVersion.objects.create(
        media_type=checklist.media_type,
        name=checklist.name,
        version=last + 1,
        content_hash=checklist.content_hash,
        source=dumps(checklist),
    )
    return version, True


def load_builtin_checklists() -> list[tuple[ChecklistVersion, bool]]:
    """Keep the checklists that ship with the engine."""
    return [store_checklist(checklist=builtin(media_type)) for media_type in MediaType.values]


def load_checklist_text(*, text: str, source: str) -> tuple[ChecklistVersion, bool]:
    """Store a checklist from the text of its file.

    Raises:
        ProblemError: If the file is no checklist; the message names file, line and key.
    """
    try:
        checklist = loads(text, source=source)
    except ChecklistError as error:
        raise ProblemError(error.message, code=error.code) from error
    return store_checklist(checklist=checklist)
