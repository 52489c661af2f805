"""Prompt sets: the list, a new one, one with its prompts, downloads."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotator.accounts.models import Role
from annotator.accounts.roles import role_required
from annotator.core.errors import ProblemError
from annotator.generations import queries, services
from annotator.generations.forms.prompt_sets import PromptSetForm
from annotator.generations.models import PromptSet

PROMPTS_A_PAGE = 50
ROWS_SHOWN = 20
CONTENT_TYPES = {"txt": "text/plain; charset=utf-8", "jsonl": "application/jsonl"}


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
def prompt_sets(request: HttpRequest) -> HttpResponse:
    page = Paginator(queries.prompt_sets(), 25).get_page(request.GET.get("page"))
    return render(request, "generations/prompt_sets.html", {"page": page})


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.ADMIN)
def prompt_set_create(request: HttpRequest) -> HttpResponse:
    form = PromptSetForm(request.POST, request.FILES) if request.method == "POST" else PromptSetForm()
    if request.method == "POST" and form.is_valid():
        assert form.found is not None
        try:
            made = services.import_prompts(
                name=form.cleaned_data["name"],
                description=form.cleaned_data["description"],
                found=form.found,
                leave_out=form.cleaned_data["leave_out"],
                created_by=request.user,
            )
        except ProblemError as problem:
            field = problem.details.get("field")
            form.add_error(field if field in form.fields else None, problem.message)
        else:
            messages.success(request, form.found.in_words())
            return redirect("generations:prompt-set", pk=made.pk)
    unusable = form.unusable if form.is_bound else []
    context = {"form": form, "rows": unusable[:ROWS_SHOWN], "unusable": len(unusable)}
    return render(request, "generations/prompt_set_create.html", context, status=422 if form.is_bound else 200)


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
def prompt_set(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(queries.prompt_sets(), pk=pk)
    page = Paginator(queries.members(found), PROMPTS_A_PAGE).get_page(request.GET.get("page"))
    context = {"prompt_set": found, "page": page, "generation_sets": queries.generations_of(found)}
    return render(request, "generations/prompt_set.html", context)


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
def prompt_set_download(request: HttpRequest, pk: int, kind: str) -> HttpResponseBase:
    found = get_object_or_404(PromptSet, pk=pk)
    if kind not in CONTENT_TYPES:
        raise Http404
    name = f"prompts-{found.pk}-{slugify(found.name)[:50]}".rstrip("-") + f".{kind}"
    return StreamingHttpResponse(
        queries.written(found, kind),
        content_type=CONTENT_TYPES[kind],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@require_POST
@role_required(Role.ADMIN)
def prompt_set_delete(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(PromptSet, pk=pk)
    try:
        services.delete_prompt_set(prompt_set=found)
    except ProblemError as problem:
        messages.error(request, problem.message)
        return redirect("generations:prompt-set", pk=pk)
    messages.success(request, _("“%(name)s” deleted. Its prompts stay in the library.") % {"name": found.name})
    return redirect("generations:prompt-sets")
