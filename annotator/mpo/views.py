"""Pair sets: the list."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from annotator.accounts.models import Role
from annotator.accounts.roles import role_required
from annotator.mpo.models import PairSet


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
def pair_sets(request: HttpRequest) -> HttpResponse:
    found = PairSet.objects.select_related("reward_model", "created_by", "job")
    page = Paginator(found, 25).get_page(request.GET.get("page"))
    return render(request, "mpo/pair_sets.html", {"page": page})
