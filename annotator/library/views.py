"""The gallery, an item, and imports."""

import csv
from collections.abc import Iterator

from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import push_url

from annotator.accounts.models import Role
from annotator.accounts.requests import SignedInRequest
from annotator.accounts.roles import role_required
from annotator.core.counted_pages import CountedPaginator
from annotator.core.errors import ProblemError
from annotator.core.htmx import part_or_page, wants_part
from annotator.library import queries, services
from annotator.library.example import COLUMNS, EXAMPLE_ROWS
from annotator.library.filters import ItemFilter
from annotator.library.forms import GalleryForm, ImportForm, default_name
from annotator.library.item_panels import item_panels
from annotator.library.models import ImportBatch

ITEMS_A_PAGE = 48
PROBLEMS_A_PAGE = 50
FILTERS = ("q", "media_type", "generator", "batch", "license")


# Annotators see the media they work on, never who made it: what these pages tell would take the blindness away.
@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
@part_or_page
def items(request: SignedInRequest) -> HttpResponse:
    found = ItemFilter(request.GET, queryset=queries.items_for(request.user)).qs
    n = queries.count_filtered(request.GET.dict())
    page = CountedPaginator(found, ITEMS_A_PAGE, n).get_page(request.GET.get("page"))
    context = {"page": page, "filtered": any(request.GET.get(name) for name in FILTERS)}
    if wants_part(request):
        query = request.GET.copy()
        for name in [name for name, value in query.items() if not value]:
            del query[name]
        response = render(request, "library/_items.html", context)
        return push_url(response, f"{request.path}?{query.urlencode()}" if query else request.path)
    return render(request, "library/items.html", {**context, "form": GalleryForm(request.GET)})


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
def item_detail(request: SignedInRequest, pk: int) -> HttpResponse:
    item = get_object_or_404(queries.items_for(request.user).select_related("prompt", "generator", "batch"), pk=pk)
    context = {
        "item": item,
        "siblings": queries.siblings(request.user, item),
        "panels": item_panels.render(request, item),
    }
    return render(request, "library/item.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.ADMIN)
def start_import(request: SignedInRequest) -> HttpResponse:
    form = ImportForm(request.POST, request.FILES) if request.method == "POST" else ImportForm()
    if form.is_valid():
        data = form.cleaned_data
        try:
            batch = services.start_import(
                upload=data["upload"],
                manifest=data["manifest"] or None,
                name=data["name"] or default_name(data["upload"]),
                options=form.options(),
                requested_by=request.user,
            )
        except ProblemError as problem:
            form.add_error(None, problem.message)
        else:
            return redirect("library:batch", pk=batch.pk)
    context = {"form": form, "columns": COLUMNS, "example": EXAMPLE_ROWS}
    return render(request, "library/import.html", context, status=422 if form.errors else 200)


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
def example_manifest(request: SignedInRequest) -> HttpResponse:
    """The example of the import page as a file to begin with."""
    response = HttpResponse(
        content_type="text/csv; charset=utf-8", headers={"Content-Disposition": 'attachment; filename="manifest.csv"'}
    )
    writer = csv.writer(response)
    writer.writerow([column for column, _label, _help in COLUMNS])
    writer.writerows(EXAMPLE_ROWS)
    return response


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
def batches(request: SignedInRequest) -> HttpResponse:
    page = Paginator(queries.batches(), 25).get_page(request.GET.get("page"))
    return render(request, "library/batches.html", {"page": page})


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
@part_or_page
def batch(request: SignedInRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(queries.batches(), pk=pk)
    context = {
        "batch": found,
        "job": found.job,
        "live": found.job is not None and not found.job.is_finished,
        "page": Paginator(queries.problems_of(found), PROBLEMS_A_PAGE).get_page(request.GET.get("page")),
        "sample": queries.items_for(request.user).filter(batch=found)[:8],
    }
    return render(request, "library/_batch.html" if wants_part(request) else "library/batch.html", context)


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
def batch_problems(request: SignedInRequest, pk: int) -> HttpResponseBase:
    """All problems of an import as CSV, row by row as they leave the database."""
    found = get_object_or_404(ImportBatch, pk=pk)
    name = f"problems-{slugify(found.name)[:60] or found.pk}.csv"
    return StreamingHttpResponse(
        _problem_lines(found),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


class _Echo:
    def write(self, line: str) -> str:
        return line


def _problem_lines(found: ImportBatch) -> Iterator[str]:
    writer = csv.writer(_Echo())
    fields = ("row", "file", "field", "code", "message")
    yield "\ufeff" + writer.writerow(fields)
    for row in queries.problems_of(found).values_list(*fields).iterator(chunk_size=2000):
        yield writer.writerow([_harmless(value) for value in row])


def _harmless(value: object) -> object:
    """Text that a spreadsheet would run as a formula is marked as text; file names come from outside."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
