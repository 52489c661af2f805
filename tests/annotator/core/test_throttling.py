"""The API answers so many requests a minute, by token and by person, and says when to come again."""

from collections.abc import Callable, Iterator

import pytest
from django.core.cache import cache
from django.test import Client

from annotator.accounts.models import ApiToken, User
from annotator.core import throttling

pytestmark = pytest.mark.django_db


@pytest.fixture
def at(settings: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[float], None]]:
    """``at(30)``: it is so many seconds after the full minute."""
    cache.clear()
    settings.API_TOKEN_PER_MINUTE, settings.API_PERSON_PER_MINUTE = 4, 6  # type: ignore[attr-defined]
    now = [6000.0]
    monkeypatch.setattr(throttling.time, "time", lambda: now[0])
    yield lambda seconds: now.__setitem__(0, 6000.0 + seconds)
    cache.clear()


def asking(user: User) -> Callable[[], tuple[int, str | None]]:
    _row, secret = ApiToken.issue(user=user, name="t")
    client = Client(headers={"Authorization": f"Bearer {secret}"})

    def ask() -> tuple[int, str | None]:
        answer = client.get("/api/v1/jobs/")
        return answer.status_code, answer.headers.get("Retry-After")

    return ask


def test_a_token_has_its_limit_and_a_person_theirs(at: Callable[[float], None], make_user: Callable[..., User]) -> None:
    ann = make_user("ann")
    first, second, other = asking(ann), asking(ann), asking(make_user("ben"))
    at(0)
    assert [first()[0] for _ in range(5)] == [200, 200, 200, 200, 429]
    assert [second()[0] for _ in range(3)] == [
        200,
        429,
        429,
    ]  # the person has asked six times, of which one was refused
    assert other() == (200, None)


def test_the_answer_says_when_to_come_again_and_that_is_true(
    at: Callable[[float], None], make_user: Callable[..., User]
) -> None:
    ask = asking(make_user("ann"))
    at(10)
    for _ in range(4):
        assert ask()[0] == 200
    status, wait = ask()
    assert status == 429
    assert wait is not None
    assert int(wait) == 65  # in the next minute, when a quarter of this one has left the window
    at(10 + int(wait) - 2)
    assert ask()[0] == 429
    at(10 + int(wait))
    assert ask()[0] == 200


def test_without_a_cache_the_api_goes_on(
    at: Callable[[float], None], make_user: Callable[..., User], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = asking(make_user("ann"))
    monkeypatch.setattr(throttling.cache, "incr", lambda key: 1 / 0)
    assert [ask()[0] for _ in range(6)] == [200] * 6
