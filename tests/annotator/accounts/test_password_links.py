"""A lost password: an admin makes a link, the person chooses a new one."""

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from django.test import Client

from annotator.accounts import services
from annotator.accounts.models import Role, User
from annotator.core.errors import ProblemError

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"


def link_for(person: User, admin: User) -> str:
    client = Client()
    client.force_login(admin, backend=BACKEND)
    answer = client.post(f"/people/{person.pk}/password-link/", follow=True)
    name, link = answer.context["new_password_link"]
    assert name == person.username
    assert link.encode() in answer.content
    assert client.get("/people/").context["new_password_link"] is None, "it is shown once"
    return urlsplit(link).path


def test_the_link_lets_the_person_choose_a_password_once(make_user: Callable[..., User]) -> None:
    ann, root = make_user("ann"), make_user("root", Role.ADMIN)
    link = link_for(ann, root)
    guest = Client()
    form = guest.get(link, follow=True)
    address = form.redirect_chain[-1][0]
    assert link not in address, "the key does not stay in the address"
    saved = guest.post(address, {"password1": "a long new phrase", "password2": "a long new phrase"}, follow=True)
    assert b"Password saved" in saved.content
    ann.refresh_from_db()
    assert ann.check_password("a long new phrase")
    assert b"no longer works" in Client().get(link, follow=True).content


def test_a_weak_password_is_refused(make_user: Callable[..., User]) -> None:
    ann, root = make_user("ann"), make_user("root", Role.ADMIN)
    guest = Client()
    address = guest.get(link_for(ann, root), follow=True).redirect_chain[-1][0]
    answer = guest.post(address, {"password1": "short", "password2": "short"})
    assert b"too short" in answer.content


def test_only_admins_make_links(client: Client, make_user: Callable[..., User]) -> None:
    ann = make_user("ann")
    client.force_login(make_user("rev", Role.REVIEWER), backend=BACKEND)
    assert client.post(f"/people/{ann.pk}/password-link/").status_code == 403


def test_a_synthetic_annotator_gets_none(make_user: Callable[..., User]) -> None:
    robot = make_user("robot", is_synthetic=True)
    with pytest.raises(ProblemError, match="cannot sign in"):
        services.password_link(user=robot, by=make_user("root", Role.ADMIN))
