"""Datasets: what there is, a campaign and its versions, one version and its files."""

from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers

from annotator.accounts.models import Role
from annotator.accounts.reauthentication import ask_first, asks_again
from annotator.accounts.roles import has_role, role_required
from annotator.core.downloads import content_type
from annotator.core.errors import ProblemError
from annotator.core.htmx import htmx_of
from annotator.datasets import downloads, formats, queries, services
from annotator.datasets.forms import ExportForm
from annotator.datasets.models import DatasetVersion

ZIP = "zip"
VERSIONS_A_PAGE = 25


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
def dataset_list(request: HttpRequest) -> HttpResponse:
    context = {
        "page": Paginator(queries.versions(), VERSIONS_A_PAGE).get_page(request.GET.get("page")),
        "campaigns": queries.with_annotations(queries.campaigns_to_export()[:50]),
    }
    return render(request, "datasets/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.ADMIN, Role.REVIEWER)
@asks_again
@vary_on_headers("HX-Request")  # a browser that goes back must not take the part that htmx was given for the page
def export(request: HttpRequest, pk: int) -> HttpResponse:
    """A campaign as a dataset: what an export would hold, its versions, and the button that makes the next one."""
    campaign = get_object_or_404(queries.campaigns_to_export(), pk=pk)
    if request.method == "POST":
        if not has_role(request.user, Role.ADMIN):
            raise PermissionDenied
        form = ExportForm(request.POST)
        try:
            services.request_export(campaign=campaign, requested_by=request.user, consensus=form.chosen())
        except ProblemError as problem:
            messages.error(request, problem.message)
        return redirect("datasets:export", pk=pk)
    job = queries.export_job(campaign)
    versions = queries.versions().filter(campaign=campaign)
    context = {
        "campaign": campaign,
        "form": ExportForm(initial={"consensus": queries.last_consensus(campaign)}),
        "preview": queries.preview(campaign),
        "page": Paginator(versions, VERSIONS_A_PAGE).get_page(request.GET.get("page")),
        "job": job,
        "live": job is not None and not job.is_finished,
    }
    return render(request, "datasets/_campaign.html" if htmx_of(request) else "datasets/campaign.html", context)


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
def version(request: HttpRequest, pk: int) -> HttpResponse:
    """What it holds; with ``download`` in the address, that file (or "zip") comes by itself."""
    found = get_object_or_404(queries.versions(), pk=pk)
    context = {"version": found, "manifest": found.manifest, "consensus": queries.consensus_name(found)}
    context["formats"] = formats.offered(found)
    wanted = request.GET.get("download", "")
    if wanted == ZIP:
        context["coming"] = reverse("datasets:download-all", args=[pk])
    elif downloads.recorded(found, wanted):
        context["coming"] = reverse("datasets:download", args=[pk, wanted])
    elif wanted in context["formats"]:
        context["coming"] = _format_address(pk, wanted, request.GET.get("split", ""))
    return render(request, "datasets/version.html", context)


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
def download(request: HttpRequest, pk: int, name: str) -> HttpResponseBase:
    """One file of a version. Only names that are recorded are ever opened."""
    found = get_object_or_404(queries.versions(), pk=pk)
    file = downloads.recorded(found, name)
    if file is None:
        raise Http404(_("This dataset version has no such file."))
    if asked := _asked_again(request, found, name):
        return asked
    try:
        path = downloads.whole_file(found, file)
    except ProblemError as problem:
        return _refuse(request, found, problem)
    response = FileResponse(
        path.open("rb"), as_attachment=True, filename=f"{downloads.stem(found)}-{name}",
        content_type=content_type(name),
    )  # fmt: skip
    response["ETag"] = f'"{file["sha256"]}"'
    return response


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
def download_all(request: HttpRequest, pk: int) -> HttpResponseBase:
    found = get_object_or_404(queries.versions(), pk=pk)
    if asked := _asked_again(request, found, ZIP):
        return asked
    try:
        content = downloads.zipped(found)
    except ProblemError as problem:
        return _refuse(request, found, problem)
    headers = {"Content-Disposition": f'attachment; filename="{downloads.stem(found)}.zip"'}
    return StreamingHttpResponse(content, content_type="application/zip", headers=headers)


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
def download_format(request: HttpRequest, pk: int, name: str) -> HttpResponseBase:
    """A version in one of its formats, made while it is sent; with ``split`` in the address, that split."""
    found = get_object_or_404(queries.versions(), pk=pk)
    split = request.GET.get("split", "")
    try:
        form, file_name, content = formats.export(found, name, split)
    except ProblemError as problem:
        if problem.status == 404:
            raise Http404(problem.message) from problem
        return _refuse(request, found, problem)
    if asked := _asked_again(request, found, name, split):
        return asked
    headers = {"Content-Disposition": f'attachment; filename="{file_name}"'}
    return StreamingHttpResponse(content, content_type=form.content_type, headers=headers)


def _format_address(pk: int, name: str, split: str) -> str:
    address = reverse("datasets:download-format", args=[pk, name])
    return f"{address}?{urlencode({'split': split})}" if split else address


def _asked_again(request: HttpRequest, found: DatasetVersion, wanted: str, split: str = "") -> HttpResponseBase | None:
    """The files say what each person answered: who takes them shows that it is they."""
    page = reverse("datasets:version", args=[found.pk])
    query = {"download": wanted} | ({"split": split} if split else {})
    return ask_first(request, then=f"{page}?{urlencode(query)}")


def _refuse(request: HttpRequest, found: DatasetVersion, problem: ProblemError) -> HttpResponse:
    messages.error(request, problem.message)
    return redirect("datasets:version", pk=found.pk)
