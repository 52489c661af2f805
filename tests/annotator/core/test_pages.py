"""Pages for when something is wrong."""

from collections.abc import Callable, Iterator

import pytest
from django.core.cache import cache
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import include, path

from annotator.accounts.models import User
from annotator.core import pages
from annotator.urls import handler400, handler403, handler404, handler500  # noqa: F401 - Django finds them here


def broken(request: HttpRequest) -> HttpResponse:
    raise DatabaseError("the password is 1234")


urlpatterns = [path("broken", broken), path("api/broken", broken), path("", include("annotator.urls"))]


@pytest.mark.django_db
def test_a_missing_page_is_said_in_our_look(client: Client) -> None:
    answer = client.get("/nowhere/")
    assert answer.status_code == 404
    assert b"Page not found" in answer.content
    assert b"core.css" in answer.content


@pytest.mark.django_db
def test_programs_get_problem_details(client: Client) -> None:
    answer = client.get("/api/v1/nowhere/")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "not_found"


@pytest.mark.django_db
def test_a_page_for_others_says_who_one_is(client: Client, make_user: Callable[..., User]) -> None:
    client.force_login(make_user("ann"), backend="django.contrib.auth.backends.ModelBackend")
    answer = client.get("/people/")
    assert answer.status_code == 403
    assert b"You are signed in as ann" in answer.content


@pytest.mark.django_db
def test_a_form_without_its_token_is_explained() -> None:
    answer = Client(enforce_csrf_checks=True).post("/preferences/theme/", {"theme": "dark"})
    assert answer.status_code == 403
    assert b"This form has expired" in answer.content


@pytest.mark.urls(__name__)
@pytest.mark.parametrize(("address", "kind"), [("/broken", "text/html"), ("/api/broken", "application/problem+json")])
def test_our_mistakes_are_pages_too_and_tell_nothing(address: str, kind: str) -> None:
    """No ``db`` fixture: the page asks the database nothing."""
    answer = Client(raise_request_exception=False).get(address, headers={"X-Request-ID": "the-number-1"})
    assert answer.status_code == 500
    assert answer["Content-Type"].startswith(kind)
    assert b"1234" not in answer.content
    if kind == "text/html":
        assert b"the-number-1" in answer.content


def test_even_without_templates_there_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages.loader, "get_template", lambda name: 1 / 0)
    answer = pages.server_error(RequestFactory().get("/"))
    assert answer.status_code == 500
    assert b"Internal Server Error" in answer.content


def test_an_unknown_host_is_refused_in_our_look(client: Client) -> None:
    answer = client.get("/", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert b"The request is not valid" in answer.content


def test_the_icon_is_found_where_browsers_look(client: Client) -> None:
    answer = client.get("/favicon.ico")
    assert answer.status_code == 302
    assert answer["Location"].endswith("favicon.ico")


@pytest.fixture
def no_attempts_left_over() -> Iterator[None]:
    """Attempts are counted in the cache, for this machine too: other tests sign in from here."""
    yield
    cache.clear()


@pytest.mark.django_db
@pytest.mark.usefixtures("no_attempts_left_over")
def test_guessing_passwords_ends(client: Client, make_user: Callable[..., User]) -> None:
    make_user("ann")
    for _ in range(12):
        answer = client.post("/accounts/login/", {"login": "ann", "password": "wrong"})
    assert b"Too many" in answer.content
    answer = client.post("/accounts/login/", {"login": "ann", "password": "open sesame 1"})
    assert "_auth_user_id" not in client.session


@pytest.mark.django_db
def test_the_database_admin_has_no_door_of_its_own(client: Client, make_user: Callable[..., User]) -> None:
    answer = client.get("/admin/", follow=True)
    assert answer.redirect_chain[-1][0].startswith("/accounts/login/")
    client.force_login(make_user("ann"), backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/admin/", follow=True).status_code == 403
