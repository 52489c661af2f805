"""Pair sets: the list, mining, one set with its gallery, downloads, vetoes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotator.accounts.models import Role
from annotator.accounts.roles import role_required
from annotator.campaigns.checklists import checklist_of
from annotator.core.errors import ProblemError
from annotator.core.htmx import htmx_of, part_or_page, wants_part
from annotator.core.numbers import whole
from annotator.library.models import MediaType
from annotator.mpo import exports, queries, services
from annotator.mpo.forms import MiningForm
from annotator.mpo.gap_bars import gap_bars, summary_bars
from annotator.mpo.models import PairSet, PreferencePair
from annotator.mpo.options import MiningOptions

if TYPE_CHECKING:
    from annotator.mpo.annotated import ReadySet

PAIRS_A_PAGE = 12


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
@part_or_page
def pair_sets(request: HttpRequest) -> HttpResponse:
    page = Paginator(queries.ready_sets(), 25).get_page(request.GET.get("page"))
    jobs = queries.mining_jobs()
    context = {"page": page, "jobs": jobs, "live": any(not job.is_finished for job in jobs)}
    return render(request, "mpo/_pair_sets.html" if wants_part(request) else "mpo/pair_sets.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.ADMIN)
def mine(request: HttpRequest) -> HttpResponse:
    models = queries.minable_models()
    chosen = {"reward_model": request.GET["model"]} if whole(request.GET.get("model", "")) else {}
    for kind in ("prompt_set", "generation_set"):
        if whole(request.GET.get(kind, "")):
            chosen["among"] = f"{kind}:{request.GET[kind]}"
    form = MiningForm(request.POST if request.method == "POST" else None, models=models, initial=chosen)
    if request.method == "POST" and form.is_valid():
        try:
            services.request_pair_mining(
                reward_model=form.cleaned_data["reward_model"],
                name=form.cleaned_data["name"],
                options=form.options(),
                requested_by=request.user,
            )
        except ProblemError as problem:
            field = str(problem.details.get("field"))
            field = "among" if field in ("prompt_set", "generation_set") else field
            form.add_error(field if field in form.fields else None, problem.message)
        else:
            messages.success(request, _("Mining has started. The pairs appear here when it is complete."))
            return redirect("mpo:pair-sets")
    return render(request, "mpo/mine.html", {"form": form, "models": models}, status=422 if form.errors else 200)


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
@part_or_page
def pair_set(request: HttpRequest, pk: int) -> HttpResponse:
    found: ReadySet = get_object_or_404(queries.ready_sets(), pk=pk)
    order, which = request.GET.get("order", "gap"), request.GET.get("which", "all")
    page = Paginator(queries.gallery(found, order, which), PAIRS_A_PAGE).get_page(request.GET.get("page"))
    options = MiningOptions.of_set(found.options)
    context = {
        "pair_set": found,
        "options": options,
        "among": queries.scope_if_there(options),
        "bars": summary_bars(found.summary),
        "page": page,
        "rows": [_row(pair) for pair in _with_set(page, found)],
        "order": order,
        "which": which,
        "with_pairs": found.prompts - found.prompts_without_pairs,
        "kept": found.pairs_count - found.vetoed,
        "formats": [kind for kind in exports.FORMATS if kind != "pickapic" or _holds_images(found)],
    }
    return render(request, "mpo/_gallery.html" if wants_part(request) else "mpo/pair_set.html", context)


def _holds_images(found: PairSet) -> bool:
    return found.reward_model.media_type == MediaType.IMAGE


def _with_set(pairs: Any, found: PairSet) -> list[PreferencePair]:
    """The pairs, each knowing its set without asking the database for it."""
    for pair in pairs:
        pair.pair_set = found
    return list(pairs)


def _row(pair: PreferencePair) -> dict[str, Any]:
    checklist = checklist_of(pair.pair_set.reward_model.checklist_version)
    return {"pair": pair, "bars": gap_bars(pair, checklist)}


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
def download(request: HttpRequest, pk: int, kind: str) -> HttpResponseBase:
    """The pairs that were not vetoed, in one of the forms of ``exports``."""
    found = get_object_or_404(queries.ready_sets(), pk=pk)
    try:
        form, name, content = exports.export(found, kind)
    except ProblemError as problem:
        if problem.status == 404:
            raise Http404(problem.message) from problem
        messages.error(request, problem.message)
        return redirect("mpo:pair-set", pk=pk)
    return StreamingHttpResponse(
        content, content_type=form.content_type, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


@require_POST
@role_required(Role.ADMIN, Role.REVIEWER)
def veto(request: HttpRequest, pk: int) -> HttpResponse:
    pair = get_object_or_404(
        PreferencePair.objects.filter(pair_set__ready_at__isnull=False).select_related(
            "pair_set__reward_model__checklist_version", "prompt", "winner__generator", "loser__generator"
        ),
        pk=pk,
    )
    services.set_veto(pair=pair, vetoed=request.POST.get("vetoed") == "yes", by=request.user)
    if htmx_of(request):
        return render(request, "mpo/_pair.html", {"row": _row(pair)})
    return redirect("mpo:pair-set", pk=pair.pair_set_id)
