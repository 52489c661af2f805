"""Jobs for programs: one's own, or all for those who may; canceled by those who may."""

from collections.abc import Callable

import pytest
from django.test import Client

from annotator.accounts.models import Role, User
from annotator.jobs.models import Job, JobState

pytestmark = pytest.mark.django_db


def test_a_person_sees_their_own_jobs_a_reviewer_all(
    program: Callable[..., Client], make_user: Callable[..., User]
) -> None:
    ann, bo, rev = make_user("ann"), make_user("bo"), make_user("rev", Role.REVIEWER)
    own = Job.objects.create(kind="x", title="Ann's", requested_by=ann)
    other = Job.objects.create(kind="x", title="Bo's", requested_by=bo, state=JobState.RUNNING, done=1, total=4)
    found = program(user=ann).get("/api/v1/jobs/").json()
    assert [row["title"] for row in found["results"]] == ["Ann's"]
    assert program(user=ann).get(f"/api/v1/jobs/{own.id}/").json()["fraction"] is None
    assert program(user=ann).get(f"/api/v1/jobs/{other.id}/").status_code == 404
    assert program(user=rev).get("/api/v1/jobs/").json()["count"] == 2
    [running] = program(user=rev).get("/api/v1/jobs/?state=running").json()["results"]
    assert (running["title"], running["fraction"]) == ("Bo's", 0.25)


def test_canceling(program: Callable[..., Client], make_user: Callable[..., User]) -> None:
    ann, rev = make_user("ann"), make_user("rev", Role.REVIEWER)
    job = Job.objects.create(kind="x", title="Ann's", requested_by=ann)
    refused = program(user=rev).post(f"/api/v1/jobs/{job.id}/cancel/")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    assert refused["Content-Type"] == "application/problem+json"
    assert program(user=ann).post(f"/api/v1/jobs/{job.id}/cancel/").json()["state"] == "canceled"
    again = program(user=ann).post(f"/api/v1/jobs/{job.id}/cancel/")
    assert (again.status_code, again.json()["code"]) == (409, "conflict")


def test_without_a_token_nothing(client: Client) -> None:
    answer = client.get("/api/v1/jobs/")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
