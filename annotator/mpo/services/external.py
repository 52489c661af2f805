"""Pictures and clips that were made elsewhere, taken in one by one. Sending one twice is sending it once."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from annotator.core.errors import ConflictError, ProblemError
from annotator.library.models import Prompt
from annotator.library.services import record_item, store_media
from annotator.mpo.models import GeneratedItem, GenerationSet, GenerationSource
from annotator.mpo.queries.generations import is_whole
from annotator.mpo.services.asking import MOST_SEED
from annotator.mpo.services.generating import record_generated
from annotator.mpo.services.generations import follow_up

SOURCE = "uploaded generation"


def add_external_item(
    *, generation_set: GenerationSet, prompt: Prompt, index: int, seed: int, upload: UploadedFile, by: Any = None
) -> tuple[GeneratedItem, bool]:
    """Verify, store and record it; returns it and whether it is new. The last one that lacked asks for the scores.

    Raises ProblemError, with ``field`` where one is to blame; ConflictError where other media is in its place.
    """
    _check(generation_set, prompt, index, seed)
    facts = _stored(upload, generation_set.media_type)
    assert generation_set.generator is not None
    with transaction.atomic():
        item, _ = record_item(
            facts=facts,
            prompt=prompt,
            generator=generation_set.generator,
            file_name=Path(upload.name or "").name[:500],
            source=SOURCE,
            extra={"seed": seed, "index": index},
        )
        made, new = record_generated(generation_set, prompt.pk, index, seed, item)
        if (made.item_id, made.seed) != (item.pk, seed):
            # Raised within the transaction, so that the item is not left behind.
            raise ConflictError(
                f"Item {index} of this prompt is there already, with other media or another seed. Send what comes "
                "next under an index that is free.",
                code="other_item",
                field="index",
                item=made.item_id,
            )
    if new and is_whole(generation_set):
        follow_up(generation_set, by)
    return made, new


def _check(generation_set: GenerationSet, prompt: Prompt, index: int, seed: int) -> None:
    if generation_set.source != GenerationSource.EXTERNAL:
        raise ConflictError(
            f"“{generation_set}” is made by a pipeline here; make an external set for media from elsewhere.",
            code="not_external",
        )
    if not generation_set.prompt_set.members.filter(prompt=prompt).exists():
        raise ProblemError(
            f"Prompt {prompt.pk} is not in the prompt set “{generation_set.prompt_set}”.",
            code="other_prompt",
            field="prompt",
        )
    if not 0 <= index < generation_set.per_prompt:
        raise ProblemError(
            f"The index goes from 0 to {generation_set.per_prompt - 1}, as the set has {generation_set.per_prompt} a "
            f"prompt; it is {index}.",
            code="bad_index",
            field="index",
        )
    if not 0 <= seed <= MOST_SEED:
        raise ProblemError(f"The seed is a whole number from 0 to {MOST_SEED}.", code="bad_seed", field="seed")


def _stored(upload: UploadedFile, media_type: str) -> Any:
    name = Path(upload.name or "").name or "file"
    with tempfile.NamedTemporaryFile(suffix=Path(name).suffix[:10]) as file:
        for chunk in upload.chunks():
            file.write(chunk)
        file.flush()
        try:
            facts = store_media(Path(file.name), name, in_request=True)
        except ProblemError as problem:
            raise ProblemError(problem.message, code=problem.code, field="file") from problem
    if facts.media_type != media_type:
        raise ProblemError(
            f"{name} is of the type {facts.media_type}, but this set is of {media_type}s.",
            code="wrong_media_type",
            field="file",
        )
    return facts
