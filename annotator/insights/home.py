"""The first page after signing in: for each role, what there is to do and how the loop stands."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Sum
from django.db.models.functions import Least
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from annotator.accounts.models import Role, User
from annotator.accounts.requests import SignedInRequest
from annotator.accounts.roles import roles_of
from annotator.campaigns.models import Assignment, AssignmentState, Campaign, CampaignItem, CampaignState, Purpose
from annotator.campaigns.queries import OwnShare, done_today, open_flags, own_shares
from annotator.core import figures
from annotator.datasets.models import DatasetVersion
from annotator.jobs.queries import unfinished, visible_jobs
from annotator.library.models import Item, MediaType, Prompt
from annotator.mpo.models import PairSet
from annotator.rewards.models import RewardModel, RewardModelState
from annotator.rewards.queries.counts import scores_by_model
from annotator.trust.queries.pauses import unseen_pauses


def work_for(user: User) -> list[tuple[Campaign, OwnShare]]:
    """The open campaigns, and how each stands for this annotator; those with something left come first."""
    campaigns = list(
        Campaign.objects.filter(state=CampaignState.OPEN).select_related("checklist_version").order_by("-created_at")
    )
    shares = own_shares(user, campaigns)
    work = [(campaign, shares[campaign.pk]) for campaign in campaigns]
    return sorted(work, key=lambda row: not (row[1].left or row[1].in_work))


LOOP = "insights.loop"


def count_loop(_of: str = "all") -> dict[str, Any]:
    """Count what the whole loop has come to."""
    slots = CampaignItem.objects.filter(campaign__state=CampaignState.OPEN, purpose=Purpose.WORK).aggregate(
        all_needed=Sum("needed"), all_submitted=Sum(Least("submitted", "needed"))
    )
    items = dict(Item.objects.order_by().values_list("media_type").annotate(items=Count("id")))
    return {
        "items": items,
        "items_total": sum(items.values()),
        "prompts": Prompt.objects.count(),
        "annotations": Assignment.objects.filter(state=AssignmentState.SUBMITTED, counted=True).count(),
        "needed": slots["all_needed"] or 0,
        # What an item has more than it needs must not hide what another one lacks.
        "submitted": slots["all_submitted"] or 0,
        "datasets": DatasetVersion.objects.count(),
        "pairs": PairSet.objects.filter(ready_at__isnull=False).aggregate(pairs=Sum("pairs_count"))["pairs"] or 0,
    }


def loop_state() -> dict[str, Any]:
    """How the whole loop stands, as few counts as tell it."""
    counts, by_model = figures.present(LOOP), scores_by_model()
    promoted = {
        model.media_type: model
        for model in RewardModel.objects.filter(state=RewardModelState.PROMOTED).select_related("checklist_version")
    }
    models = [
        {
            "label": media_type.label,
            "model": (model := promoted.get(media_type.value)),
            "scored": by_model.get(model.pk, 0) if model else 0,
            "items": counts["items"].get(media_type.value, 0),
        }
        for media_type in MediaType
    ]
    candidates = RewardModel.objects.filter(state=RewardModelState.CANDIDATE).count()
    return {**counts, "models": models, "candidates": candidates}


@login_required
@require_safe
def home(request: SignedInRequest) -> HttpResponse:
    roles = roles_of(request.user)
    context: dict[str, Any] = {
        "is_annotator": Role.ANNOTATOR in roles,
        "is_reviewer": Role.REVIEWER in roles,
        "has_no_role": not roles,
    }
    if context["is_annotator"]:
        context["work"] = work_for(request.user)
        context["today"] = done_today(request.user)
    if context["is_reviewer"]:
        context["loop"] = loop_state()
        context["reports"] = open_flags()
        context["pauses"] = list(unseen_pauses()[:5])
        jobs = visible_jobs(request.user)
        context["running"] = list(unfinished(jobs)[:6])
        context["recent"] = list(jobs.exclude(pk__in=[job.pk for job in context["running"]])[:5])
    return render(request, "home/home.html", context)
