"""Prompt sets are made whole and stay as they are; one that nothing was made for may go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext, ngettext

from annotator.core.errors import ConflictError, ProblemError
from annotator.generations.models import PromptSet, PromptSetMember
from annotator.generations.prompts import PromptList
from annotator.library.services import record_prompts

MOST_LISTED_ROWS = 100


def import_prompts(
    *, name: str, found: PromptList, description: str = "", leave_out: bool = False, created_by: Any = None
) -> PromptSet:
    """Create a set of the prompts that were read.

    With ``leave_out``, rows that cannot be used are left out instead of refused.

    Raises:
        ProblemError: ``unusable_rows`` with ``rows``, or ``no_prompts``; then nothing is written.
    """
    if found.unusable and not leave_out:
        rows = [{"row": note.row, "code": note.code, "message": note.message} for note in found.unusable]
        raise ProblemError(
            ngettext(
                "%(n)s row cannot be used, row %(row)s: %(problem)s Fix it, or leave it out.",
                "%(n)s rows cannot be used, the first of them row %(row)s: %(problem)s Fix them, or leave them out.",
                len(rows),
            )
            % {"n": f"{len(rows):,}", "row": rows[0]["row"], "problem": rows[0]["message"]},
            code="unusable_rows",
            rows=rows[:MOST_LISTED_ROWS],
        )
    return create_prompt_set(name=name, description=description, prompts=found.prompts, created_by=created_by)


def create_prompt_set(*, name: str, prompts: Sequence[str], description: str = "", created_by: Any = None) -> PromptSet:
    """Create a set of these texts in their order.

    Raises:
        ProblemError: If the name is taken (with ``field``).
    """
    name = name.strip()
    if not name:
        raise ProblemError(gettext("Enter a name for the set."), code="no_name", field="name")
    if not prompts:
        raise ProblemError(gettext("It contains no prompts. Write one per line."), code="no_prompts")
    try:
        with transaction.atomic():
            made = PromptSet.objects.create(name=name, description=description.strip(), created_by=created_by)
            PromptSetMember.objects.bulk_create(
                (
                    PromptSetMember(prompt_set=made, prompt=prompt, position=position)
                    for position, prompt in enumerate(record_prompts(prompts))
                ),
                batch_size=2000,
            )
    except IntegrityError as error:
        if PromptSet.objects.filter(name=name).exists():
            raise ConflictError(
                gettext("A prompt set called “%(name)s” already exists. Choose another name.") % {"name": name},
                code="name_taken",
                field="name",
            ) from error
        raise
    return made


def delete_prompt_set(*, prompt_set: PromptSet) -> None:
    """Delete a set; its prompts stay in the library.

    Raises:
        ConflictError: If something was made for it.
    """
    try:
        prompt_set.delete()
    except ProtectedError as error:
        raise ConflictError(
            gettext(
                "“%(prompt_set)s” was used in a generation or comparison and cannot be deleted, because the "
                "results would no longer be comparable."
            )
            % {"prompt_set": prompt_set},
            code="in_use",
        ) from error
