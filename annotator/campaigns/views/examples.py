"""Examples of levels: admins keep them, everybody who is signed in sees them beside the questions."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotator.accounts.models import Role
from annotator.accounts.roles import role_required
from annotator.campaigns import services
from annotator.campaigns.checklists import checklist_in
from annotator.campaigns.forms import ExampleForm
from annotator.campaigns.models import ChecklistVersion, LevelExample
from annotator.core.errors import ProblemError
from annotator.core.numbers import whole
from annotator.library import storage
from annotator.library.serving import serve, shown_etag
from reward_engine.errors import ChecklistError


def ladders_with_examples(version: ChecklistVersion) -> list[dict[str, Any]]:
    """Every ladder in the page's language, each level with its examples."""
    by_level: dict[tuple[str, int], list[LevelExample]] = {}
    for example in version.examples.all():
        by_level.setdefault((example.sub_dimension, example.level), []).append(example)
    return [
        {
            "sub": sub,
            "levels": [
                {"level": level, "key": key, "examples": by_level.get((sub.id, level.score), [])}
                for key, level in enumerate(sub.levels, 0 if sub.masked_by_other else 1)
            ],
            "count": sum(len(by_level.get((sub.id, score), [])) for score in sub.scores),
        }
        for sub in checklist_in(version, get_language()).sub_dimensions
    ]


@login_required
@require_safe
def guide(request: HttpRequest, pk: int) -> HttpResponse:
    """All levels with their guidance and examples, for the panel beside the questions: asked for once per visit."""
    version = get_object_or_404(ChecklistVersion, pk=pk)
    response = render(request, "campaigns/_guide.html", {"ladders": ladders_with_examples(version)})
    response["Cache-Control"] = "private, no-cache"
    return response


@login_required
@require_safe
def media(request: HttpRequest, pk: int) -> HttpResponseBase:
    """What is shown of an example: its view, or the file as it was uploaded where that is plain."""
    example = get_object_or_404(LevelExample, pk=pk)
    name = f"example-{pk}.{example.view or example.extension}"
    mime_type = storage.shown_type(example, example.mime_type)
    return _serve(request, example, storage.shown_path(example), mime_type, shown_etag(example), name)


@login_required
@require_safe
def thumbnail(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The small still of an example."""
    example = get_object_or_404(LevelExample, pk=pk)
    path, etag = storage.thumbnail_path(example), f'"{example.sha256}-small"'
    return _serve(request, example, path, "image/webp", etag, f"example-{pk}-small.webp")


def _serve(request: HttpRequest, example: LevelExample, path: Any, *rest: str) -> HttpResponseBase:
    if not path.is_file():
        raise Http404(_("The file of this example is missing on the server. An admin can replace it."))
    return serve(request, example, path, *rest)  # type: ignore[arg-type]


@role_required(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def level_examples(request: HttpRequest, pk: int, sub_dimension: str, level: str) -> HttpResponse:
    """The examples of one level: add, change the words, put another file in place, take away."""
    version = get_object_or_404(ChecklistVersion, pk=pk)
    score = _level(version, sub_dimension, level)
    examples = list(version.examples.filter(sub_dimension=sub_dimension, level=score))
    forms = {example.pk: ExampleForm(instance=example, prefix=f"e{example.pk}") for example in examples}
    new = ExampleForm(prefix="new")
    if request.method == "POST":
        which = request.POST.get("example", "new")
        example = next((example for example in examples if str(example.pk) == which), None)
        if example is None and which != "new":
            raise Http404
        if example is not None and "remove" in request.POST:
            services.remove_example(example=example)
            messages.success(request, _("Example removed."))
            return redirect(request.path)
        form = ExampleForm(request.POST, request.FILES, instance=example, prefix=f"e{which}" if example else "new")
        if form.is_valid() and _saved(form, version, sub_dimension, score, example, request.user):
            messages.success(request, _("Example saved. Annotators see it from their next item on."))
            return redirect(request.path)
        if example is None:
            new = form
        else:
            forms[example.pk] = form
    sub = checklist_in(version, get_language()).sub_dimension(sub_dimension)
    context = {
        "version": version,
        "sub": sub,
        "level": sub.level(score),
        "levels": sub.levels,
        "rows": [(example, forms[example.pk]) for example in examples],
        "new": new,
        "most": services.EXAMPLES_A_LEVEL,
    }
    failed = new.errors or any(form.errors for form in forms.values())
    return render(request, "campaigns/examples.html", context, status=422 if failed else 200)


def _level(version: ChecklistVersion, sub_dimension: str, level: str) -> int:
    try:
        score = int(level)
        services.require_level(version, sub_dimension, score)
    except (ValueError, ProblemError, ChecklistError):
        raise Http404(_("This checklist has no such level.")) from None
    return score


def _saved(
    form: ExampleForm,
    version: ChecklistVersion,
    sub_dimension: str,
    level: int,
    example: LevelExample | None,
    user: Any,
) -> bool:
    """Save what the form has; False where the file or the words were refused, with the reason in the form."""
    values = {name: form.cleaned_data[name] for name in ("alt", "caption")}
    upload = form.cleaned_data["upload"]
    try:
        if example is not None:
            services.change_example(example=example, upload=upload, **values)
        else:
            services.add_example(
                checklist_version=version, sub_dimension=sub_dimension, level=level, upload=upload, added_by=user,
                **values,
            )  # fmt: skip
    except ProblemError as problem:
        form.add_error("upload", problem.message)
        return False
    return True


@role_required(Role.ADMIN)
@require_POST
def take_over(request: HttpRequest, pk: int) -> HttpResponse:
    """The examples of another version of the same checklist, for the levels that have none yet."""
    version = get_object_or_404(ChecklistVersion, pk=pk)
    source = get_object_or_404(
        ChecklistVersion,
        pk=whole(request.POST.get("source", "")) or 0,
        name=version.name,
        media_type=version.media_type,
    )
    n = services.take_over_examples(source=source, target=version)
    messages.success(request, ngettext("%(n)d example copied.", "%(n)d examples copied.", n) % {"n": n})
    return redirect("campaigns:checklist", pk=pk)
