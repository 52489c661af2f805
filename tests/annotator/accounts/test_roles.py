"""Roles: who acts as what, and how they change."""

from collections.abc import Callable

import pytest
from django.test import Client

from annotator.accounts import services
from annotator.accounts.models import Role, User
from annotator.accounts.roles import roles_of
from annotator.core.errors import ProblemError

pytestmark = pytest.mark.django_db


def test_an_admin_may_do_what_a_reviewer_may(make_user: Callable[..., User]) -> None:
    assert roles_of(make_user("root", Role.ADMIN)) == {"admin", "reviewer"}
    assert roles_of(make_user("rev", Role.REVIEWER)) == {"reviewer"}
    assert roles_of(make_user("ann", Role.ANNOTATOR)) == {"annotator"}
    assert roles_of(make_user("nobody", None)) == set()


def test_a_superuser_has_every_role(make_user: Callable[..., User]) -> None:
    assert roles_of(make_user("su", None, is_superuser=True)) == {"admin", "reviewer", "annotator"}


def test_someone_shut_out_has_no_role(make_user: Callable[..., User]) -> None:
    assert roles_of(make_user("gone", Role.ADMIN, is_active=False)) == set()


def test_roles_are_exactly_those_given(make_user: Callable[..., User]) -> None:
    user = make_user("ann", Role.ANNOTATOR)
    services.set_roles(user=user, roles=[Role.REVIEWER])
    assert list(user.groups.values_list("name", flat=True)) == ["reviewer"]
    assert not user.is_superuser
    services.set_roles(user=user, roles=[Role.ADMIN])
    assert user.is_staff
    assert user.is_superuser


def test_an_unknown_role_is_refused_by_name(make_user: Callable[..., User]) -> None:
    with pytest.raises(ProblemError, match="no role emperor"):
        services.set_roles(user=make_user("ann"), roles=["emperor"])


def test_nobody_takes_the_admin_role_from_themselves(make_user: Callable[..., User]) -> None:
    admin = make_user("root", Role.ADMIN)
    with pytest.raises(ProblemError, match="another admin"):
        services.set_roles(user=admin, roles=[Role.ANNOTATOR], by=admin)
    assert roles_of(User.objects.get(pk=admin.pk)) == {"admin", "reviewer"}


@pytest.mark.parametrize("path", ["/people/", "/people/invite/", "/people/1/roles/", "/people/1/active/"])
def test_people_are_for_admins_only(path: str, make_user: Callable[..., User], client: Client) -> None:
    client.force_login(make_user("rev", Role.REVIEWER), backend="django.contrib.auth.backends.ModelBackend")
    assert client.post(path).status_code == 403
    client.logout()
    assert client.post(path).status_code == 302


def test_ensure_user_leaves_an_existing_password_alone() -> None:
    user, made = services.ensure_user(username="ann", roles=[Role.ANNOTATOR], password="first phrase")
    assert made
    again, made = services.ensure_user(username="ann", roles=[Role.ANNOTATOR], password="second phrase")
    assert not made
    assert again.pk == user.pk
    assert again.check_password("first phrase")
