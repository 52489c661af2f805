"""A reviewer's decision on an item whose answers disagree."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext

from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import CampaignItem
from annotator.core.errors import ProblemError
from annotator.trust.models import Adjudication
from reward_engine.errors import ChecklistError


@transaction.atomic
def adjudicate(
    *, campaign_item: CampaignItem, levels: Mapping[str, int | None], adjudicator: Any, note: str = ""
) -> list[Adjudication]:
    """Decide sub-dimensions of an item.

    None takes a decision back. Returns what stands decided afterwards.

    Raises:
        ProblemError: For a sub-dimension or level the checklist does not have.
    """
    checklist = checklist_of(campaign_item.campaign.checklist_version)
    for id, level in levels.items():
        try:
            sub = checklist.sub_dimension(id)
        except ChecklistError as error:
            raise ProblemError(error.message, code=error.code) from error
        if level is None:
            Adjudication.objects.filter(campaign_item=campaign_item, sub_dimension=id).delete()
            continue
        if level not in sub.scores:
            raise ProblemError(
                gettext("“%(name)s” has no level %(level)s; its levels are %(lowest)s to %(highest)s.")
                % {"name": sub.name, "level": level, "lowest": sub.lowest, "highest": sub.highest},
                code="no_level",
            )
        Adjudication.objects.update_or_create(
            campaign_item=campaign_item,
            sub_dimension=id,
            defaults={"level": level, "adjudicator": adjudicator, "note": note.strip()},
        )
    return list(campaign_item.adjudications.select_related("adjudicator").order_by("sub_dimension"))
