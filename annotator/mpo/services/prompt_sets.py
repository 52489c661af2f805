"""Prompt sets are made whole and stay as they are; one that nothing was made for may go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from annotator.core.errors import ConflictError, ProblemError
from annotator.library.services import record_prompts
from annotator.mpo.models import PromptSet, PromptSetMember
from annotator.mpo.prompts import PromptList

TOLD_AT_MOST = 100


def import_prompts(
    *, name: str, found: PromptList, description: str = "", leave_out: bool = False, created_by: Any = None
) -> PromptSet:
    """Make a set of what was read. With ``leave_out``, rows that cannot be used are left out instead of refused.

    Raises ProblemError (``unusable_rows`` with ``rows``, or ``no_prompts``); then nothing is written.
    """
    if found.unusable and not leave_out:
        rows = [{"row": note.row, "code": note.code, "message": note.message} for note in found.unusable]
        raise ProblemError(
            f"{len(rows):,} row{' cannot' if len(rows) == 1 else 's cannot'} be used, the first of them row "
            f"{rows[0]['row']}: {rows[0]['message']} Mend them, or leave them out.",
            code="unusable_rows",
            rows=rows[:TOLD_AT_MOST],
        )
    return create_prompt_set(name=name, description=description, prompts=found.prompts, created_by=created_by)


def create_prompt_set(*, name: str, prompts: Sequence[str], description: str = "", created_by: Any = None) -> PromptSet:
    """A set of these texts in their order. Raises ProblemError (with ``field``) where the name is taken."""
    name = name.strip()
    if not name:
        raise ProblemError("Give the set a name.", code="no_name", field="name")
    if not prompts:
        raise ProblemError("There is no prompt in it. Write one a line.", code="no_prompts")
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
                f"There is a prompt set “{name}” already; choose another name.", code="name_taken", field="name"
            ) from error
        raise
    return made


def delete_prompt_set(*, prompt_set: PromptSet) -> None:
    """Its prompts stay in the library. Raises ConflictError where something was made for it."""
    try:
        prompt_set.delete()
    except ProtectedError as error:
        raise ConflictError(
            f"“{prompt_set}” has been used to generate or to compare, so it stays: what was made for it would not be "
            "comparable any more.",
            code="in_use",
        ) from error
