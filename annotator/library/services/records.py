"""Prompts, generators and items: made once, found again ever after."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from annotator.library import storage
from annotator.library.media_facts import MediaFacts
from annotator.library.models import Generator, ImportBatch, Item, MediaType, Prompt, text_hash
from annotator.library.signals import item_recorded
from annotator.library.thumbnails import store_renditions
from annotator.library.verify import LIMITS, Limits, verify_media
from reward_engine.storage import sha256


def record_prompt(text: str) -> Prompt:
    """Find or create the prompt of this text, stripped of surrounding white space."""
    text = text.strip()
    return Prompt.objects.get_or_create(text_sha256=text_hash(text), defaults={"text": text})[0]


def record_prompts(texts: Sequence[str]) -> list[Prompt]:
    """Find or create the prompts of many texts, in their order.

    New prompts are created in a few statements.
    """
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
    """Compute a digest of parameters that does not depend on their order."""
    canonical = json.dumps(parameters, sort_keys=True, separators=(",", ":"))
    return sha256(canonical.encode())


def record_generator(name: str, version: str = "", parameters: dict[str, Any] | None = None) -> Generator:
    """Find or create the generator of this name, version and parameters.

    The order of the parameters does not matter.
    """
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

    Args:
        in_request: A video is not coded anew while somebody waits; its ``view`` is then None, and is for the sweep
            (``make_missing_views``) to make.
    """
    facts = verify_media(path, name, media_type=media_type, limits=limits)
    if in_request and facts.media_type == MediaType.VIDEO and facts.view and not storage.has(facts):
        facts = dataclasses.replace(facts, view=None)
    if not (storage.has(facts) and storage.touch(facts)):
        storage.store_original(path, facts)
        store_renditions(path, facts)
    return facts


@dataclasses.dataclass(frozen=True, slots=True)
class NewItem:
    """What an item is recorded with, as ``record_item`` takes it."""

    facts: MediaFacts
    prompt: Prompt
    generator: Generator
    file_name: str = ""
    source: str = ""
    license: str = ""
    external_id: str = ""
    extra: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def key(self) -> tuple[str, int, int]:
        """What identifies the item: its bytes, prompt and generator."""
        return self.facts.sha256, self.prompt.pk, self.generator.pk

    def fields(self, batch: ImportBatch | None) -> dict[str, Any]:
        """The fields of its row."""
        given = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name != "facts"}
        return {**dataclasses.asdict(self.facts), **given, "batch": batch}


def record_items(wanted: Sequence[NewItem], batch: ImportBatch) -> int:
    """Record the items of an import that are not there yet.

    It takes a few statements, within a transaction of the caller. What another writer records at the same moment counts
    as there. Returns how many are new.
    """
    known = _recorded(wanted)
    new: dict[tuple[str, int, int], NewItem] = {}
    for one in wanted:
        if one.key not in known:
            new.setdefault(one.key, one)
    if not new:
        return 0
    Item.objects.bulk_create((Item(**one.fields(batch)) for one in new.values()), ignore_conflicts=True)
    made = [item for key, item in _recorded(list(new.values())).items() if key in new and item.batch_id == batch.pk]
    for item in sorted(made, key=lambda item: item.pk):
        item_recorded.send(sender=Item, item=item)
    return len(made)


def _recorded(wanted: Sequence[NewItem]) -> dict[tuple[str, int, int], Item]:
    """Recorded items with the bytes of these, by their keys."""
    found = Item.objects.filter(sha256__in={one.facts.sha256 for one in wanted})
    return {(item.sha256, item.prompt_id, item.generator_id): item for item in found}


def record_item(
    *,
    facts: MediaFacts,
    prompt: Prompt,
    generator: Generator,
    file_name: str = "",
    source: str = "",
    license: str = "",
    external_id: str = "",
    extra: dict[str, Any] | None = None,
    batch: ImportBatch | None = None,
) -> tuple[Item, bool]:
    """Find or create the item of these bytes, prompt and generator.

    Returns the item and whether it is new.
    """
    new = NewItem(facts, prompt, generator, file_name, source, license, external_id, extra or {})
    item, created = Item.objects.get_or_create(
        sha256=facts.sha256, prompt=prompt, generator=generator, defaults=new.fields(batch)
    )
    if created:
        item_recorded.send(sender=Item, item=item)
    return item, created
