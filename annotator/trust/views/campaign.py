"""Pages of a campaign's annotators, policy and known answers."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from annotator.accounts.models import Role, User
from annotator.accounts.roles import has_role, role_required
from annotator.campaigns.models import Campaign, CampaignItem
from annotator.core.errors import ProblemError
from annotator.trust import queries, services
from annotator.trust.forms import TrustPolicyForm
from annotator.trust.models import AnnotatorStanding, KnownAnswers, TrustPolicy
from annotator.trust.queries import figures


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
