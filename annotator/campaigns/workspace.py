"""What the workspace page is made of: ladders for the template, and the data its script works with."""

from typing import Any

from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from annotator.campaigns.checklists import checklist_in, checklist_of
from annotator.campaigns.models import Assignment, AssignmentState, CampaignState, FlagReason
from annotator.campaigns.queries.work import Standing
from reward_engine.checklist import Checklist, SubDimension


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
            for position, level in enumerate(sub.levels, 0 if sub.masked_by_other else 1)
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


def own_flags(assignment: Assignment) -> list[dict[str, str]]:
    """The open reports of this person on the item, each with its name in the page's language."""
    checklist = checklist_in(assignment.campaign_item.campaign.checklist_version, get_language())
    names = {sub.id: sub.name for sub in checklist.sub_dimensions}
    return [
        {**flag, "name": names.get(flag["sub"]) or str(FlagReason(flag["reason"]).label)}
        for flag in assignment.own_flags
    ]


def workspace_data(assignment: Assignment, standing: Standing, user: Any) -> dict[str, Any]:
    """For the page's script: addresses, rules of the ladders, standing levels, words."""
    campaign = assignment.campaign_item.campaign
    item = assignment.campaign_item.item
    checklist = checklist_of(campaign.checklist_version)
    return {
        "assignment": assignment.pk,
        "person": user.pk,
        "state": assignment.state,
        "editable": campaign.state != CampaignState.CLOSED and assignment.state != AssignmentState.SKIPPED,
        "leaseSeconds": campaign.lease_seconds,
        "media": {"kind": item.media_type, "url": reverse("campaigns:media", args=[assignment.token])},
        "urls": {
            "page": reverse("campaigns:annotate", args=[assignment.pk]),
            "judge": reverse("campaigns:judge", args=[assignment.pk]),
            "submit": reverse("campaigns:submit", args=[assignment.pk]),
            "skip": reverse("campaigns:skip", args=[assignment.pk]),
            "flag": reverse("campaigns:flag", args=[assignment.pk]),
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
        "texts": _texts(),
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


def _texts() -> dict[str, str]:
    """What the script says, in the language of the page. ``{n}`` and ``{name}`` are filled in there."""
    return {
        "saved": _("All answers are saved"),
        "saving": _("Saving"),
        "offlineOne": _("Offline: 1 answer kept here"),
        "offlineMany": _("Offline: {n} answers kept here"),
        "troubleOne": _("The server does not answer: 1 answer kept here"),
        "troubleMany": _("The server does not answer: {n} answers kept here"),
        "signedOutOne": _("Signed out: 1 answer kept here"),
        "signedOutMany": _("Signed out: {n} answers kept here"),
        "refused": _("Not everything could be saved"),
        "memoryOnly": _("This browser keeps nothing: stay on this page until all is saved"),
        "leftOne": _("1 left"),
        "leftMany": _("{n} left"),
        "allAnswered": _("All answered"),
        "undone": _("Undone: {name}"),
        "nothingToUndo": _("There is nothing to undo on this page."),
        "waitingForNext": _("The next item is on its way."),
        "nextItem": _("Next item: {name}"),
        "notSubmitted": _("An item could not be submitted."),
        "notSaved": _("An answer could not be saved: {name}."),
        "openItem": _("Open it"),
        "tryAgain": _("Try again"),
        "letGo": _("Let it go"),
        "signIn": _("Sign in again"),
        "elsewhere": _("You have finished this item in another window."),
        "goOn": _("Go on"),
        "breakReminder": _("You have worked for {n} minutes without a break. Look into the distance for a while."),
        "dismiss": _("Close"),
        "met": _("met"),
        "missing": _("missing"),
        "pace": _("about {n} s each"),
        "flagged": _("Reported: {name}"),
        "flaggedNext": _("Reported. Go on answering."),
        "flagWithdrawn": _("Taken back: {name}"),
        "guideOpen": _("Examples of {name} are open beside the questions."),
        "guideClosed": _("Examples closed."),
        "guideFailed": _("The examples could not be loaded. Try again when you are online."),
        "brokenMedia": _(
            "This media does not load. Reload the page, or skip the item with the reason “does not show”."
        ),
    }
