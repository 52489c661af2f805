"""Headers of every page, and that no page needs what the content-security policy forbids.

Every address that takes no arguments is opened as an admin, the database admin's pages too.
"""

from collections.abc import Callable, Iterator
from html.parser import HTMLParser

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from annotator.accounts.models import Role, User

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' blob:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "worker-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
# Signing out, and what only answers with a file or a redirect.
LEFT_OUT = {"/admin/logout/", "/accounts/logout/"}


def plain_addresses(patterns: list[URLPattern | URLResolver], before: str = "/") -> Iterator[str]:
    """Every address below these patterns that takes no arguments."""
    for pattern in patterns:
        route = str(pattern.pattern)
        if any(sign in route for sign in "<(\\"):
            continue
        address = before + route.lstrip("^").rstrip("$")
        if isinstance(pattern, URLResolver):
            yield from plain_addresses(pattern.url_patterns, address)
        else:
            yield address


def pages() -> list[str]:
    found = dict.fromkeys(plain_addresses(get_resolver().url_patterns))
    for model in admin.site._registry:
        found[reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")] = None
    return [address for address in found if address not in LEFT_OUT]


class Inline(HTMLParser):
    """What a page has that the policy would stop: inline scripts, handlers and styles, and addresses elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "style" or "style" in values:
            self.found.append(f"<{tag}> with a style of its own")
        # A block of data is no script.
        if tag == "script" and "src" not in values and values.get("type") != "application/json":
            self.found.append("<script> without src")
        for name, given in attrs:
            value = (given or "").strip().lower()
            if name.startswith("on"):
                self.found.append(f"<{tag} {name}>")
            if name in {"href", "src", "action", "hx-get", "hx-post"} and value.startswith("javascript:"):
                self.found.append(f"<{tag} {name}=javascript:>")
            if tag in {"script", "img", "link"} and name in {"src", "href"} and value.startswith(("http", "//")):
                self.found.append(f"<{tag} {name}={value}>")
            if name.startswith(("hx-on", "hx-vals", "hx-headers")) and value.startswith(("js:", "javascript:")):
                self.found.append(f"<{tag} {name}>")


@pytest.fixture
def admin_client(client: Client, make_user: Callable[..., User]) -> Client:
    person = make_user("root", Role.ADMIN, is_staff=True, is_superuser=True)
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.mark.django_db
def test_no_page_needs_what_the_policy_forbids(admin_client: Client) -> None:
    troubles: list[str] = []
    opened = 0
    for address in pages():
        answer = admin_client.get(address)
        assert answer.status_code < 500, address
        if answer.status_code != 200 or not answer["Content-Type"].startswith("text/html"):
            continue
        opened += 1
        policy = dict(part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";"))
        assert policy == POLICY, address
        page = Inline()
        page.feed(answer.content.decode())
        troubles += [f"{address}: {trouble}" for trouble in page.found]
    assert opened > 25
    assert not troubles, "\n".join(sorted(set(troubles)))


@pytest.mark.django_db
def test_pages_carry_the_headers_that_keep_them_safe(admin_client: Client) -> None:
    answer = admin_client.get("/")
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in answer["Permissions-Policy"]
    assert answer["Cache-Control"] == "private, no-cache"


@pytest.mark.django_db
def test_the_session_is_out_of_reach_of_scripts_and_other_sites(client: Client, make_user: Callable[..., User]) -> None:
    make_user("ann")
    client.post("/accounts/login/", {"login": "ann", "password": "open sesame 1"})
    session = client.cookies["sessionid"]
    assert session["httponly"]
    assert session["samesite"] == "Lax"


@pytest.mark.django_db
def test_nothing_of_a_page_is_seen_by_strangers(client: Client) -> None:
    """Every address leads a stranger to the log-in, refuses, or is meant for all."""
    for_all = {
        "/accounts/login/", "/accounts/signup/", "/accounts/inactive/", "/accounts/password/reset/key/done/",
        "/healthz", "/readyz", "/favicon.ico", "/i18n/setlang/",
    }  # fmt: skip
    for address in pages():
        if address in for_all:
            continue
        answer = client.get(address)
        # The second factor is asked for in the middle of signing in: whoever did not begin is sent to begin.
        begins = address == "/accounts/2fa/authenticate/" and answer["Location"] == "/accounts/login/"
        to_sign_in = answer.status_code == 302 and ("/login/?next=" in answer["Location"] or begins)
        assert to_sign_in or answer.status_code in {401, 403, 404, 405}, f"{address} answers {answer.status_code}"
