"""The items of a campaign: what is waiting, what is done; added, ordered, taken out and put back."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from annotator.accounts.models import Role
from annotator.accounts.roles import role_required
from annotator.campaigns import queries, services
from annotator.campaigns.forms import ItemFilterForm, QueueOrderForm
from annotator.campaigns.models import Campaign, CampaignKind
from annotator.core.counted_pages import CountedPaginator
from annotator.core.errors import ProblemError
from annotator.core.numbers import whole

if TYPE_CHECKING:
    from annotator.campaigns.annotated import ListedItem

A_PAGE = 50


def _campaign(pk: int) -> Campaign:
    return get_object_or_404(Campaign.objects.select_related("checklist_version"), pk=pk, kind=CampaignKind.JUDGING)


@role_required(Role.REVIEWER, Role.ADMIN)
@require_safe
def item_list(request: HttpRequest, pk: int) -> HttpResponse:
    """``?show=`` one of SHOWN, ``?prompt=`` part of the prompt."""
    campaign = _campaign(pk)
    show = request.GET.get("show", "all")
    show = show if show in queries.SHOWN else "all"
    prompt = request.GET.get("prompt", "").strip()[:200]
    found, counts = queries.items_of(campaign, show=show, prompt=prompt), queries.items_counted(campaign)
    pages = Paginator(found, A_PAGE) if prompt else CountedPaginator(found, A_PAGE, counts[show])
    page = pages.get_page(request.GET.get("page"))
    rows = cast("list[ListedItem]", list(page.object_list))
    troubles = queries.troubles_of(rows)
    for row in rows:
        row.skipped, row.reports = troubles.get(row.pk, (0, 0))
    context = {
        "campaign": campaign,
        "page": page,
        "rows": rows,
        "show": show,
        "prompt": prompt,
        "tabs": [(key, label, counts[key]) for key, (label, _which) in queries.SHOWN.items()],
        "form": ItemFilterForm(),
        "order": QueueOrderForm(instance=campaign),
    }
    return render(request, "campaigns/items.html", context)


@role_required(Role.ADMIN)
@require_POST
def add(request: HttpRequest, pk: int) -> HttpResponse:
    """Items of the library that fit the filter and are not in the campaign yet."""
    campaign = _campaign(pk)
    form = ItemFilterForm(request.POST)
    if form.is_valid():
        try:
            n = services.add_items(campaign=campaign, items=form.fitting(campaign.media_type))
        except ProblemError as problem:
            messages.error(request, problem.message)
        else:
            messages.success(request, ngettext("%(n)d item added.", "%(n)d items added.", n) % {"n": n})
    else:
        messages.error(request, _("Choose the items again: that import or generator no longer exists."))
    return redirect("campaigns:items", pk=pk)


@role_required(Role.ADMIN)
@require_safe
def count(request: HttpRequest, pk: int) -> HttpResponse:
    """How many items would be added, as one types."""
    campaign = _campaign(pk)
    form = ItemFilterForm(request.GET)
    new = form.fitting(campaign.media_type).exclude(campaign_items__campaign=campaign) if form.is_valid() else None
    return render(request, "campaigns/_count_new.html", {"count": None if new is None else new.count()})


@role_required(Role.ADMIN)
@require_POST
def order(request: HttpRequest, pk: int) -> HttpResponse:
    """Which item comes next."""
    form = QueueOrderForm(request.POST)
    if form.is_valid():
        campaign = services.set_queue_order(campaign=_campaign(pk), order=form.cleaned_data["queue_order"])
        messages.success(request, _("Item order: %(order)s.") % {"order": campaign.get_queue_order_display()})
    else:
        messages.error(request, _("Choose one of the item orders."))
    return redirect("campaigns:items", pk=pk)


@role_required(Role.REVIEWER, Role.ADMIN)
@require_POST
def take_out(request: HttpRequest, pk: int) -> HttpResponse:
    """Take the chosen items (``item``) out of the campaign, or (``back=1``) put them back."""
    campaign = _campaign(pk)
    chosen = [item for sent in request.POST.getlist("item") if (item := whole(sent)) is not None]
    try:
        if not chosen:
            messages.error(request, _("Select items first."))
        elif request.POST.get("back"):
            n = services.put_back(campaign=campaign, items=chosen)
            messages.success(request, ngettext("%(n)d item restored.", "%(n)d items restored.", n) % {"n": n})
        else:
            n = services.take_out(campaign=campaign, items=chosen)
            messages.success(
                request,
                ngettext(
                    "%(n)d item removed. Its answers are kept but do not count.",
                    "%(n)d items removed. Their answers are kept but do not count.",
                    n,
                )
                % {"n": n},
            )
    except ProblemError as problem:
        messages.error(request, problem.message)
    query = request.POST.get("query", "")
    return redirect(reverse("campaigns:items", args=[pk]) + (f"?{query}" if query else ""))
