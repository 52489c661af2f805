"""API tokens: what they open, and when they no longer do."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from annotator.accounts.models import ApiToken, Role, User
from annotator.jobs.models import Job

pytestmark = pytest.mark.django_db


def ask(token: str) -> int:
    return Client().get("/api/v1/jobs/", headers={"authorization": f"Bearer {token}"}).status_code


def test_a_token_opens_the_api_as_its_owner(make_user: Callable[..., User]) -> None:
    ann = make_user("ann")
    Job.objects.create(kind="x", title="hers", requested_by=ann)
    Job.objects.create(kind="x", title="another's", requested_by=make_user("bo"))
    row, token = ApiToken.issue(user=ann, name="notebook")
    answer = Client().get("/api/v1/jobs/", headers={"authorization": f"Bearer {token}"})
    assert [job["title"] for job in answer.json()["results"]] == ["hers"]
    row.refresh_from_db()
    assert row.last_used_at is not None


def test_the_token_itself_is_not_kept(make_user: Callable[..., User]) -> None:
    row, token = ApiToken.issue(user=make_user(), name="notebook")
    assert token not in str(ApiToken.objects.values().get(pk=row.pk))


def test_a_wrong_expired_or_orphaned_token_is_refused_as_problem_details(make_user: Callable[..., User]) -> None:
    ann = make_user("ann")
    row, token = ApiToken.issue(user=ann, name="notebook", expires_at=timezone.now() + timedelta(days=1))
    assert ask(token) == 200
    assert ask("guess") == 401
    ApiToken.objects.filter(pk=row.pk).update(expires_at=timezone.now())
    assert ask(token) == 401
    ApiToken.objects.filter(pk=row.pk).update(expires_at=None)
    User.objects.filter(pk=ann.pk).update(is_active=False)
    answer = Client().get("/api/v1/jobs/", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert answer["content-type"] == "application/problem+json"
    assert "unknown" in answer.json()["title"]


def test_somebody_else_cannot_revoke_a_token(make_user: Callable[..., User], client: Client) -> None:
    row, _token = ApiToken.issue(user=make_user("ann"), name="notebook")
    client.force_login(make_user("root", Role.ADMIN), backend="django.contrib.auth.backends.ModelBackend")
    assert client.post(f"/accounts/tokens/{row.pk}/revoke/").status_code == 404
    assert ApiToken.objects.filter(pk=row.pk).exists()


def test_the_theme_form_redirects_only_within_the_site(client: Client) -> None:
    answer = client.post("/preferences/theme/", {"theme": "dark", "next": "https://elsewhere.example/"})
    assert answer["location"] == "/"
    assert answer.cookies["theme"].value == "dark"
