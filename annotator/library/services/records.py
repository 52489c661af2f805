"""Prompts, generators and items: made once, found again ever after."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from annotator.library import storage
from annotator.library.models import Generator, ImportBatch, Item, MediaType, Prompt, text_hash
from annotator.library.renditions import store_renditions
from annotator.library.signals import item_recorded
from annotator.library.verify import LIMITS, Limits, MediaFacts, verify_media


def record_prompt(text: str) -> Prompt:
    """The prompt of this text, without the white space around it."""
    text = text.strip()
    return Prompt.objects.get_or_create(text_sha256=text_hash(text), defaults={"text": text})[0]


def record_prompts(texts: Sequence[str]) -> list[Prompt]:
    """The prompts of many texts, in their order; those that are new are made in a few statements."""
    hashes = [text_hash(text.strip()) for text in texts]
    # Sorted, so that two imports at a time wait for each other instead of for ever.
    wanted = sorted(zip(hashes, texts, strict=True))
    Prompt.objects.bulk_create(
        (Prompt(text=text.strip(), text_sha256=key) for key, text in wanted), ignore_conflicts=True, batch_size=1000
    )
    found: dict[str, Prompt] = {}
    for start in range(0, len(hashes), 5000):
        some = Prompt.objects.filter(text_sha256__in=hashes[start : start + 5000])
        found |= {prompt.text_sha256: prompt for prompt in some}
    return [found[key] for key in hashes]


def parameters_hash(parameters: dict[str, Any]) -> str:
    canonical = json.dumps(parameters, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def record_generator(name: str, version: str = "", parameters: dict[str, Any] | None = None) -> Generator:
    """The generator of this name, version and parameters; the order of the parameters does not matter."""
    parameters = parameters or {}
    return Generator.objects.get_or_create(
        name=name,
        version=version,
        parameters_sha256=parameters_hash(parameters),
        defaults={"parameters": parameters},
    )[0]


def store_media(
    path: Path, name: str, *, media_type: str = "", limits: Limits = LIMITS, in_request: bool = False
) -> MediaFacts:
    """Verify a file and put it into the store with its view and thumbnail. Touches no database row.

    ``in_request``: a video is not coded anew while somebody waits; its ``view`` is then None, and is for the sweep
    (``make_missing_views``) to make.
    """
    facts = verify_media(path, name, media_type=media_type, limits=limits)
    if in_request and facts.media_type == MediaType.VIDEO and facts.view and not storage.has(facts):
        facts = dataclasses.replace(facts, view=None)
    if not storage.has(facts):
        storage.store_original(path, facts)
        store_renditions(path, facts)
    return facts


def record_item(
    *,
    facts: MediaFacts,
    prompt: Prompt,
    generator: Generator,
    file_name: str = "",
    source: str = "",
    licence: str = "",
    external_id: str = "",
    extra: dict[str, Any] | None = None,
    batch: ImportBatch | None = None,
) -> tuple[Item, bool]:
    """The item of these bytes, prompt and generator, and whether it is new."""
    fields = dataclasses.asdict(facts)
    item, created = Item.objects.get_or_create(
        sha256=fields.pop("sha256"),
        prompt=prompt,
        generator=generator,
        defaults={
            **fields,
            "file_name": file_name,
            "source": source,
            "licence": licence,
            "external_id": external_id,
            "extra": extra or {},
            "batch": batch,
        },
    )
    if created:
        item_recorded.send(sender=Item, item=item)
    return item, created
