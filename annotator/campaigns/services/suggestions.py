"""What a model suggests before a person answers: asked for as the item is handed out, and kept with it.

In a share of the items the suggestion is not shown but kept all the same: how often people agree with the model there
tells what it does to them where they see it.
"""

import random

from django.db import transaction
from django.utils.translation import gettext as _

from annotator.campaigns import hooks
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Assignment, Campaign
from annotator.core.errors import ProblemError


@transaction.atomic
def set_suggestions(*, campaign: Campaign, percent: int) -> Campaign:
    """Set how many of a hundred items show suggestions.

    It applies from the next item on. With 0, no suggestions are made.
    """
    if not 0 <= percent <= 100:
        raise ProblemError(_("The share must be a number from 0 to 100."), code="no_percent")
    campaign.suggestions_percent = percent
    campaign.save(update_fields=["suggestions_percent", "updated_at"])
    return campaign


def suggest(assignment: Assignment, campaign: Campaign) -> None:
    """Fill in the suggestions of a new assignment.

    Whether they are shown is random. Work and gold are treated alike, so that a suggestion gives neither away.
    """
    if not campaign.suggestions_percent:
        return
    said = (suggester(campaign, assignment.campaign_item_id) for suggester in hooks.suggesters)
    suggestion = next(filter(None, said), None)
    if suggestion is None:
        return
    checklist = checklist_of(campaign.checklist_version)
    levels = {}
    for sub in checklist.ordinal:
        level = suggestion.levels.get(sub.id)
        # "There is none" follows from another ladder here; nobody is asked for it.
        if level in sub.scores and not (sub.masked_by_other and level == sub.lowest):
            levels[sub.id] = level
    assignment.suggestions, assignment.suggested_by = levels, suggestion.by
    assignment.suggestions_shown = random.random() * 100 < campaign.suggestions_percent
