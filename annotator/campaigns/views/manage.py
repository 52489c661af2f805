"""Campaigns as admins and reviewers see them; annotators see what is open to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotator.accounts.models import Role
from annotator.accounts.roles import has_role, role_required
from annotator.campaigns import queries, services
from annotator.campaigns.campaign_panels import campaign_panels
from annotator.campaigns.checklists import checklist_in
from annotator.campaigns.forms import CampaignForm, CountForm, GuidelinesForm
from annotator.campaigns.models import CampaignKind, ChecklistVersion, LevelExample, QueueOrder
from annotator.campaigns.views import compare
from annotator.core.errors import ProblemError

if TYPE_CHECKING:
    from annotator.campaigns.annotated import CountedCampaign


@login_required
@require_safe
def campaign_list(request: HttpRequest) -> HttpResponse:
    campaigns = queries.visible_campaigns(request.user).order_by("-created_at")
    is_reviewer = has_role(request.user, Role.REVIEWER, Role.ADMIN)
    page = Paginator(campaigns, 25).get_page(request.GET.get("page"))
    if is_reviewer:
        queries.add_progress(page.object_list)
        queries.count_pairs(cast("list[CountedCampaign]", page.object_list))
    context: dict[str, Any] = {"page": page, "is_reviewer": is_reviewer}
    if is_reviewer:
        context["waiting"] = queries.open_flags()
    if has_role(request.user, Role.ANNOTATOR):
        shares = queries.own_shares(request.user, page.object_list)
        context["work"] = [(campaign, shares[campaign.pk]) for campaign in page.object_list]
    return render(request, "campaigns/list.html", context)


@login_required
@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    campaign = get_object_or_404(queries.visible_campaigns(request.user), pk=pk)
    if campaign.kind == CampaignKind.COMPARING:
        return compare.overview(request, campaign)
    context: dict[str, Any] = {
        "campaign": campaign,
        "checklist": checklist_in(campaign.checklist_version, get_language()),
        "is_reviewer": has_role(request.user, Role.REVIEWER, Role.ADMIN),
        "panels": campaign_panels.render(request, campaign),
    }
    if has_role(request.user, Role.ANNOTATOR):
        context["share"] = queries.own_shares(request.user, [campaign])[campaign.pk]
    if context["is_reviewer"]:
        context["progress"] = queries.campaign_progress(campaign)
        context["waiting"] = queries.open_flags(campaign)
        context["flags"] = queries.flags(campaign=campaign)[:8]
        context["next_states"] = services.next_states(campaign)
    return render(request, "campaigns/detail.html", context)


@role_required(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
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
                queue_order=values["queue_order"] or QueueOrder.PRIORITY,
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
    return render(request, "campaigns/create.html", {"form": form}, status=422 if form.errors else 200)


@role_required(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def edit_guidelines(request: HttpRequest, pk: int) -> HttpResponse:
    """The one thing about a campaign that may change while it runs, besides its state."""
    campaign = get_object_or_404(queries.visible_campaigns(request.user), pk=pk)
    form = GuidelinesForm(request.POST or None, instance=campaign)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Guidelines saved. Annotators see them from now on."))
        return redirect("campaigns:detail", pk=pk)
    return render(request, "campaigns/guidelines.html", {"campaign": campaign, "form": form})


@role_required(Role.ADMIN)
@require_safe
def count(request: HttpRequest) -> HttpResponse:
    """How many items the filter of a new campaign takes, as one types."""
    return render(request, "campaigns/_count.html", {"count": CountForm(request.GET).count()})


@role_required(Role.ADMIN)
@require_POST
def change_state(request: HttpRequest, pk: int) -> HttpResponse:
    campaign = get_object_or_404(queries.visible_campaigns(request.user), pk=pk)
    try:
        campaign = services.set_state(campaign=campaign, state=request.POST.get("state", ""))
        messages.success(request, _("Campaign state: %(state)s.") % {"state": campaign.get_state_display()})
    except ProblemError as problem:
        messages.error(request, problem.message)
    return redirect("campaigns:detail", pk=pk)


@login_required
@require_safe
def checklist(request: HttpRequest, pk: int) -> HttpResponse:
    """A checklist version as people read it: dimensions, ladders, questions, masks."""
    version = get_object_or_404(ChecklistVersion, pk=pk)
    others = ChecklistVersion.objects.filter(name=version.name).exclude(pk=pk)
    examples = list(version.examples.all())
    context = {
        "version": version,
        "checklist": checklist_in(version, get_language()),
        "others": others,
        "examples": examples,
    }
    if not examples:
        context["with_examples"] = others.filter(Exists(LevelExample.objects.filter(checklist_version=OuterRef("pk"))))
    return render(request, "campaigns/checklist.html", context)
