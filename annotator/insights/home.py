"""The first page after signing in: for each role, what there is to do and how the loop stands."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from annotator.accounts.models import Role, User
from annotator.accounts.roles import roles_of
from annotator.campaigns.models import Assignment, AssignmentState, Campaign, CampaignItem, CampaignState
from annotator.jobs.queries import unfinished, visible_jobs
from annotator.library.models import Item, MediaType, Prompt
from annotator.mpo.models import PairSet
from annotator.rewards.models import RewardModel, RewardModelState, Score


def work_for(user: User) -> list[dict[str, Any]]:
    """The open campaigns, with how many items of each still wait for this annotator."""
    waiting = CampaignItem.objects.filter(open_slots__gt=0).exclude(assignments__annotator=user)
    left = dict(waiting.order_by().values_list("campaign").annotate(items=Count("id")))
    mine = dict(
        Assignment.objects.filter(annotator=user, state=AssignmentState.SUBMITTED)
        .order_by().values_list("campaign_item__campaign").annotate(items=Count("id"))
    )  # fmt: skip
    in_work = set(
        Assignment.objects.filter(annotator=user, state=AssignmentState.LEASED).values_list(
            "campaign_item__campaign", flat=True
        )
    )
    campaigns = Campaign.objects.filter(state=CampaignState.OPEN).select_related("checklist_version")
    return [
        {
            "campaign": campaign,
            "left": left.get(campaign.pk, 0) + (campaign.pk in in_work),
            "done": mine.get(campaign.pk, 0),
            "in_work": campaign.pk in in_work,
        }
        for campaign in campaigns
    ]


def loop_state() -> dict[str, Any]:
    """How the whole loop stands, as few counts as tell it."""
    slots = CampaignItem.objects.filter(campaign__state=CampaignState.OPEN).aggregate(
        needed=Sum("needed"), submitted=Sum("submitted")
    )
    promoted = {
        model.media_type: model
        for model in RewardModel.objects.filter(state=RewardModelState.PROMOTED).select_related("checklist_version")
    }
    scored = dict(
        Score.objects.filter(reward_model__in=promoted.values())
        .order_by().values_list("item__media_type").annotate(items=Count("id"))
    )  # fmt: skip
    items = dict(Item.objects.order_by().values_list("media_type").annotate(items=Count("id")))
    return {
        "items": items,
        "items_total": sum(items.values()),
        "prompts": Prompt.objects.count(),
        "annotations": Assignment.objects.filter(state=AssignmentState.SUBMITTED).count(),
        "needed": slots["needed"] or 0,
        "submitted": slots["submitted"] or 0,
        "models": [
            {
                "label": media_type.label,
                "model": promoted.get(media_type.value),
                "scored": scored.get(media_type.value, 0),
                "items": items.get(media_type.value, 0),
            }
            for media_type in MediaType
        ],
        "pairs": PairSet.objects.aggregate(pairs=Sum("pairs_count"))["pairs"] or 0,
        "candidates": RewardModel.objects.filter(state=RewardModelState.CANDIDATE).count(),
    }


@login_required
def home(request: HttpRequest) -> HttpResponse:
    roles = roles_of(request.user)
    context: dict[str, Any] = {"is_annotator": Role.ANNOTATOR in roles, "is_reviewer": Role.REVIEWER in roles}
    if context["is_annotator"]:
        context["work"] = work_for(request.user)
        today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        context["today"] = Assignment.objects.filter(
            Q(annotator=request.user), state=AssignmentState.SUBMITTED, submitted_at__gte=today
        ).count()
    if context["is_reviewer"]:
        context["loop"] = loop_state()
        jobs = visible_jobs(request.user)
        context["running"] = list(unfinished(jobs)[:6])
        context["recent"] = list(jobs.exclude(pk__in=[job.pk for job in context["running"]])[:5])
    return render(request, "home/home.html", context)
