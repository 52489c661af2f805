"""Model suggestions of a campaign: in how many items they are shown, and what that does to the answers."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from annotator.accounts.models import Role
from annotator.accounts.roles import has_role, role_required
from annotator.campaigns import queries, services
from annotator.campaigns.forms import SuggestionsForm


@role_required(Role.REVIEWER, Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def suggestions(request: HttpRequest, pk: int) -> HttpResponse:
    campaign = get_object_or_404(queries.visible_campaigns(request.user), pk=pk)
    is_admin = has_role(request.user, Role.ADMIN)
    form = SuggestionsForm(request.POST or None, initial={"percent": campaign.suggestions_percent})
    if request.method == "POST":
        if not is_admin:
            messages.error(request, _("Only an admin can change this."))
            return redirect("campaigns:suggestions", pk=pk)
        if form.is_valid():
            services.set_suggestions(campaign=campaign, percent=form.cleaned_data["percent"])
            messages.success(request, _("Saved. The change applies from the next assigned item on."))
            return redirect("campaigns:suggestions", pk=pk)
    context = {
        "campaign": campaign,
        "form": form if is_admin else None,
        "bias": queries.suggestion_bias(campaign),
    }
    return render(request, "campaigns/suggestions.html", context, status=422 if form.errors else 200)
