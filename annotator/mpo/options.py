"""The options of pair mining: what counts as better, and how many pairs of a prompt are kept."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotator.core.errors import refused


class Level(models.TextChoices):
    """In what a winner may nowhere be worse."""

    DIMENSION = "dimension", _("Dimensions (as published)")
    SUB_DIMENSION = "sub_dimension", _("Sub-dimensions (stricter)")
    QUESTION = "question", _("Questions (strictest)")
    TOTAL = "total", _("Total reward only (no dominance: the baseline)")


class Source(models.TextChoices):
    """Whose word is taken."""

    SCORES = "scores", _("The model's scores")
    CONSENSUS = "consensus", _("The annotators' consensus")
    BOTH = "both", _("Both, where they agree")


class Answers(models.TextChoices):
    """What two items are compared by."""

    HARD = "hard", _("Yes and no (as published)")
    TOLERANT = "tolerant", _("Probabilities, within the judge’s noise alike")
    SOFT = "soft", _("Probabilities as they are")


class Choice(models.TextChoices):
    """Which pairs of a prompt are kept where there are more than wanted."""

    LARGEST = "largest", _("The largest total gaps: the clearest differences")
    CLOSEST = "closest", _("The smallest total gaps: the finest differences")
    DIVERSE = "diverse", _("As many different winners as possible")
    RANDOM = "random", _("A random choice")


@dataclass(frozen=True)
class MiningOptions:
    """``answers``: what is compared; a tolerance is known of dimensions only.
    ``margin``: by more than this the winner must be better in at least one place. ``min_total_gap``: the least
    difference of rewards. ``max_pairs_per_prompt``: None for all. ``seed``: of a random choice. ``prompt_set``,
    ``generation_set``: only items of this set's prompts, only what was made for this set (their ids); None for all."""

    level: str = Level.DIMENSION.value
    answers: str = Answers.HARD.value
    source: str = Source.SCORES.value
    margin: float = 0.0
    min_total_gap: float = 0.0
    max_pairs_per_prompt: int | None = 16
    choose: str = Choice.LARGEST.value
    seed: int = 0
    prompt_set: int | None = None
    generation_set: int | None = None

    def __post_init__(self) -> None:
        for name, allowed in (("level", Level), ("answers", Answers), ("source", Source), ("choose", Choice)):
            if getattr(self, name) not in allowed.values:
                raise refused(
                    name,
                    gettext("%(value)s is not one of %(names)s.")
                    % {"value": f"{getattr(self, name)!r}", "names": ", ".join(allowed.values)},
                )
        for name in ("margin", "min_total_gap"):
            value = getattr(self, name)
            if not _is_number(value) or not math.isfinite(value) or value < 0:
                raise refused(
                    name,
                    gettext("%(name)s must be a number of at least 0, not %(value)s.")
                    % {"name": name, "value": f"{value!r}"},
                )
        if self.answers == Answers.TOLERANT and self.level != Level.DIMENSION:
            raise refused(
                "answers",
                gettext("The judge’s noise is known by dimension: compare dimensions, or without it."),
            )
        most = self.max_pairs_per_prompt
        if most is not None and (not _is_whole(most) or most < 1):
            raise refused(
                "max_pairs_per_prompt",
                gettext("Keep at least 1 pair per prompt, or leave this empty; it is %(most)s.")
                % {"most": f"{most!r}"},
            )
        if not _is_whole(self.seed) or self.seed < 0:
            raise refused(
                "seed",
                gettext("The seed must be a whole number of at least 0, not %(seed)s.") % {"seed": f"{self.seed!r}"},
            )
        for name in ("prompt_set", "generation_set"):
            value = getattr(self, name)
            if value is not None and (not _is_whole(value) or not 0 < value < 2**63):
                raise refused(
                    name,
                    gettext("%(name)s must be an ID or be left out; it is %(value)s.")
                    % {"name": name, "value": f"{value!r}"},
                )

    @classmethod
    def from_json(cls, data: dict[str, Any] | None) -> MiningOptions:
        """Read options from plain data.

        Raises:
            ProblemError: For an unknown option or a value that makes no sense (with ``field``).
        """
        data = data or {}
        unknown = data.keys() - {field.name for field in fields(cls)}
        if unknown:
            name = min(unknown)
            raise refused(
                name,
                gettext("There is no option “%(name)s”. The options are %(names)s.")
                % {"name": name, "names": ", ".join(f.name for f in fields(cls))},
            )
        return cls(**data)

    @classmethod
    def of_set(cls, data: dict[str, Any]) -> MiningOptions:
        """Those a pair set was mined with; before there was a choice, probabilities were compared as they are."""
        return cls.from_json({"answers": Answers.SOFT.value, **data})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def level_label(self) -> str:
        return str(Level(self.level).label)

    @property
    def answers_label(self) -> str:
        return str(Answers(self.answers).label)

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
