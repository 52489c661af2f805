"""Campaigns as admins and reviewers see them; annotators see what is open to them."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from annotator.accounts.models import Role
from annotator.accounts.roles import has_role, role_required
from annotator.campaigns import queries, services
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.forms import CampaignForm
from annotator.campaigns.models import ChecklistVersion
from annotator.campaigns.queries.progress import with_progress
from annotator.core.errors import ProblemError


@login_required
def campaign_list(request: HttpRequest) -> HttpResponse:
    campaigns = with_progress(queries.visible_campaigns(request.user)).order_by("-created_at")
    page = Paginator(campaigns, 25).get_page(request.GET.get("page"))
    return render(request, "campaigns/list.html", {"page": page})


@login_required
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    campaign = get_object_or_404(queries.visible_campaigns(request.user), pk=pk)
    context = {"campaign": campaign, "is_reviewer": has_role(request.user, Role.REVIEWER, Role.ADMIN)}
    if context["is_reviewer"]:
        context["progress"] = queries.campaign_progress(campaign)
    context["checklist"] = checklist_of(campaign.checklist_version)
    return render(request, "campaigns/detail.html", context)


@role_required(Role.ADMIN)
def create(request: HttpRequest) -> HttpResponse:
    form = CampaignForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        try:
            campaign = services.create_campaign(
                name=values["name"],
                checklist_version=values["checklist_version"],
                items=values["items"],
                overlap=values["overlap"],
                lease_seconds=values["lease_seconds"],
                guidelines=values["guidelines"],
                created_by=request.user,
            )
        except ProblemError as problem:
            form.add_error(None, problem.message)
        else:
            count = campaign.campaign_items.count()
            messages.success(
                request,
                ngettext(
                    "The campaign has %(n)d item. Open it when the guidelines are ready.",
                    "The campaign has %(n)d items. Open it when the guidelines are ready.",
                    count,
                )
                % {"n": count},
            )
            return redirect("campaigns:detail", pk=campaign.pk)
    return render(request, "campaigns/create.html", {"form": form})


@role_required(Role.ADMIN)
@require_POST
def change_state(request: HttpRequest, pk: int) -> HttpResponse:
    campaign = get_object_or_404(queries.visible_campaigns(request.user), pk=pk)
    try:
        campaign = services.set_state(campaign=campaign, state=request.POST.get("state", ""))
        messages.success(request, _("The campaign is now: %(state)s.") % {"state": campaign.get_state_display()})
    except ProblemError as problem:
        messages.error(request, problem.message)
    return redirect("campaigns:detail", pk=pk)


@login_required
def checklist(request: HttpRequest, pk: int) -> HttpResponse:
    """A checklist version as people read it: dimensions, ladders, questions, masks."""
    version = get_object_or_404(ChecklistVersion, pk=pk)
    return render(request, "campaigns/checklist.html", {"version": version, "checklist": checklist_of(version)})
