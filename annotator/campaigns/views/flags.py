"""What annotators have reported: reviewers look at it and settle it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotator.accounts.models import Role
from annotator.accounts.roles import role_required
from annotator.campaigns import queries, services
from annotator.campaigns.checklists import checklist_in
from annotator.campaigns.models import Campaign, Flag, FlagOutcome, FlagReason
from annotator.core.errors import ProblemError
from annotator.core.numbers import whole

if TYPE_CHECKING:
    from annotator.campaigns.annotated import ListedFlag

A_PAGE = 30


@role_required(Role.REVIEWER, Role.ADMIN)
@require_safe
def flag_list(request: HttpRequest) -> HttpResponse:
    """Reports of one campaign (``?campaign=``) or of all; those that wait, or (``?settled=1``) those settled."""
    wanted = whole(request.GET.get("campaign", ""))
    campaign = None if wanted is None else get_object_or_404(Campaign, pk=wanted)
    settled = request.GET.get("settled") == "1"
    reason = request.GET.get("reason", "")
    found = queries.flags(campaign=campaign, settled=settled, reason=reason if reason in FlagReason.values else "")
    page = Paginator(found, A_PAGE).get_page(request.GET.get("page"))
    for flag in cast("Iterable[ListedFlag]", page.object_list):
        version = flag.assignment.campaign_item.campaign.checklist_version
        names = {sub.id: sub.name for sub in checklist_in(version, get_language()).sub_dimensions}
        flag.ladder = names.get(flag.sub_dimension, flag.sub_dimension)
    context = {
        "page": page,
        "campaign": campaign,
        "settled": settled,
        "reason": reason,
        "reasons": FlagReason.choices,
        "waiting": queries.open_flags(campaign),
    }
    return render(request, "campaigns/flags.html", context)


@role_required(Role.REVIEWER, Role.ADMIN)
@require_POST
def settle(request: HttpRequest, pk: int) -> HttpResponse:
    """A reviewer's word on a report (``outcome=take_out``: right, and the item leaves the campaign); or
    (``outcome=reopen``) back to those that wait."""
    flag = get_object_or_404(Flag, pk=pk)
    outcome = request.POST.get("outcome", "")
    try:
        if outcome == "reopen":
            services.reopen_flag(flag=flag)
            messages.success(request, _("The report is open again."))
        else:
            answer = request.POST.get("answer", "")[:2000]
            out = outcome == "take_out"
            n = services.settle_flag(
                flag=flag,
                by=request.user,
                outcome=FlagOutcome.UPHELD if out else outcome,
                answer=answer,
                take_item_out=out,
            )
            messages.success(
                request, ngettext("%(n)d report resolved.", "%(n)d matching reports resolved.", n) % {"n": n}
            )
    except ProblemError as problem:
        messages.error(request, problem.message)
    query = request.POST.get("query", "")
    return redirect(reverse("campaigns:flags") + (f"?{query}" if query else ""))
