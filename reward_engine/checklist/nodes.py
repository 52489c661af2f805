"""Nodes of a parsed YAML file that know where they stand, so that every complaint names file, line and key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn, cast

import yaml

from reward_engine.errors import ChecklistError


@dataclass(frozen=True, slots=True)
class At:
    """A YAML node, and where it stands."""

    node: yaml.Node
    source: str
    key: str

    def fail(self, message: str) -> NoReturn:
        where = f"{self.source}, line {self.node.start_mark.line + 1}"
        raise ChecklistError(f"{where}, {self.key}: {message}" if self.key else f"{where}: {message}")

    def mapping(self, allowed: set[str], required: set[str]) -> dict[str, At]:
        """Read the values by key.

        Unknown, repeated and missing keys fail.
        """
        if not isinstance(self.node, yaml.MappingNode):
            self.fail("a mapping (key: value) is expected here.")
        found: dict[str, At] = {}
        for key_node, value in self.node.value:
            name = str(key_node.value)
            at = At(key_node, self.source, f"{self.key}.{name}" if self.key else name)
            if name not in allowed:
                at.fail(f"unknown key “{name}”. Known here: {', '.join(sorted(allowed))}.")
            if name in found:
                at.fail(f"the key “{name}” stands here twice.")
            found[name] = At(value, self.source, at.key)
        missing = sorted(required - found.keys())
        if missing:
            self.fail(f"the key “{missing[0]}” is missing.")
        return found

    def sequence(self) -> list[At]:
        if not isinstance(self.node, yaml.SequenceNode) or not self.node.value:
            self.fail("a list with at least one entry is expected here.")
        return [At(node, self.source, f"{self.key}[{index}]") for index, node in enumerate(self.node.value)]

    def value(self, kind: type) -> Any:
        """Read a scalar that is exactly of this kind.

        The kind is str (stripped, not empty), int or bool.
        """
        value = self._scalar()
        if isinstance(value, bool) is not (kind is bool) or not isinstance(value, kind):
            names = {str: "a text", int: "a whole number", bool: "true or false"}
            hint = " Put it into quotes." if kind is str and isinstance(self.node, yaml.ScalarNode) else ""
            self.fail(f"{names[kind]} is expected here.{hint}")
        if isinstance(value, str):
            value = value.strip()
            if not value:
                self.fail("this text is empty.")
        return value

    def _scalar(self) -> Any:
        if not isinstance(self.node, yaml.ScalarNode):
            return None
        try:
            return yaml.constructor.SafeConstructor().construct_object(self.node)
        except (yaml.YAMLError, ValueError):  # a tag that is not plain YAML, or a date like 2001-13-45
            self.fail(f"“{self.node.value}” is no plain text, number, true or false.")

    def identifier(self) -> str:
        text = cast(str, self.value(str))
        if not text.isidentifier() or text != text.lower():
            self.fail(f"“{text}” is no identifier: use small letters, digits and underscores.")
        return text
