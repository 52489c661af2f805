"""The first log-ins: made once, shown again, never shown wrong."""

import stat
from pathlib import Path

import pytest
from django.contrib.auth import authenticate
from django.test import RequestFactory

from annotator.accounts.models import Role, User
from annotator.accounts.roles import has_role
from annotator.accounts.services import Login, create_logins

pytestmark = pytest.mark.django_db


@pytest.fixture
def keep_in(tmp_path: Path) -> Path:
    return tmp_path / "logins.json"


def by_name(logins: list[Login]) -> dict[str, Login]:
    return {login.username: login for login in logins}


def test_four_people_in_their_roles_with_passwords_that_work(keep_in: Path) -> None:
    logins = create_logins(keep_in=keep_in)
    expected = {"admin": Role.ADMIN, "reviewer": Role.REVIEWER, "ann": Role.ANNOTATOR, "bo": Role.ANNOTATOR}
    assert {login.username: login.role for login in logins} == expected
    for login in logins:
        request = RequestFactory().post("/")
        user = authenticate(request, username=login.username, password=login.password)
        assert user is not None
        assert has_role(user, login.role)
    assert len({login.password for login in logins}) == 4
    assert stat.S_IMODE(keep_in.stat().st_mode) == 0o600


def test_a_second_call_shows_the_same(keep_in: Path) -> None:
    first = create_logins(keep_in=keep_in)
    assert create_logins(keep_in=keep_in) == first
    assert User.objects.count() == 4


def test_a_changed_password_is_called_changed_and_forgotten(keep_in: Path) -> None:
    old = by_name(create_logins(keep_in=keep_in))["ann"].password
    user = User.objects.get(username="ann")
    user.set_password("my own secret 1")
    user.save()
    for _ in range(2):
        login = by_name(create_logins(keep_in=keep_in))["ann"]
        assert (login.state, login.password) == ("changed", None)
    assert str(old) not in keep_in.read_text()
    assert User.objects.get(username="ann").check_password("my own secret 1")


def test_a_password_hashed_anew_is_still_shown(keep_in: Path) -> None:
    login = by_name(create_logins(keep_in=keep_in))["ann"]
    user = User.objects.get(username="ann")
    user.set_password(login.password)  # another salt, the same password
    user.save()
    assert by_name(create_logins(keep_in=keep_in))["ann"].password == login.password


def test_a_removed_person_stays_removed(keep_in: Path) -> None:
    create_logins(keep_in=keep_in)
    User.objects.get(username="bo").delete()
    assert by_name(create_logins(keep_in=keep_in))["bo"].state == "removed"
    assert by_name(create_logins(keep_in=keep_in))["bo"].state == "removed"
    assert not User.objects.filter(username="bo").exists()


def test_an_emptied_database_gets_new_people(keep_in: Path) -> None:
    first = create_logins(keep_in=keep_in)
    User.objects.all().delete()
    again = create_logins(keep_in=keep_in)
    assert all(login.state == "ready" for login in again)
    assert {login.password for login in again}.isdisjoint({login.password for login in first})


def test_people_who_were_there_before_keep_their_passwords(keep_in: Path) -> None:
    User.objects.create_user("admin", password="mine alone 1")
    assert by_name(create_logins(keep_in=keep_in))["admin"].state == "changed"
    assert User.objects.get(username="admin").check_password("mine alone 1")


def test_a_broken_file_is_written_again(keep_in: Path) -> None:
    create_logins(keep_in=keep_in)
    keep_in.write_text("{")
    assert by_name(create_logins(keep_in=keep_in))["ann"].state == "changed"
