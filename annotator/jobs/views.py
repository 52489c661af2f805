"""Jobs as people see them: what runs, how far it is, how it ended."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from annotator.accounts.requests import SignedInRequest
from annotator.core.errors import ProblemError
from annotator.core.htmx import part_or_page, wants_part
from annotator.jobs import queries, services
from annotator.jobs.models import JobState


@login_required
@part_or_page
def job_list(request: SignedInRequest) -> HttpResponse:
    jobs = queries.visible_jobs(request.user)
    state = request.GET.get("state", "")
    if state in JobState.values:
        jobs = jobs.filter(state=state)
    page = Paginator(jobs, 25).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "states": JobState.choices,
        "state": state,
        "live": any(not job.is_finished for job in page),
    }
    return render(request, "jobs/_list.html" if wants_part(request) else "jobs/list.html", context)


@login_required
@part_or_page
def job_detail(request: SignedInRequest, pk: str) -> HttpResponse:
    job = get_object_or_404(queries.visible_jobs(request.user), pk=pk)
    context = {"job": job, "may_cancel": queries.may_cancel(request.user, job)}
    return render(request, "jobs/_detail.html" if wants_part(request) else "jobs/detail.html", context)


@login_required
def job_progress(request: SignedInRequest, pk: str) -> HttpResponse:
    """The small live progress that other pages embed; it stops asking when the job has ended."""
    job = get_object_or_404(queries.visible_jobs(request.user), pk=pk)
    response = render(request, "jobs/_progress.html", {"job": job, "may_cancel": queries.may_cancel(request.user, job)})
    if job.is_finished:
        response["HX-Trigger"] = "job-finished"
    return response


@login_required
@require_POST
def cancel(request: SignedInRequest, pk: str) -> HttpResponse:
    job = get_object_or_404(queries.visible_jobs(request.user), pk=pk)
    if not queries.may_cancel(request.user, job) and not job.is_finished:
        messages.error(request, _("Only an admin or the person who requested this job can cancel it."))
        return redirect("jobs:detail", pk=job.pk)
    try:
        job = services.request_cancel(job=job)
        messages.success(
            request,
            _("Job canceled.") if job.is_finished else _("The job will stop at its next step."),
        )
    except ProblemError as problem:
        messages.error(request, problem.message)
    return redirect("jobs:detail", pk=job.pk)
