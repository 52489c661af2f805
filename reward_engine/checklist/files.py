"""Checklist files: YAML in, a validated :class:`~reward_engine.checklist.Checklist` out.

The nodes of the parsed file keep their line numbers, so that every complaint says file, line and key.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, cast

import yaml

from reward_engine.checklist import model
from reward_engine.checklist.nodes import At
from reward_engine.errors import ChecklistError

# libyaml's are about ten times as quick and read the same; PyYAML has them wherever it was built with it.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


@cache
def builtin(media_type: str) -> model.Checklist:
    """Load the checklist that ships with the engine for ``"image"`` or ``"video"``."""
    path = resources.files("reward_engine") / "checklists" / f"{media_type}.yaml"
    if not path.is_file():
        raise ChecklistError(f"There is no built-in checklist for “{media_type}”; there are image and video.")
    return loads(path.read_text(encoding="utf-8"), source=f"{media_type}.yaml")


def load(path: str | Path) -> model.Checklist:
    """Read a checklist file.

    Raises:
        ChecklistError: Naming file, line and key.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ChecklistError(f"{path}: cannot be read ({error}).") from error
    return loads(text, source=str(path))


def loads(text: str, *, source: str = "checklist") -> model.Checklist:
    """Parse and validate YAML text; ``source`` is what messages call it.

    Raises:
        ChecklistError: It is no valid checklist; file, line and key are named.
    """
    try:
        node = yaml.compose(text, Loader=LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise ChecklistError(f"{source}{line}: this is not valid YAML: {getattr(error, 'problem', error)}.") from error
    if node is None:
        raise ChecklistError(f"{source}: the file is empty.")
    return _Reader(source).checklist(At(node, source, ""))


class _Reader:
    """Builds one checklist, and remembers ids and forward references until the end."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.sub_ids: dict[str, At] = {}
        self.question_ids: dict[str, At] = {}
        self.masked_by: dict[str, At] = {}
        self.applies_when: dict[str, tuple[model.AppliesWhen, At]] = {}

    def checklist(self, at: At) -> model.Checklist:
        keys = {"id", "media_type", "name", "version", "dimensions"}
        top = at.mapping(keys, keys)
        media_type = top["media_type"].value(str)
        if media_type not in ("image", "video"):
            top["media_type"].fail(f"“{media_type}” is neither image nor video.")
        version = top["version"].value(int)
        if version < 1:
            top["version"].fail("versions count from 1.")
        seen: set[str] = set()
        dimensions: list[tuple[str, str, list[model.SubDimension]]] = []
        for entry in top["dimensions"].sequence():
            keys = {"id", "name", "sub_dimensions"}
            fields = entry.mapping(keys, keys)
            id = fields["id"].identifier()
            if id in seen:
                fields["id"].fail(f"the dimension “{id}” is there twice.")
            seen.add(id)
            subs = [self.sub_dimension(sub, id) for sub in fields["sub_dimensions"].sequence()]
            dimensions.append((id, fields["name"].value(str), subs))
        built = self._resolve(dimensions)
        return model.Checklist(
            id=top["id"].identifier(),
            media_type=cast(model.MediaType, media_type),
            name=top["name"].value(str),
            version=version,
            dimensions=built,
        )

    def sub_dimension(self, at: At, dimension: str) -> model.SubDimension:
        fields = at.mapping(
            {"id", "name", "published", "description", "kind", "presence", "masked_by", "applies_when", "levels"},
            {"id", "name", "description", "levels"},
        )
        id = fields["id"].identifier()
        if id in self.sub_ids:
            first = self.sub_ids[id].node.start_mark.line + 1
            fields["id"].fail(f"the sub-dimension “{id}” is there twice; first on line {first}.")
        self.sub_ids[id] = fields["id"]
        kind = fields["kind"].value(str) if "kind" in fields else "ordinal"
        if kind not in ("ordinal", "category"):
            fields["kind"].fail(f"“{kind}” is neither ordinal nor category.")
        presence = bool(fields["presence"].value(bool)) if "presence" in fields else False
        if kind == "category" and (key := next((key for key in ("presence", "masked_by") if key in fields), None)):
            fields[key].fail("a category has no questions that could be masked; use applies_when.")
        if "masked_by" in fields:
            if presence:
                fields["masked_by"].fail("a sub-dimension has its own presence question or another's, not both.")
            self.masked_by[id] = fields["masked_by"]
        if "applies_when" in fields:
            self._read_applies_when(id, kind, fields["applies_when"])
        levels, questions = self._ladder(fields["levels"], id, kind, presence, masked="masked_by" in fields)
        return model.SubDimension(
            id=id,
            name=fields["name"].value(str),
            description=fields["description"].value(str),
            dimension=dimension,
            kind=cast(model.Kind, kind),
            levels=levels,
            questions=questions,
            mask=model.Mask(questions[0].id, id) if presence and questions else None,
            published=fields["published"].value(str) if "published" in fields else "",
        )

    def _read_applies_when(self, id: str, kind: str, at: At) -> None:
        if kind != "category":
            at.fail("only a category may depend on a level; use masked_by for a sub-dimension with questions.")
        keys = {"sub_dimension", "below"}
        fields = at.mapping(keys, keys)
        rule = model.AppliesWhen(fields["sub_dimension"].identifier(), fields["below"].value(int))
        self.applies_when[id] = (rule, at)

    def _ladder(
        self, at: At, sub: str, kind: str, presence: bool, *, masked: bool
    ) -> tuple[tuple[model.Level, ...], tuple[model.Question, ...]]:
        entries = at.sequence()
        if len(entries) < 2:
            at.fail("a sub-dimension needs at least two levels.")
        levels: list[model.Level] = []
        questions: list[model.Question] = []
        for index, entry in enumerate(entries):
            fields = entry.mapping({"score", "name", "guidance", "question"}, {"score", "name", "guidance"})
            score = fields["score"].value(int)
            if not -127 <= score <= 127:
                fields["score"].fail(f"the score {score} is outside −127..127.")
            if levels and score != levels[-1].score + 1:
                fields["score"].fail(
                    f"the levels must ascend by 1: {levels[-1].score} is followed by {score}, "
                    f"{levels[-1].score + 1} is expected."
                )
            levels.append(model.Level(score, fields["name"].value(str), fields["guidance"].value(str)))
            wanted = kind == "ordinal" and index > (1 if masked else 0)
            if wanted and "question" not in fields:
                entry.fail(f"the level {score} has no question that separates it from {score - 1}.")
            if "question" in fields:
                if not wanted:
                    reason = (
                        "a category has no questions"
                        if kind == "category"
                        else "the lowest level has nothing below it"
                        if index == 0
                        else "this step is answered by the presence question it is masked by"
                    )
                    fields["question"].fail(f"no question belongs here: {reason}.")
                questions.append(self._question(fields["question"], sub, score, is_presence=presence and not questions))
        return tuple(levels), tuple(questions)

    def _question(self, at: At, sub: str, threshold: int, *, is_presence: bool) -> model.Question:
        fields = at.mapping({"id", "text"}, {"id", "text"})
        id = fields["id"].identifier()
        if id in self.question_ids:
            first = self.question_ids[id].node.start_mark.line + 1
            fields["id"].fail(f"the question “{id}” is there twice; first on line {first}.")
        self.question_ids[id] = fields["id"]
        text = cast(str, fields["text"].value(str))
        if strange := [found for found in re.findall(r"\{[^{}]*\}", text) if found != "{prompt}"]:
            fields["text"].fail(f"“{strange[0]}” stands for nothing; the only placeholder is {{prompt}}.")
        return model.Question(id, text, sub, threshold, is_presence)

    def _resolve(self, dimensions: list[tuple[str, str, list[model.SubDimension]]]) -> tuple[model.Dimension, ...]:
        """Point masks and conditions at what they name; by now every id is known."""
        subs = {sub.id: sub for _, _, group in dimensions for sub in group}
        owners: set[str] = set()
        for id, at in self.masked_by.items():
            owner = at.identifier()
            if owner == id:
                at.fail("a sub-dimension cannot be masked by itself; write “presence: true” instead.")
            if owner not in subs or not subs[owner].questions:
                at.fail(f"the mask points to “{owner}”, and there is no sub-dimension with this id.")
            if owner in self.masked_by:
                at.fail(f"the mask points to “{owner}”, which is itself masked; point to the one that masks it.")
            owners.add(owner)
        for rule, at in self.applies_when.values():
            if rule.sub_dimension not in subs or not subs[rule.sub_dimension].is_ordinal:
                at.fail(f"there is no ordinal sub-dimension “{rule.sub_dimension}”.")
            if rule.below not in subs[rule.sub_dimension].scores[1:]:
                at.fail(f"“{rule.sub_dimension}” has no level below {rule.below} or no level {rule.below}.")
        for id, sub in list(subs.items()):
            if id in owners and not sub.owns_presence:
                first = replace(sub.questions[0], is_presence=True)
                subs[id] = replace(sub, questions=(first, *sub.questions[1:]))
        for id, at in self.masked_by.items():
            owner = at.identifier()
            subs[id] = replace(subs[id], mask=model.Mask(subs[owner].questions[0].id, owner))
        for id, (rule, _) in self.applies_when.items():
            subs[id] = replace(subs[id], applies_when=rule)
        return tuple(model.Dimension(id, name, tuple(subs[sub.id] for sub in group)) for id, name, group in dimensions)


def dumps(checklist: model.Checklist) -> str:
    """Write a checklist as YAML that :func:`loads` reads back to the same hash."""
    dimensions = []
    for dimension in checklist.dimensions:
        subs = []
        for sub in dimension.sub_dimensions:
            entry: dict[str, Any] = {"id": sub.id, "name": sub.name, "description": sub.description}
            if sub.published:
                entry["published"] = sub.published
            if sub.kind == "category":
                entry["kind"] = sub.kind
            if sub.mask and sub.mask.owner == sub.id:
                entry["presence"] = True
            elif sub.mask:
                entry["masked_by"] = sub.mask.owner
            if sub.applies_when:
                entry["applies_when"] = {
                    "sub_dimension": sub.applies_when.sub_dimension,
                    "below": sub.applies_when.below,
                }
            by_threshold = {question.threshold: question for question in sub.questions}
            entry["levels"] = [
                {"score": level.score, "name": level.name, "guidance": level.guidance}
                | (
                    {"question": {"id": by_threshold[level.score].id, "text": by_threshold[level.score].text}}
                    if level.score in by_threshold
                    else {}
                )
                for level in sub.levels
            ]
            subs.append(entry)
        dimensions.append({"id": dimension.id, "name": dimension.name, "sub_dimensions": subs})
    top = {
        "id": checklist.id,
        "media_type": checklist.media_type,
        "name": checklist.name,
        "version": checklist.version,
        "dimensions": dimensions,
    }
    return yaml.dump(top, Dumper=DUMPER, sort_keys=False, allow_unicode=True, width=110)
