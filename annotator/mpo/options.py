"""The options of pair mining: what counts as better, and how many pairs of a prompt are kept."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from annotator.core.errors import ProblemError


class Level(models.TextChoices):
    """In what a winner may nowhere be worse."""

    DIMENSION = "dimension", _("Dimensions (as published)")
    SUB_DIMENSION = "sub_dimension", _("Sub-dimensions (stricter)")
    QUESTION = "question", _("Questions (strictest)")
    TOTAL = "total", _("Total reward only (no dominance: the baseline to compare with)")


class Source(models.TextChoices):
    """Whose word is taken."""

    SCORES = "scores", _("The model's scores")
    CONSENSUS = "consensus", _("The annotators' consensus")
    BOTH = "both", _("Both, where they agree")


class Choice(models.TextChoices):
    """Which pairs of a prompt are kept where there are more than wanted."""

    LARGEST = "largest", _("The largest total gaps: the clearest lessons")
    CLOSEST = "closest", _("The smallest total gaps: the finest lessons")
    DIVERSE = "diverse", _("As many different winners as there are")
    RANDOM = "random", _("A random choice")


@dataclass(frozen=True)
class MiningOptions:
    """``margin``: by more than this the winner must be better in at least one place. ``min_total_gap``: the least
    difference of rewards. ``max_pairs_per_prompt``: None for all. ``seed``: of a random choice. ``prompt_set``,
    ``generation_set``: only items of this set's prompts, only what was made for this set (their ids); None for all."""

    level: str = Level.DIMENSION.value
    source: str = Source.SCORES.value
    margin: float = 0.0
    min_total_gap: float = 0.0
    max_pairs_per_prompt: int | None = 16
    choose: str = Choice.LARGEST.value
    seed: int = 0
    prompt_set: int | None = None
    generation_set: int | None = None

    def __post_init__(self) -> None:
        for name, allowed in (("level", Level), ("source", Source), ("choose", Choice)):
            if getattr(self, name) not in allowed.values:
                raise _refused(name, f"{getattr(self, name)!r} is none of {', '.join(allowed.values)}.")
        for name in ("margin", "min_total_gap"):
            value = getattr(self, name)
            if not _is_number(value) or not math.isfinite(value) or value < 0:
                raise _refused(name, f"{name} must be a number of at least 0; it is {value!r}.")
        most = self.max_pairs_per_prompt
        if most is not None and (not _is_whole(most) or most < 1):
            raise _refused("max_pairs_per_prompt", f"Keep at least 1 pair a prompt, or leave it empty; it is {most!r}.")
        if not _is_whole(self.seed) or self.seed < 0:
            raise _refused("seed", f"The seed must be a whole number of at least 0; it is {self.seed!r}.")
        for name in ("prompt_set", "generation_set"):
            value = getattr(self, name)
            if value is not None and (not _is_whole(value) or not 0 < value < 2**63):
                raise _refused(name, f"{name} must be the id of one, or be left out; it is {value!r}.")

    @classmethod
    def from_json(cls, data: dict[str, Any] | None) -> MiningOptions:
        """Raises ProblemError (with ``field``) for an unknown option or a value that makes no sense."""
        data = data or {}
        unknown = data.keys() - {field.name for field in fields(cls)}
        if unknown:
            name = min(unknown)
            raise _refused(name, f"There is no option “{name}”; there are {', '.join(f.name for f in fields(cls))}.")
        return cls(**data)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def level_label(self) -> str:
        return str(Level(self.level).label)

    @property
    def source_label(self) -> str:
        return str(Source(self.source).label)

    @property
    def choose_label(self) -> str:
        return str(Choice(self.choose).label)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _refused(name: str, message: str) -> ProblemError:
    return ProblemError(message, code="bad_option", field=name)
