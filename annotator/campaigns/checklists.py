"""From the stored version of a checklist to the checklist itself."""

from functools import lru_cache

from annotator.campaigns.models import ChecklistVersion
from reward_engine import checklist as engine


def checklist_of(version: ChecklistVersion) -> engine.Checklist:
    """The checklist of a stored version. A version never changes, so it is parsed once a process."""
    return _parsed(version.content_hash, version.source)


def checklist_in(version: ChecklistVersion, language: str | None) -> engine.Checklist:
    """The same checklist as people read it in ``language``; what has no translation stays as it was written."""
    return _translated(version.content_hash, version.source, language or "en")


@lru_cache(maxsize=64)
def _translated(content_hash: str, source: str, language: str) -> engine.Checklist:
    return engine.translated(_parsed(content_hash, source), language)


@lru_cache(maxsize=64)
def _parsed(content_hash: str, source: str) -> engine.Checklist:
    return engine.loads(source, source=f"checklist {content_hash[:12]}")


def level_keys(sub: engine.SubDimension) -> list[tuple[int, engine.Level]]:
    """Number the levels of a sub-dimension as people press them, the lowest first; 0: no key.

    A level that says there is none follows from another question where that one decides on it: nobody chooses it.
    """
    return list(enumerate(sub.levels, 0 if sub.masked_by_other else 1))
