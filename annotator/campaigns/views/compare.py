"""Two generations of one prompt side by side: which is preferred overall."""

import uuid
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotator.accounts.models import Role
from annotator.accounts.roles import has_role, role_required
from annotator.campaigns import queries, services
from annotator.campaigns.action_serializers import PreferSerializer, SkipSerializer, read_act
from annotator.campaigns.campaign_panels import campaign_panels
from annotator.campaigns.models import AssignmentState, Campaign, HumanComparison, SkipReason
from annotator.campaigns.pair_choices import choices_of, read_choice
from annotator.campaigns.pair_forms import ComparisonCampaignForm, PairFilterForm
from annotator.core.counted_pages import CountedPaginator
from annotator.core.errors import ProblemError


@never_cache
@role_required(Role.ANNOTATOR)
@require_safe
def compare(request: HttpRequest, pk: int) -> HttpResponse:
    """The next pair; and the one behind it is leased too, so that its media are there when this one is answered."""
    campaign = get_object_or_404(queries.visible_campaigns(request.user), pk=pk)
    try:
        comparison = services.lease_next_pair(campaign=campaign, annotator=request.user)
        ahead = comparison and services.lease_next_pair(
            campaign=campaign, annotator=request.user, after=comparison.token
        )
    except ProblemError as problem:
        return render(request, "campaigns/compare.html", {"campaign": campaign, "why_not": problem.message})
    if comparison is None:
        return render(request, "campaigns/compare.html", {"campaign": campaign, **_around(request, campaign)})
    return _page(request, queries.my_comparison(request.user, comparison.token), ahead)


@never_cache
@role_required(Role.ANNOTATOR)
@require_http_methods(["GET", "HEAD", "POST"])
def comparison(request: HttpRequest, token: uuid.UUID) -> HttpResponse:
    """One's own comparison: looked at again, answered, corrected."""
    own = queries.my_comparison(request.user, token)
    if request.method != "POST":
        return _page(request, own)
    try:
        sent = read_choice({name: value for name, value in request.POST.items() if value})
        act = read_act(PreferSerializer, sent)
        services.record_comparison(token=token, annotator=request.user, **act)
    except ProblemError as problem:
        messages.error(request, problem.message)
    return redirect("campaigns:compare", pk=own.pair.campaign_id)


@role_required(Role.ANNOTATOR)
@require_POST
def skip(request: HttpRequest, token: uuid.UUID) -> HttpResponse:
    own = queries.my_comparison(request.user, token)
    try:
        services.skip_comparison(
            token=token,
            annotator=request.user,
            **read_act(SkipSerializer, request.POST),
        )
        messages.success(request, _("Skipped. Another annotator will get it."))
    except ProblemError as problem:
        messages.error(request, problem.message)
    return redirect("campaigns:compare", pk=own.pair.campaign_id)


@role_required(Role.ANNOTATOR)
@require_POST
def take_up(request: HttpRequest, token: uuid.UUID) -> HttpResponse:
    """Open one's skipped or expired pair again."""
    queries.my_comparison(request.user, token)
    try:
        services.take_up_pair_again(token=token, annotator=request.user)
    except ProblemError as problem:
        messages.error(request, problem.message)
    return redirect("campaigns:comparison", token=token)


def _page(request: HttpRequest, own: HumanComparison, ahead: HumanComparison | None = None) -> HttpResponse:
    campaign = own.pair.campaign
    left, right = own.left, own.right
    context = {
        "campaign": campaign,
        "comparison": own,
        # The clip that the player follows.
        "leading": "left" if (left.duration_ms or 0) >= (right.duration_ms or 0) else "right",
        "choices": choices_of(own),
        "answerable": own.state in (AssignmentState.LEASED, AssignmentState.SUBMITTED),
        "skip_reasons": SkipReason.choices,
        "ahead": ahead,
        **_around(request, campaign, own),
    }
    return render(request, "campaigns/compare.html", context)


def _around(request: HttpRequest, campaign: Campaign, own: HumanComparison | None = None) -> dict[str, Any]:
    return {
        "previous": queries.previous_comparison(request.user, campaign, before=own),
        "left_to_do": queries.pairs_left(request.user, campaign),
    }


def mine(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """What this person has compared in a campaign, to look at again and correct."""
    page = Paginator(queries.my_comparisons(request.user, campaign), 48).get_page(request.GET.get("page"))
    return render(request, "campaigns/mine_pairs.html", {"campaign": campaign, "page": page})


def overview(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """A campaign of comparisons: for annotators what is left for them, for reviewers what was said of each pair."""
    context: dict[str, Any] = {
        "campaign": campaign,
        "is_reviewer": has_role(request.user, Role.REVIEWER, Role.ADMIN),
        "panels": campaign_panels.render(request, campaign),
    }
    if has_role(request.user, Role.ANNOTATOR):
        context["share"] = queries.own_shares(request.user, [campaign])[campaign.pk]
    if context["is_reviewer"]:
        progress = queries.pair_progress([campaign]).get(campaign.pk, queries.PairProgress())
        context |= {
            "progress": progress,
            "summary": queries.comparison_summary(campaign),
            "page": CountedPaginator(queries.pair_results(campaign), 25, progress.pairs).get_page(
                request.GET.get("page")
            ),
            "next_states": services.next_states(campaign),
        }
    return render(request, "campaigns/comparing.html", context)


@role_required(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest) -> HttpResponse:
    form = ComparisonCampaignForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        names = (
            "name",
            "pairs",
            "checklist_version",
            "overlap",
            "seed",
            "lease_seconds",
            "guidelines",
            "asks_strength",
        )
        try:
            campaign = services.create_comparison_campaign(
                created_by=request.user, **{name: values[name] for name in names}
            )
        except ProblemError as problem:
            form.add_error(None, problem.message)
        else:
            count = len(values["pairs"])
            words = ngettext("The campaign has %(n)d pair. Open it when the guidelines are ready.",
                             "The campaign has %(n)d pairs. Open it when the guidelines are ready.", count)  # fmt: skip
            messages.success(request, words % {"n": count})
            return redirect("campaigns:detail", pk=campaign.pk)
    return render(request, "campaigns/create_comparing.html", {"form": form}, status=422 if form.errors else 200)


@role_required(Role.ADMIN)
@require_safe
def count(request: HttpRequest) -> HttpResponse:
    """How many pairs the filter of a new campaign draws, as one types."""
    return render(request, "campaigns/_count_pairs.html", {"count": PairFilterForm(request.GET).count()})
