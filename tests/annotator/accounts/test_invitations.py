"""Sign-up is by invitation: once, in time, with the role it carries."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from annotator.accounts import services
from annotator.accounts.models import Invitation, Role, User
from annotator.core.errors import ConflictError, ProblemError

pytestmark = pytest.mark.django_db


def test_without_an_invitation_nobody_signs_up(client: Client) -> None:
    form = {"username": "eve", "password1": "long enough 1", "password2": "long enough 1"}
    answer = client.post("/accounts/signup/", form)
    assert "Invitation required" in answer.content.decode()
    assert not User.objects.filter(username="eve").exists()


def test_an_open_installation_lets_people_sign_up_as_annotators(client: Client, settings: object) -> None:
    settings.OPEN_SIGNUP = True  # type: ignore[attr-defined]
    client.post(
        "/accounts/signup/", {"username": "eve", "password1": "a phrase of mine", "password2": "a phrase of mine"}
    )
    assert list(User.objects.get(username="eve").groups.values_list("name", flat=True)) == ["annotator"]


def test_the_code_itself_is_not_kept(make_user: Callable[..., User]) -> None:
    invitation, code = services.invite(role=Role.REVIEWER, note="", by=make_user("root", Role.ADMIN))
    assert code not in str(Invitation.objects.values().get(pk=invitation.pk))
    assert services.find_invitation(code=code) == invitation


def test_an_old_or_unknown_invitation_is_refused(make_user: Callable[..., User]) -> None:
    invitation, code = services.invite(role=Role.REVIEWER, note="", by=make_user("root", Role.ADMIN))
    Invitation.objects.filter(pk=invitation.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(ProblemError, match="has expired"):
        services.find_invitation(code=code)
    with pytest.raises(ProblemError):
        services.find_invitation(code="guess")


def test_an_invitation_works_once(make_user: Callable[..., User]) -> None:
    invitation, _code = services.invite(role=Role.REVIEWER, note="", by=make_user("root", Role.ADMIN))
    services.accept_invitation(invitation_id=invitation.pk, user=make_user("chen", None))
    with pytest.raises(ConflictError):
        services.accept_invitation(invitation_id=invitation.pk, user=make_user("dana", None))
    assert not User.objects.get(username="dana").groups.exists()
