"""The answers to a pair, as its page offers them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from annotator.campaigns.models import HumanComparison, Preference

MUCH = "_much"


@dataclass(frozen=True)
class Choice:
    """One answer: what the page sends for it, its keys (the first one is shown), and whether it was given."""

    value: str
    words: str
    keys: list[str]
    given: bool


def choices_of(comparison: HumanComparison) -> list[Choice]:
    """List the answers to a pair from left to right."""
    given = comparison.preference + (MUCH if comparison.much_better else "")
    offered = [
        (Preference.LEFT + MUCH, _("Left is much better"), "shift+ArrowLeft"),
        (Preference.LEFT, _("Left is better"), "ArrowLeft"),
        (Preference.TIE, _("No difference"), "ArrowDown"),
        (Preference.RIGHT, _("Right is better"), "ArrowRight"),
        (Preference.RIGHT + MUCH, _("Right is much better"), "shift+ArrowRight"),
    ]
    if not comparison.pair.campaign.asks_strength:
        offered = [choice for choice in offered if not choice[0].endswith(MUCH)]
    return [
        Choice(str(value), words, [str(place), arrow], str(value) == given)
        for place, (value, words, arrow) in enumerate(offered, 1)
    ]


def read_choice(sent: dict[str, Any]) -> dict[str, Any]:
    """Take the strength out of the value that the page sends."""
    value = str(sent.get("preference", ""))
    if not value.endswith(MUCH):
        return sent
    return sent | {"preference": value.removesuffix(MUCH), "much_better": True}
