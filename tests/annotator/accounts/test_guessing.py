"""Guessing passwords: stopped by name and address, slower by address, and nobody is refused for others' failures."""

from collections.abc import Callable, Iterator

import pytest
from django.core.cache import cache
from django.test import Client

from annotator.accounts import sign_in_delay
from annotator.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """How long attempts were made to wait; nobody does here."""
    cache.clear()
    waited: list[float] = []
    monkeypatch.setattr(sign_in_delay.time, "sleep", waited.append)
    yield waited
    cache.clear()


def try_password(name: str, password: str, address: str = "192.0.2.7") -> tuple[Client, int]:
    client = Client(REMOTE_ADDR=address)
    answer = client.post("/accounts/login/", {"login": name, "password": password})
    return client, answer.status_code


def test_the_right_password_is_taken_whatever_others_at_the_address_did(
    waits: list[float], make_user: Callable[..., User]
) -> None:
    make_user("ann")
    for number in range(40):
        _client, status = try_password(f"invented-{number}", "wrong")
        assert status == 200
    client, status = try_password("ann", "open sesame 1")
    assert status == 302
    assert "_auth_user_id" in client.session


def test_attempts_from_an_address_get_slower_and_no_slower_than_bearable(
    waits: list[float], make_user: Callable[..., User]
) -> None:
    for number in range(40):
        try_password(f"invented-{number}", "wrong")
    assert len(waits) == 40 - sign_in_delay.FREE_FAILURES
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (sign_in_delay.STEP_SECONDS, sign_in_delay.LONGEST_WAIT)
    waits.clear()
    try_password("ann", "wrong", address="198.51.100.1")
    assert not waits, "another address is as quick as ever"


def test_a_network_of_ipv6_is_one_address(waits: list[float]) -> None:
    for number in range(sign_in_delay.FREE_FAILURES + 1):
        try_password(f"invented-{number}", "wrong", address=f"2001:db8::{number:x}")
    assert len(waits) == 1


def test_waiting_takes_a_few_threads_only(waits: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(sign_in_delay.FREE_FAILURES):
        try_password(f"invented-{number}", "wrong")
    for _ in range(4):
        assert sign_in_delay._places.acquire(blocking=False)
    try:
        try_password("one-more", "wrong")
        assert not waits
    finally:
        for _ in range(4):
            sign_in_delay._places.release()


def test_one_name_at_one_address_is_stopped_and_elsewhere_is_not(
    waits: list[float], make_user: Callable[..., User]
) -> None:
    make_user("ann")
    for _ in range(8):
        _client, status = try_password("ann", "wrong")
    assert status == 429
    assert try_password("ann", "open sesame 1")[1] == 429
    client, status = try_password("ann", "open sesame 1", address="198.51.100.1")
    assert (status, "_auth_user_id" in client.session) == (302, True)
