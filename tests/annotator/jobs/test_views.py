"""Jobs in pages and API: who sees and who cancels."""

from collections.abc import Callable

import pytest
from django.test import Client

from annotator.accounts.models import Role, User
from annotator.jobs.models import Job, JobState

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"


def test_an_annotator_sees_only_their_own_jobs(make_user: Callable[..., User], client: Client) -> None:
    mine = Job.objects.create(kind="x", title="mine", requested_by=(ann := make_user("ann")))
    other = Job.objects.create(kind="x", title="another's")
    client.force_login(ann, backend=BACKEND)
    assert client.get(f"/jobs/{mine.pk}/").status_code == 200
    assert client.get(f"/jobs/{other.pk}/").status_code == 404
    assert client.get(f"/jobs/{other.pk}/progress/").status_code == 404
    assert client.post(f"/jobs/{other.pk}/cancel/").status_code == 404
    assert client.post(f"/api/v1/jobs/{other.pk}/cancel/").status_code == 404
    assert "another&#x27;s" not in client.get("/jobs/").content.decode()


def test_a_reviewer_sees_all_and_cancels_none_of_others(make_user: Callable[..., User], client: Client) -> None:
    job = Job.objects.create(kind="x", title="another's", state=JobState.RUNNING)
    client.force_login(make_user("rev", Role.REVIEWER), backend=BACKEND)
    client.post(f"/jobs/{job.pk}/cancel/")
    assert client.post(f"/api/v1/jobs/{job.pk}/cancel/").status_code == 403
    job.refresh_from_db()
    assert job.cancel_requested_at is None


def test_an_admin_cancels_a_waiting_job_at_once(make_user: Callable[..., User], client: Client) -> None:
    job = Job.objects.create(kind="x", title="another's")
    client.force_login(make_user("root", Role.ADMIN), backend=BACKEND)
    assert client.post(f"/api/v1/jobs/{job.pk}/cancel/").json()["state"] == "canceled"
    answer = client.post(f"/api/v1/jobs/{job.pk}/cancel/")
    assert answer.status_code == 409
    assert answer.json()["code"] == "conflict"


def test_the_embedded_progress_stops_asking_when_the_job_has_ended(
    make_user: Callable[..., User], client: Client
) -> None:
    job = Job.objects.create(kind="x", title="t", state=JobState.RUNNING, done=1, total=4, stage="Reading")
    client.force_login(make_user("root", Role.ADMIN), backend=BACKEND)
    running = client.get(f"/jobs/{job.pk}/progress/")
    assert "hx-trigger" in running.content.decode()
    assert "1 / 4" in running.content.decode()
    Job.objects.update(state=JobState.SUCCEEDED)
    ended = client.get(f"/jobs/{job.pk}/progress/")
    assert "hx-trigger" not in ended.content.decode()
    assert ended["HX-Trigger"] == "job-finished"
