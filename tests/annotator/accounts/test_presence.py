"""“Last seen” is the last act, not the last sign-in."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from annotator.accounts.models import ApiToken, Role, User
from annotator.accounts.presence import last_acts

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(make_user: Callable[..., User]) -> User:
    ann = make_user("ann", Role.ANNOTATOR)
    User.objects.filter(pk=ann.pk).update(last_login=timezone.now() - timedelta(days=14))
    cache.delete(f"last-act:{ann.pk}")
    ann.refresh_from_db()
    return ann


def test_a_page_is_an_act_and_a_poll_is_none(client: Client, ann: User) -> None:
    client.force_login(ann, backend="django.contrib.auth.backends.ModelBackend")
    User.objects.filter(pk=ann.pk).update(last_login=ann.last_login)
    client.get("/", headers={"HX-Request": "true"})
    assert last_acts([ann])[ann.pk] == ann.last_login
    client.get("/")
    assert timezone.now() - last_acts([ann])[ann.pk] < timedelta(seconds=60)


def test_a_token_that_is_used_is_an_act(ann: User, make_user: Callable[..., User]) -> None:
    token, _ = ApiToken.issue(user=ann, name="script")
    ApiToken.objects.filter(pk=token.pk).update(last_used_at=timezone.now())
    never = make_user("ben")
    cache.delete(f"last-act:{never.pk}")
    found = last_acts([ann, never])
    assert timezone.now() - found[ann.pk] < timedelta(seconds=60)
    assert never.pk not in found
