"""The texts of a checklist in another language: one file a built-in checklist and language, keyed by ids.

A translation says the same in other words. Ids, levels, axes and the content hash stay, so that judgments made
in two languages are judgments on the same checklist.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from typing import Any, TypeAlias, cast

import yaml

from reward_engine.checklist.files import builtin
from reward_engine.checklist.model import Checklist, SubDimension
from reward_engine.checklist.nodes import At
from reward_engine.errors import ChecklistError

# Where a text stands in the file, as ("sub_dimensions", "hands", "levels", "-4", "name"), and the text.
Texts: TypeAlias = Mapping[tuple[str, ...], str]


@dataclass(frozen=True)
class TranslatedChecklist(Checklist):
    """A checklist that reads in another language.

    It is still the one it was made from.
    """

    original: Checklist
    language: str

    def content(self) -> dict[str, Any]:
        """Write what the original says.

        The words of a language do not enter the content hash.
        """
        return self.original.content()


def translated(checklist: Checklist, language: str) -> Checklist:
    """Translate the texts of a checklist.

    Takes a ``language`` such as ``"zh-hans"``, and returns the checklist itself where there is no translation. A text
    without a translation stays in English. So does a text that somebody has changed since: the translation was made
    from the built-in words and might say something else now.
    """
    found = _shipped(checklist.id, language.lower())
    if found is None:
        return checklist
    english, translation = found
    own = texts(checklist)

    def say(*key: str) -> str:
        return translation.get(key, own[key]) if english.get(key) == own[key] else own[key]

    return TranslatedChecklist(
        id=checklist.id,
        media_type=checklist.media_type,
        name=say("name"),
        version=checklist.version,
        dimensions=tuple(
            replace(
                dimension,
                name=say("dimensions", dimension.id),
                sub_dimensions=tuple(_translated(sub, say) for sub in dimension.sub_dimensions),
            )
            for dimension in checklist.dimensions
        ),
        original=checklist,
        language=language.lower(),
    )


def _translated(sub: SubDimension, say: Callable[..., str]) -> SubDimension:
    at = ("sub_dimensions", sub.id)
    return replace(
        sub,
        name=say(*at, "name"),
        description=say(*at, "description"),
        levels=tuple(
            replace(
                level,
                name=say(*at, "levels", str(level.score), "name"),
                guidance=say(*at, "levels", str(level.score), "guidance"),
            )
            for level in sub.levels
        ),
        questions=tuple(replace(one, text=say(*at, "questions", one.id)) for one in sub.questions),
    )


def texts(checklist: Checklist) -> Texts:
    """List every text people read, by its place in a translation file."""
    found: dict[tuple[str, ...], str] = {("name",): checklist.name}
    for dimension in checklist.dimensions:
        found["dimensions", dimension.id] = dimension.name
    for sub in checklist.sub_dimensions:
        at = ("sub_dimensions", sub.id)
        found[*at, "name"], found[*at, "description"] = sub.name, sub.description
        for level in sub.levels:
            found[*at, "levels", str(level.score), "name"] = level.name
            found[*at, "levels", str(level.score), "guidance"] = level.guidance
        for question in sub.questions:
            found[*at, "questions", question.id] = question.text
    return found


def read(text: str, checklist: Checklist, *, source: str = "translation") -> Texts:
    """Parse a translation of ``checklist`` and check it; ``source`` is what messages call it.

    Texts may be missing.

    Raises:
        ChecklistError: With file, line and key for an id the checklist lacks, and for a text whose placeholders are not
            those of the English one.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise ChecklistError(f"{source}{line}: this is not valid YAML: {getattr(error, 'problem', error)}.") from error
    if node is None:
        raise ChecklistError(f"{source}: the file is empty.")
    found: dict[tuple[str, ...], str] = {}
    _walk(At(node, source, ""), (), texts(checklist), found)
    return found


def _walk(at: At, key: tuple[str, ...], english: Texts, found: dict[tuple[str, ...], str]) -> None:
    """Follow the file along the places that the checklist has."""
    if key in english:
        found[key] = cast(str, at.value(str))
        wanted, given = _placeholders(english[key]), _placeholders(found[key])
        if missing := [one for one in wanted if given.count(one) < wanted.count(one)]:
            at.fail(f"the placeholder {missing[0]} is missing; the English text has it.")
        if strange := [one for one in given if wanted.count(one) < given.count(one)]:
            at.fail(f"{strange[0]} is not in the English text, or not as often.")
        return
    below = {place[len(key)] for place in english if place[: len(key)] == key}
    for name, value in at.mapping(below, set()).items():
        _walk(value, (*key, name), english, found)


def _placeholders(text: str) -> list[str]:
    return re.findall(r"\{[^{}]*\}", text)


@lru_cache(maxsize=32)
def _shipped(id: str, language: str) -> tuple[Texts, Texts] | None:
    """The texts of a built-in checklist in English and in ``language``; None where that does not ship."""
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", language) or id not in ("image", "video"):
        return None
    name = f"{id}.{language}.yaml"
    path = resources.files("reward_engine") / "checklists" / name
    if not path.is_file():
        return None
    checklist = builtin(id)
    return texts(checklist), read(path.read_text(encoding="utf-8"), checklist, source=name)
