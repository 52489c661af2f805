"""The page on which published question and weight files are loaded."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from annotator.accounts.models import Role
from annotator.accounts.roles import role_required
from annotator.core.errors import ProblemError
from annotator.rewards import services
from annotator.rewards.models import PublishedWeights
from annotator.rewards.published_forms import PublishedFilesForm


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.ADMIN)
def load_published(request: HttpRequest) -> HttpResponse:
    form = PublishedFilesForm(request.POST, request.FILES) if request.method == "POST" else PublishedFilesForm()
    if form.is_bound and form.is_valid():
        try:
            loaded = services.load_published(**form.options(), loaded_by=request.user)
        except ProblemError as problem:
            form.add_error(str(problem.details.get("field") or "") or None, problem.message)
        else:
            words = _("%(checklist)s loaded.") if loaded.new else _("%(checklist)s was already loaded.")
            messages.success(request, words % {"checklist": loaded.version})
            return redirect("campaigns:checklist", pk=loaded.version.pk)
    kept = PublishedWeights.objects.select_related("checklist_version")
    context = {"form": form, "kept": kept}
    return render(request, "rewards/published.html", context, status=422 if form.errors else 200)
