"""Where a request comes from: what anybody may write in a header is believed only as far as our proxies wrote it."""

import pytest
from django.test import RequestFactory

from annotator.core.client import client_ip


@pytest.mark.parametrize(
    ("count", "forwarded", "expected"),
    [
        (0, "6.6.6.6", "127.0.0.1"),
        (1, "6.6.6.6, 10.0.0.7", "10.0.0.7"),
        (2, "6.6.6.6, 10.0.0.7, 172.16.0.2", "10.0.0.7"),
        (2, "10.0.0.7", "127.0.0.1"),
        (1, "", "127.0.0.1"),
    ],
)
def test_the_address_of_the_person(settings: object, count: int, forwarded: str, expected: str) -> None:
    settings.PROXY_COUNT = count  # type: ignore[attr-defined]
    assert client_ip(RequestFactory().get("/", headers={"X-Forwarded-For": forwarded})) == expected
