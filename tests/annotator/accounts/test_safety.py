"""Races at the invitation, what tokens may be used for, sensitive acts, and the log of them."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from django.db import DatabaseError, connections, transaction
from django.test import Client

from annotator.accounts import scopes, services
from annotator.accounts.models import ApiToken, AuditEvent, Role, User
from annotator.core.errors import ProblemError

PASSWORD = "open sesame 1"
BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.mark.django_db(transaction=True)
def test_five_sign_ups_at_once_by_one_invitation_make_one_person(make_user: Callable[..., User]) -> None:
    _invitation, code = services.invite(role=Role.REVIEWER, note="", by=make_user("root", Role.ADMIN))
    ready = threading.Barrier(5)

    def join(number: int) -> int:
        client = Client(raise_request_exception=False)
        client.get(f"/invitation/{code}/")
        ready.wait(30)
        form = {"username": f"eve{number}", "password1": "a phrase of mine", "password2": "a phrase of mine"}
        try:
            return client.post("/accounts/signup/", form).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(5) as pool:
        assert set(pool.map(join, range(5))) == {302}
    joined = User.objects.filter(username__startswith="eve")
    assert [list(user.groups.values_list("name", flat=True)) for user in joined] == [["reviewer"]]


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/api/v1/jobs/", "read"),
        ("GET", "/campaigns/media/x/", "read"),
        ("POST", f"/api/v1/assignments/{UUID(int=3)}/judgments/", "annotate"),
        ("POST", "/api/v1/campaigns/3/next/", "annotate"),
        ("POST", "/api/v1/campaigns/", "admin"),
        ("POST", "/api/v1/imports/", "import"),
        ("POST", "/api/v1/reward-models/train/", "train"),
        ("POST", "/api/v1/reward-models/3/promote/", "admin"),
        ("DELETE", "/api/v1/whatever-comes/", "admin"),
    ],
)
def test_each_request_needs_one_scope(method: str, path: str, scope: str) -> None:
    assert scopes.needed(method, path) == scope


@pytest.mark.django_db
def test_a_token_that_may_only_read_writes_nothing(make_user: Callable[..., User]) -> None:
    _row, token = ApiToken.issue(user=make_user("root", Role.ADMIN), name="dashboard", scopes=["read"])
    headers = {"authorization": f"Bearer {token}"}
    assert Client().get("/api/v1/campaigns/", headers=headers).status_code == 200
    refused = Client().post("/api/v1/campaigns/", {}, content_type="application/json", headers=headers)
    assert refused.status_code == 403
    assert "lacks the scope “admin”" in refused.json()["title"]


@pytest.mark.django_db
def test_tokens_are_limited_in_life_and_number(make_user: Callable[..., User], settings: object) -> None:
    settings.API_TOKENS_EACH = 2  # type: ignore[attr-defined]
    ann = make_user("ann")
    for days in (0, 366):
        with pytest.raises(ProblemError, match="at most 365 days"):
            services.issue_token(user=ann, name="long", days=days, scopes=["read"])
    with pytest.raises(ProblemError, match="at least one scope"):
        services.issue_token(user=ann, name="none", days=30, scopes=["everything"])
    for name in ("one", "two"):
        services.issue_token(user=ann, name=name, days=30, scopes=["read"])
    with pytest.raises(ProblemError, match="Revoke one first"):
        services.issue_token(user=ann, name="three", days=30, scopes=["read"])


@pytest.mark.django_db
def test_a_password_reset_revokes_the_tokens(make_user: Callable[..., User], client: Client) -> None:
    ann, root = make_user("ann"), make_user("root", Role.ADMIN)
    ApiToken.issue(user=ann, name="notebook")
    page = client.get(services.password_link(user=ann, by=root), follow=True)
    address = page.redirect_chain[-1][0]
    client.post(address, {"password1": "another phrase 1", "password2": "another phrase 1"})
    ann.refresh_from_db()
    assert ann.check_password("another phrase 1")
    assert not ApiToken.objects.filter(user=ann).exists()
    assert {"password.link", "password.reset", "token.revoked"} <= set(
        AuditEvent.objects.values_list("action", flat=True)
    )


@pytest.mark.asks_again
@pytest.mark.django_db
def test_a_sensitive_act_waits_for_the_password_and_is_then_done(
    make_user: Callable[..., User], client: Client
) -> None:
    root, ann = make_user("root", Role.ADMIN), make_user("ann")
    client.force_login(root, backend=BACKEND)
    address = f"/people/{ann.pk}/roles/"
    asked = client.post(address, {"roles": ["reviewer"]})
    assert asked["location"].startswith("/accounts/reauthenticate/")
    assert services.rights_of(ann)["roles"] == ["annotator"]
    client.post(asked["location"], {"password": "wrong", "next": address})
    assert services.rights_of(ann)["roles"] == ["annotator"]
    client.post(asked["location"], {"password": PASSWORD, "next": address})
    assert services.rights_of(ann)["roles"] == ["reviewer"]
    row = AuditEvent.objects.get(action="roles.set", actor_id=root.pk)
    assert (row.subject, row.before["roles"], row.after["roles"]) == ("ann", ["annotator"], ["reviewer"])
    assert "roles.set" in client.get("/people/audit/").content.decode()


@pytest.mark.asks_again
@pytest.mark.django_db
@pytest.mark.parametrize(
    "address",
    [
        "/accounts/tokens/",
        "/accounts/tokens/1/revoke/",
        "/people/{}/roles/",
        "/people/invitations/1/withdraw/",
        "/people/invite/",
        "/people/{}/active/",
        "/people/{}/password-link/",
        "/admin/accounts/user/{}/change/",
    ],
)
def test_every_sensitive_act_asks(make_user: Callable[..., User], client: Client, address: str) -> None:
    client.force_login(make_user("root", Role.ADMIN), backend=BACKEND)
    answer = client.post(address.format(make_user("ann").pk), {})
    assert answer["location"].startswith("/accounts/reauthenticate/")


@pytest.mark.asks_again
@pytest.mark.django_db
def test_a_token_is_revoked_after_the_password(make_user: Callable[..., User], client: Client) -> None:
    ann = make_user("ann")
    row, _token = services.issue_token(user=ann, name="notebook", days=30, scopes=["read"])
    client.force_login(ann, backend=BACKEND)
    address = f"/accounts/tokens/{row.pk}/revoke/"
    asked = client.post(address)
    assert asked["location"].startswith("/accounts/reauthenticate/")
    assert ApiToken.objects.filter(pk=row.pk).exists()
    client.post(asked["location"], {"password": PASSWORD, "next": address})
    assert not ApiToken.objects.filter(pk=row.pk).exists()


@pytest.mark.asks_again
@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/accounts/2fa/totp/activate/", "/accounts/2fa/webauthn/add/"])
def test_signing_in_a_moment_ago_counts_and_holds_ten_minutes(
    make_user: Callable[..., User], client: Client, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    make_user("ann")
    client.post("/accounts/login/", {"login": "ann", "password": PASSWORD})
    assert client.get(address).status_code == 200
    client.post("/accounts/tokens/", {"name": "notebook", "days": 30, "scopes": ["read"]})
    assert ApiToken.objects.filter(name="notebook").exists()
    later = time.time() + 601
    monkeypatch.setattr("time.time", lambda: later)
    assert client.get(address)["location"].startswith("/accounts/reauthenticate/")
    asked = client.post("/accounts/tokens/", {"name": "second", "days": 30, "scopes": ["read"]})
    assert asked["location"].startswith("/accounts/reauthenticate/")


@pytest.mark.django_db
def test_the_audit_log_is_only_added_to(make_user: Callable[..., User]) -> None:
    make_user("root", Role.ADMIN)
    services.invite(role=Role.REVIEWER, note="Dana", by=User.objects.get())
    row = AuditEvent.objects.get()
    for act in (row.save, row.delete):
        with pytest.raises(TypeError, match="only added to"):
            act()
    for act in (lambda: AuditEvent.objects.update(actor_name="x"), lambda: AuditEvent.objects.all().delete()):
        with pytest.raises((DatabaseError, TypeError)), transaction.atomic():
            act()
    assert AuditEvent.objects.get().actor_name == "root"


@pytest.mark.django_db
def test_annotators_do_not_read_the_audit_log(make_user: Callable[..., User], client: Client) -> None:
    client.force_login(make_user("ann"), backend=BACKEND)
    assert client.get("/people/audit/").status_code == 403


@pytest.mark.django_db
def test_sessions_are_listed_and_all_others_are_signed_out(make_user: Callable[..., User]) -> None:
    make_user("ann")
    here, there = Client(), Client()
    for client in (here, there):
        client.post("/accounts/login/", {"login": "ann", "password": PASSWORD})
        assert client.get("/campaigns/").status_code == 200
    page = here.get("/accounts/sessions/").content.decode()
    assert "Sign out everywhere else" in page
    here.post("/accounts/sessions/")
    assert here.get("/campaigns/").status_code == 200
    assert there.get("/campaigns/").status_code == 302


@pytest.mark.django_db
def test_admins_set_up_a_second_factor_first_where_it_is_required(
    make_user: Callable[..., User], client: Client, settings: object
) -> None:
    from allauth.account.models import EmailAddress
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

    settings.ADMIN_SECOND_FACTOR = True  # type: ignore[attr-defined]
    root = make_user("root", Role.ADMIN)
    # An address that nobody has verified, as everybody's is here, keeps nobody from setting one up.
    EmailAddress.objects.create(user=root, email="root@example.org", primary=True)
    _, token = services.issue_token(user=root, name="old", days=30, scopes=["admin", "read"])
    bearer = {"Authorization": f"Bearer {token}"}
    client.force_login(root, backend=BACKEND)
    for page in ("/people/", "/accounts/tokens/"):
        assert client.get(page)["location"] == "/accounts/2fa/"
    refused = Client().get("/api/v1/campaigns/", headers=bearer)
    assert (refused.status_code, refused.json()["code"]) == (403, "second_factor")
    assert client.get("/accounts/2fa/").status_code == 200
    assert client.get("/accounts/2fa/totp/activate/").status_code == 200
    assert client.get("/accounts/2fa/webauthn/add/").status_code == 200
    assert client.get("/api/v1/campaigns/").status_code == 403
    TOTP.activate(root, generate_totp_secret())
    assert client.get("/people/").status_code == 200
    assert Client().get("/api/v1/campaigns/", headers=bearer).status_code == 200
    # From now on the password alone signs nobody in.
    other = Client()
    assert other.post("/accounts/login/", {"login": "root", "password": PASSWORD})["location"].startswith(
        "/accounts/2fa/authenticate/"
    )
    client.force_login(make_user("ann"), backend=BACKEND)
    assert client.get("/campaigns/").status_code == 200
