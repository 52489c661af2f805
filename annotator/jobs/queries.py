"""Reads about jobs, for a person: admins and reviewers see all, others their own."""

from django.db.models import QuerySet

from annotator.accounts.models import Role, User
from annotator.accounts.roles import has_role
from annotator.jobs.models import FINISHED, Job


def visible_jobs(user: User) -> QuerySet[Job]:
    """List the jobs that somebody may see."""
    jobs = Job.objects.select_related("requested_by")
    return jobs if has_role(user, Role.ADMIN, Role.REVIEWER) else jobs.filter(requested_by=user)


def may_cancel(user: User, job: Job) -> bool:
    """Tell whether somebody may cancel a job."""
    return not job.is_finished and (has_role(user, Role.ADMIN) or job.requested_by_id == user.pk)


def unfinished(jobs: QuerySet[Job]) -> QuerySet[Job]:
    """Keep the jobs that have not ended."""
    return jobs.exclude(state__in=FINISHED)
