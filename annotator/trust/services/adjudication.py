"""A reviewer's decision on an item whose answers disagree."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext

from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import CampaignItem
from annotator.core.errors import ProblemError
from annotator.trust.models import Adjudication
from reward_engine.checklist import Checklist
from reward_engine.errors import ChecklistError


@transaction.atomic
def adjudicate(
    *, campaign_item: CampaignItem, levels: Mapping[str, int | None], adjudicator: Any, note: str = ""
) -> list[Adjudication]:
    """Decide sub-dimensions of an item.

    None takes a decision back. Who decides the same level again changes its note only: the decision stays with the
    reviewer who made it. Returns what stands decided afterwards.

    Raises:
        ProblemError: For a sub-dimension or level the checklist does not have.
    """
    checklist = checklist_of(campaign_item.campaign.checklist_version)
    standing = dict(Adjudication.objects.filter(campaign_item=campaign_item).values_list("sub_dimension", "level"))
    for id, level in levels.items():
        require_level(checklist, id, level)
        if level is None:
            Adjudication.objects.filter(campaign_item=campaign_item, sub_dimension=id).delete()
            continue
        if standing.get(id) == level:
            Adjudication.objects.filter(campaign_item=campaign_item, sub_dimension=id).update(note=note.strip())
            continue
        Adjudication.objects.update_or_create(
            campaign_item=campaign_item,
            sub_dimension=id,
            defaults={"level": level, "adjudicator": adjudicator, "note": note.strip()},
        )
    return list(campaign_item.adjudications.select_related("adjudicator").order_by("sub_dimension"))


def require_level(checklist: Checklist, id: str, level: int | None) -> None:
    """Check that the checklist has a sub-dimension and its level.

    None is no level and passes.

    Raises:
        ProblemError: If it does not.
    """
    try:
        sub = checklist.sub_dimension(id)
    except ChecklistError as error:
        raise ProblemError(error.message, code=error.code) from error
    if level is not None and level not in sub.scores:
        raise ProblemError(
            gettext("“%(name)s” has no level %(level)s; its levels are %(lowest)s to %(highest)s.")
            % {"name": sub.name, "level": level, "lowest": sub.lowest, "highest": sub.highest},
            code="no_level",
        )
