"""Pages of the trust app: a campaign's annotators and policy, and the review queue."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from annotator.accounts.models import Role, User
from annotator.accounts.roles import has_role, role_required
from annotator.campaigns.models import Campaign, CampaignItem, Purpose
from annotator.core.errors import ProblemError
from annotator.trust import queries, services
from annotator.trust.forms import TrustPolicyForm
from annotator.trust.models import AnnotatorStanding, KnownAnswers, TrustPolicy
from annotator.trust.queries import figures
from annotator.trust.services.gold_from_decisions import make_known


@role_required(Role.REVIEWER, Role.ADMIN)
def campaign(request: HttpRequest, pk: int) -> HttpResponse:
    """Policy, annotators, known answers and what adaptive overlap saves."""
    found = get_object_or_404(Campaign.objects.select_related("checklist_version"), pk=pk)
    policy = TrustPolicy.objects.filter(campaign=found).first() or TrustPolicy(campaign=found)
    form = TrustPolicyForm(request.POST or None, instance=policy)
    if request.method == "POST":
        if not has_role(request.user, Role.ADMIN):
            messages.error(request, _("Only an admin can change the policy."))
            return redirect("trust:campaign", pk=pk)
        if form.is_valid():
            services.set_policy(campaign=found, **form.cleaned_data)
            figures.have_changed(found.pk)
            messages.success(request, _("Policy saved. It applies from the next item on."))
            return redirect("trust:campaign", pk=pk)
    report = figures.report(found)
    context = {
        "campaign": found,
        "form": form,
        "report": report,
        "rows": report.rows,
        "known": KnownAnswers.objects.filter(campaign_item__campaign=found)
        .select_related("campaign_item__item__prompt")
        .order_by("campaign_item__purpose", "pk"),
        "savings": _bars(report.savings),
    }
    AnnotatorStanding.objects.filter(campaign=found, state="paused", seen_at=None).update(seen_at=timezone.now())
    return render(request, "trust/campaign.html", context)


BAR_WIDTH, BAR_STEP = 320, 34


def _bars(savings: queries.Savings | None) -> dict[str, Any] | None:
    """The bar chart's geometry, in SVG units."""
    if savings is None or not savings.bars:
        return None
    most = max(items for _people, items in savings.bars)
    bars = [
        {"people": people, "items": items, "y": BAR_STEP * i, "text_y": BAR_STEP * i + 18,
         "width": max(round(BAR_WIDTH * items / most), 2), "label_x": 118 + max(round(BAR_WIDTH * items / most), 2)}
        for i, (people, items) in enumerate(savings.bars)
    ]  # fmt: skip
    saved = savings.saved_share
    return {
        "bars": bars,
        "height": BAR_STEP * len(bars),
        "asked": savings.asked,
        "most": savings.most,
        "percent": round(100 * saved) if saved is not None else None,
    }


@role_required(Role.REVIEWER, Role.ADMIN)
@require_POST
def standing(request: HttpRequest, pk: int, annotator: int) -> HttpResponse:
    """Pause somebody, let them go on (with or without what they did), or allow another try at the test."""
    found = get_object_or_404(Campaign, pk=pk)
    person = get_object_or_404(User, pk=annotator)
    row, _made = AnnotatorStanding.objects.get_or_create(campaign=found, annotator=person)
    what = request.POST.get("what", "")
    if what == "pause":
        services.pause(standing=row, reason=_("Paused by %(name)s.") % {"name": request.user.username})
        messages.success(
            request,
            _("%(name)s is paused. Other annotators will be asked about their items.") % {"name": person.username},
        )
    elif what in ("lift", "lift-restore"):
        services.lift_pause(standing=row, restore=what == "lift-restore")
        messages.success(request, _("%(name)s can work again.") % {"name": person.username})
    elif what == "another-try":
        services.allow_another_try(campaign=found, annotator=person)
        messages.success(request, _("%(name)s can take the test again.") % {"name": person.username})
    else:
        messages.error(request, _("Choose an action for this annotator."))
    figures.have_changed(pk)
    return redirect("trust:campaign", pk=pk)


@role_required(Role.REVIEWER, Role.ADMIN)
def review(request: HttpRequest, pk: int) -> HttpResponse:
    """The review queue of a campaign."""
    found = get_object_or_404(Campaign.objects.select_related("checklist_version"), pk=pk)
    decided = request.GET.get("decided") == "1"
    report = figures.review(found, include_decided=decided)
    context = {"campaign": found, "report": report, "rows": report.rows, "decided": decided}
    return render(request, "trust/review.html", context)


@role_required(Role.REVIEWER, Role.ADMIN)
def review_item(request: HttpRequest, pk: int) -> HttpResponse:
    """One item: the answers side by side, and the reviewer's decisions."""
    row = get_object_or_404(
        CampaignItem.objects.select_related("campaign__checklist_version", "item__prompt", "item__generator"), pk=pk
    )
    if request.method == "POST":
        try:
            levels = _decisions(request, row)
            services.adjudicate(
                campaign_item=row, levels=levels, adjudicator=request.user, note=request.POST.get("note", "")
            )
            if request.POST.get("make") in (Purpose.GOLD, Purpose.QUALIFICATION):
                make_known(campaign_item=row, purpose=request.POST["make"])
                messages.success(request, _("Its answers are now known. Annotators get it as a check."))
            else:
                messages.success(request, _("Decisions saved. They override the votes."))
        except ProblemError as problem:
            messages.error(request, problem.message)
            return redirect("trust:review-item", pk=pk)
        figures.have_changed(row.campaign_id)
        following = [one.campaign_item.pk for one in figures.review(row.campaign).rows]
        if following and following[0] != row.pk:
            return redirect("trust:review-item", pk=following[0])
        return redirect("trust:review", pk=row.campaign_id)
    context = {"review": queries.review_item(row), "row": row, "item": row.item, "campaign": row.campaign}
    context["back"] = reverse("trust:review", args=[row.campaign_id])
    return render(request, "trust/review_item.html", context)


def _decisions(request: HttpRequest, row: CampaignItem) -> dict[str, int | None]:
    """What the form says: a level for each ladder decided; "" takes a decision back."""
    ids = [ladder.sub.id for ladder in queries.review_item(row).ladders]
    levels: dict[str, int | None] = {}
    for id in ids:
        value = request.POST.get(id)
        if value is None:
            continue
        try:
            levels[id] = int(value) if value else None
        except ValueError as error:
            raise ProblemError(
                _("“%(value)s” is not a level of “%(id)s”.") % {"value": value, "id": id}, code="no_level"
            ) from error
    return levels


@role_required(Role.ADMIN)
@require_POST
def forget(request: HttpRequest, pk: int) -> HttpResponse:
    """A gold or test item becomes ordinary work again."""
    row = get_object_or_404(CampaignItem, pk=pk)
    try:
        services.forget_known_answers(campaign_item=row)
        figures.have_changed(row.campaign_id)
        messages.success(request, _("The item is ordinary work again."))
    except ProblemError as problem:
        messages.error(request, problem.message)
    return redirect("trust:campaign", pk=row.campaign_id)
