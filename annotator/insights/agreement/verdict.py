"""What a row of the agreement table comes to, in words: kappa decides, never accuracy alone."""

from __future__ import annotations

from enum import StrEnum

from django.utils.translation import gettext_lazy as _

from reward_engine.evaluation.beside_people import BesidePeople

FEWEST_ITEMS = 20
WIDEST = 0.5


class Verdict(StrEnum):
    NOTHING = "nothing"
    TOO_FEW = "too_few"
    CHANCE = "chance"
    BELOW = "below"
    LEVEL = "level"
    NO_CEILING = "no_ceiling"

    @property
    def words(self) -> str:
        return str(WORDS[self])


WORDS = {
    Verdict.NOTHING: _("Nothing to compare"),
    Verdict.TOO_FEW: _("Too few to tell"),
    Verdict.CHANCE: _("No better than chance"),
    Verdict.BELOW: _("Below people"),
    Verdict.LEVEL: _("No gap to people shown"),
    Verdict.NO_CEILING: _("Better than chance; no ceiling"),
}


def verdict(found: BesidePeople) -> Verdict:
    """Say what kappa, its interval and the gap to the human ceiling allow to say.

    A ceiling that is unknown or unsure leaves open how people do, not whether the model beats chance.
    """
    kappa, gap = found.figures["kappa"], found.figures["gap"]
    if not found.n:
        return Verdict.NOTHING
    if found.n < FEWEST_ITEMS or kappa is None or kappa.high - kappa.low > WIDEST:
        return Verdict.TOO_FEW
    if kappa.low <= 0:
        return Verdict.CHANCE
    if gap is None or gap.high - gap.low > WIDEST:
        return Verdict.NO_CEILING
    return Verdict.BELOW if gap.low > 0 else Verdict.LEVEL
