"""Base models: the list with its form, one of them with what its check found, and what an admin may do."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotator.accounts.models import Role
from annotator.accounts.roles import has_role, role_required
from annotator.core.errors import ProblemError
from annotator.core.htmx import part_or_page, wants_part
from annotator.rewards import queries, services, vlms
from annotator.rewards.base_forms import BaseModelForm
from annotator.rewards.models import BaseModel

BASES_A_PAGE = 25


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.ADMIN, Role.REVIEWER)
@part_or_page
def base_list(request: HttpRequest) -> HttpResponse:
    posted = request.method == "POST"
    if posted and not has_role(request.user, Role.ADMIN):
        raise PermissionDenied
    if wants_part(request) and not posted:
        return render(request, "rewards/_bases.html", _listed(request))
    form = BaseModelForm(request.POST if posted else None)
    if posted and form.is_valid():
        try:
            base = services.register_base(**form.options(), requested_by=request.user)
        except ProblemError as problem:
            form.refuse(problem.message, str(problem.details.get("field", "")))
        else:
            messages.success(request, _("%(base)s is registered. A GPU worker is checking it.") % {"base": base})
            return redirect("rewards:base", pk=base.pk)
    context = {"form": form, "roots": vlms.roots().paths, **_listed(request)}
    return render(request, "rewards/bases.html", context, status=422 if form.errors else 200)


def _listed(request: HttpRequest) -> dict[str, Any]:
    query = request.GET.get("q", "").strip()[:200]
    page = Paginator(queries.bases(query), BASES_A_PAGE).get_page(request.GET.get("page"))
    return {"query": query, "page": page, "rows": [(base, queries.outcome(base)) for base in page]}


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
@part_or_page
def base_detail(request: HttpRequest, pk: int) -> HttpResponse:
    base = get_object_or_404(queries.bases(), pk=pk)
    context = {
        "base": base,
        "outcome": queries.outcome(base),
        "job": base.job if base.job is not None and not base.job.is_finished else None,
        "versions": base.versions.order_by("media_type", "-version"),
    }
    return render(request, "rewards/_base_model.html" if wants_part(request) else "rewards/base_model.html", context)


@require_POST
@role_required(Role.ADMIN)
def check_base(request: HttpRequest, pk: int) -> HttpResponse:
    base = get_object_or_404(BaseModel, pk=pk)
    services.request_check(base=base, requested_by=request.user)
    messages.success(request, _("A GPU worker is checking %(base)s again.") % {"base": base})
    return redirect("rewards:base", pk=pk)


@require_POST
@role_required(Role.ADMIN)
def delete_base(request: HttpRequest, pk: int) -> HttpResponse:
    base = get_object_or_404(BaseModel, pk=pk)
    try:
        services.delete_base(base=base)
    except ProblemError as problem:
        messages.error(request, problem.message)
        return redirect("rewards:base", pk=pk)
    messages.success(request, _("%(base)s is no longer registered. Its files were not deleted.") % {"base": base})
    return redirect("rewards:bases")
