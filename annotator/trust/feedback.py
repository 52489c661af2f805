"""What a qualification test says to each answer. Gold says nothing: nobody may know which items are gold."""

from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from annotator.campaigns.checklists import checklist_in
from annotator.campaigns.models import Assignment, Purpose
from annotator.trust.models import KnownAnswers


def after_answer(assignment: Assignment, sub_dimension: str, level: int | None) -> dict[str, Any] | None:
    """``right`` and ``text`` for an answer within a test; None for work, gold, and ladders nobody knows."""
    row = assignment.campaign_item
    if row.purpose != Purpose.QUALIFICATION or level is None:
        return None
    known = KnownAnswers.objects.filter(campaign_item=row).first()
    if known is None or sub_dimension not in known.levels:
        return None
    sub = checklist_in(row.campaign.checklist_version, get_language()).sub_dimension(sub_dimension)
    best = sub.level(known.levels[sub_dimension]).name
    right = known.is_right(sub_dimension, level)
    if level == known.levels[sub_dimension]:
        text = _("Correct.")
    elif right:
        text = _("Close enough; “%(best)s” fits best.") % {"best": best}
    else:
        text = _("Not quite: “%(best)s” fits.") % {"best": best}
    why = known.explanations.get(sub_dimension, "")
    return {"right": right, "text": f"{text} {why}".strip()}
