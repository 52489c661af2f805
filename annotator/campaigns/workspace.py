"""What the workspace page is made of: ladders for the template, and the data its script works with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.translation import get_language

from annotator.campaigns.checklists import checklist_in, checklist_of, level_keys
from annotator.campaigns.models import Assignment, AssignmentState, CampaignState, FlagReason
from annotator.campaigns.queries.work import AnswerProgress
from reward_engine.checklist import Checklist, SubDimension

if TYPE_CHECKING:
    from annotator.campaigns.annotated import AssignmentOnPage


def ladders_of(assignment: Assignment, levels: dict[str, int]) -> list[dict[str, Any]]:
    """Dimensions with their ladders, each with its standing level and whether another one closes it."""
    checklist = checklist_in(assignment.campaign_item.campaign.checklist_version, get_language())
    prompt = assignment.campaign_item.item.prompt.text
    suggested = shown_suggestions(assignment)
    return [
        {
            "id": dimension.id,
            "name": dimension.name,
            "ladders": [_ladder(checklist, sub, levels, prompt, suggested) for sub in dimension.sub_dimensions],
        }
        for dimension in checklist.dimensions
    ]


def shown_suggestions(assignment: Assignment) -> dict[str, int]:
    """What the annotator sees of the model's suggestions."""
    return (assignment.suggestions or {}) if assignment.suggestions_shown else {}


def _ladder(
    checklist: Checklist, sub: SubDimension, levels: dict[str, int], prompt: str, suggested: dict[str, int]
) -> dict[str, Any]:
    closed = is_closed(checklist, sub, levels)
    chosen = levels.get(sub.id)
    return {
        "id": sub.id,
        "name": sub.name,
        "description": sub.description,
        "kind": sub.kind,
        "closed_by": checklist.sub_dimension(sub.mask.owner).name if sub.masked_by_other and sub.mask else "",
        "closed": closed,
        "chosen": chosen,
        "chosen_name": sub.level(chosen).name if chosen is not None else "",
        "suggested_name": sub.level(suggested[sub.id]).name if sub.id in suggested else "",
        "questions": [(question.threshold, question.render(prompt)) for question in sub.questions],
        "levels": [
            {
                "score": level.score,
                "name": level.name,
                "guidance": level.guidance,
                "key": position,
                "checked": level.score == chosen,
                "suggested": level.score == suggested.get(sub.id),
                # "There is none" follows from another ladder here; nobody chooses it.
                "implied_only": sub.masked_by_other and level.score == sub.lowest,
            }
            for position, level in level_keys(sub)
        ],
    }


def is_closed(checklist: Checklist, sub: SubDimension, levels: dict[str, int]) -> bool:
    """Whether nothing is asked here: the answer follows from another ladder, or the category does not apply."""
    if sub.applies_when:
        owner_level = levels.get(sub.applies_when.sub_dimension)
        return owner_level is None or owner_level >= sub.applies_when.below
    if sub.masked_by_other and sub.mask:
        return levels.get(sub.mask.owner) == checklist.sub_dimension(sub.mask.owner).lowest
    return False


def own_flags(assignment: AssignmentOnPage) -> list[dict[str, str]]:
    """The open reports of this person on the item, each with its name in the page's language."""
    checklist = checklist_in(assignment.campaign_item.campaign.checklist_version, get_language())
    names = {sub.id: sub.name for sub in checklist.sub_dimensions}
    return [
        {**flag, "name": names.get(flag["sub"]) or str(FlagReason(flag["reason"]).label)}
        for flag in assignment.own_flags
    ]


def workspace_data(assignment: Assignment, standing: AnswerProgress, user: Any) -> dict[str, Any]:
    """For the page's script: addresses, rules of the ladders, and standing levels."""
    campaign = assignment.campaign_item.campaign
    item = assignment.campaign_item.item
    checklist = checklist_of(campaign.checklist_version)
    return {
        "assignment": str(assignment.token),
        "person": user.pk,
        "state": assignment.state,
        "editable": campaign.state != CampaignState.CLOSED and assignment.state != AssignmentState.SKIPPED,
        "leaseSeconds": campaign.lease_seconds,
        "media": {"kind": item.media_type, "url": reverse("campaigns:media", args=[assignment.token])},
        "urls": {
            "page": reverse("campaigns:annotate", args=[assignment.token]),
            "judge": reverse("campaigns:judge", args=[assignment.token]),
            "submit": reverse("campaigns:submit", args=[assignment.token]),
            "skip": reverse("campaigns:skip", args=[assignment.token]),
            "flag": reverse("campaigns:flag", args=[assignment.token]),
            "guide": reverse("campaigns:guide", args=[campaign.checklist_version_id]),
            "next": reverse("campaigns:next", args=[campaign.pk]),
            "work": reverse("campaigns:work", args=[campaign.pk]),
        },
        "levels": standing.levels,
        "spent": standing.milliseconds,
        # The page counts its acts on from here, so that a device whose clock is behind is not taken for a late packet.
        "sequence": standing.sequence,
        "ladders": [_rules(sub) for sub in checklist.sub_dimensions],
        "suggestions": shown_suggestions(assignment),
    }


def _rules(sub: SubDimension) -> dict[str, Any]:
    rule = sub.applies_when
    return {
        "id": sub.id,
        "lowest": sub.lowest,
        "maskedBy": sub.mask.owner if sub.masked_by_other and sub.mask else None,
        "appliesWhen": {"ladder": rule.sub_dimension, "below": rule.below} if rule else None,
        "questions": [question.threshold for question in sub.questions],
    }
