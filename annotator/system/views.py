"""The page that says how the platform is."""

from dataclasses import dataclass, replace

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from annotator.accounts.models import Role
from annotator.accounts.requests import SignedInRequest
from annotator.accounts.roles import role_required
from annotator.core import figures
from annotator.core.htmx import part_or_page, wants_part
from annotator.jobs.models import Job
from annotator.jobs.workers import Worker
from annotator.system.overview import jobs_by_id, overview
from annotator.system.problems import problems
from annotator.system.storage import STORAGE


@dataclass(frozen=True)
class WorkerRow:
    """A worker with the jobs that it is at; ``tasks`` are those without one."""

    worker: Worker
    jobs: list[Job]
    tasks: list[str]


@require_safe
@role_required(Role.ADMIN)
@part_or_page
def system(request: SignedInRequest) -> HttpResponse:
    found = overview()
    storage = figures.latest(STORAGE, "all")
    jobs = jobs_by_id(found.workers or [])
    context = {
        "system": found,
        "problems": problems(found),
        "storage": replace(storage, is_asked=False),  # the whole part loads again by itself
        "used": (storage.value or {}).get("used", {}),
        "slowest": (storage.value or {}).get("slowest"),
        "workers": [
            WorkerRow(
                worker,
                [jobs[one.job] for one in worker.doing if one.job in jobs],
                [one.task for one in worker.doing if one.job not in jobs],
            )
            for worker in found.workers or ()
        ],
    }
    return render(request, "system/_system.html" if wants_part(request) else "system/system.html", context)
