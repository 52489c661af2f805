"""What the workspace page is made of: ladders for the template, and the data its script works with."""

from typing import Any

from django.urls import reverse

from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Assignment, AssignmentState, CampaignState, ChecklistVersion
from reward_engine.checklist import Checklist, SubDimension


def ladders_of(version: ChecklistVersion, levels: dict[str, int]) -> list[dict[str, Any]]:
    """Dimensions with their ladders, each with its standing level and whether it is closed by another."""
    checklist = checklist_of(version)
    return [
        {
            "id": dimension.id,
            "name": dimension.name,
            "ladders": [_ladder(checklist, sub, levels) for sub in dimension.sub_dimensions],
        }
        for dimension in checklist.dimensions
    ]


def _ladder(checklist: Checklist, sub: SubDimension, levels: dict[str, int]) -> dict[str, Any]:
    closed = _closed(checklist, sub, levels)
    chosen = levels.get(sub.id)
    by_threshold = {question.threshold: question.text for question in sub.questions}
    return {
        "id": sub.id,
        "name": sub.name,
        "description": sub.description,
        "kind": sub.kind,
        "masked_by": sub.mask.owner if sub.masked_by_other and sub.mask else "",
        "closed": closed,
        "chosen": chosen,
        "chosen_name": sub.level(chosen).name if chosen is not None else "",
        "levels": [
            {
                "score": level.score,
                "name": level.name,
                "guidance": level.guidance,
                "key": position,
                "question": by_threshold.get(level.score, ""),
                "checked": level.score == chosen,
                # "There is none" follows from another ladder here; nobody chooses it.
                "implied_only": sub.masked_by_other and level.score == sub.lowest,
            }
            for position, level in enumerate(sub.levels, 0 if sub.masked_by_other else 1)
        ],
    }


def _closed(checklist: Checklist, sub: SubDimension, levels: dict[str, int]) -> bool:
    if sub.applies_when:
        owner_level = levels.get(sub.applies_when.sub_dimension)
        return owner_level is None or owner_level >= sub.applies_when.below
    if sub.masked_by_other and sub.mask:
        return levels.get(sub.mask.owner) == checklist.sub_dimension(sub.mask.owner).lowest
    return False


def workspace_data(assignment: Assignment, levels: dict[str, int], user: Any) -> dict[str, Any]:
    """For the page's script: addresses, rules of the ladders, standing levels."""
    campaign = assignment.campaign_item.campaign
    checklist = checklist_of(campaign.checklist_version)
    editable = campaign.state != CampaignState.CLOSED and assignment.state != AssignmentState.SKIPPED
    return {
        "assignment": assignment.pk,
        "person": user.pk,
        "state": assignment.state,
        "editable": editable,
        "urls": {
            "judge": reverse("campaigns:judge", args=[assignment.pk]),
            "submit": reverse("campaigns:submit", args=[assignment.pk]),
            "page": reverse("campaigns:annotate", args=[assignment.pk]),
            "next": reverse("campaigns:next", args=[campaign.pk]),
            "work": reverse("campaigns:work", args=[campaign.pk]),
        },
        "levels": levels,
        "ladders": [
            {
                "id": sub.id,
                "lowest": sub.lowest,
                "maskedBy": sub.mask.owner if sub.masked_by_other and sub.mask else None,
                "appliesWhen": {"ladder": sub.applies_when.sub_dimension, "below": sub.applies_when.below}
                if sub.applies_when
                else None,
            }
            for sub in checklist.sub_dimensions
        ],
    }
