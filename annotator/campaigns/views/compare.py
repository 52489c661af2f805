"""Two generations of one prompt side by side: which is preferred overall."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from annotator.accounts.models import Role
from annotator.accounts.roles import role_required
from annotator.campaigns import queries, services
from annotator.campaigns.models import CampaignState
from annotator.core.errors import ProblemError


@never_cache
@role_required(Role.ANNOTATOR)
@require_http_methods(["GET", "HEAD", "POST"])
def compare(request: HttpRequest, pk: int) -> HttpResponse:
    campaign = queries.campaign_to_work_in(request.user, pk)
    if request.method == "POST":
        numbers = {name: request.POST.get(name, "") for name in ("left", "right", "milliseconds")}
        # More digits than these fit no column; what is no number is no pair.
        values = {name: int(value) if value.isdecimal() and len(value) <= 9 else 0 for name, value in numbers.items()}
        try:
            services.record_comparison(
                campaign=campaign, annotator=request.user, preference=request.POST.get("preference", ""), **values
            )
        except ProblemError as problem:
            messages.error(request, problem.message)
        return redirect("campaigns:compare", pk=pk)
    pair = queries.next_pair(request.user, campaign) if campaign.state == CampaignState.OPEN else None
    return render(request, "campaigns/compare.html", {"campaign": campaign, "pair": pair})
