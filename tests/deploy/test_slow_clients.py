"""The web server as it runs in production, beside clients that never finish what they send."""

import http.client
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.urls import reverse

from annotator.core.lanes import PAGES, WORK, lane_of
from annotator.core.web_worker import LARGEST_HEAD, SMALL_BODY, is_whole
from tests.web_server import WebServer

HALF_OPEN = 40


@pytest.fixture
def web(process_env: dict[str, str], tmp_path: Path) -> Iterator[WebServer]:
    server = WebServer(process_env | {"WEB_THREADS": "4", "WEB_HEADER_SECONDS": "3"}, tmp_path / "web.log")
    yield server.wait()
    server.kill()


def half_open(web: WebServer, sent: bytes) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", web.port), timeout=20)
    client.sendall(sent)
    return client


@pytest.mark.django_db(transaction=True)
def test_half_open_sockets_hold_no_thread(web: WebServer) -> None:
    slow = [half_open(web, b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ") for _ in range(HALF_OPEN)]
    slow += [half_open(web, b"") for _ in range(HALF_OPEN)]
    slow += [
        half_open(web, b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\nhalf of it")
        for _ in range(HALF_OPEN)
    ]
    healthy = http.client.HTTPConnection("127.0.0.1", web.port, timeout=5)
    for _ in range(5):  # one connection, kept
        start = time.monotonic()
        healthy.request("GET", "/healthz")
        answer = healthy.getresponse()
        assert (answer.status, answer.read()[:10]) == (200, b'{"status":')
        assert time.monotonic() - start < 2
    # A whole request that comes in pieces is answered.
    slow[0].sendall(b"yes\r\n\r\n")
    assert slow[0].recv(100).startswith(b"HTTP/1.1 302")
    # And who never sends the rest is told so, and let go.
    assert slow[1].recv(100).startswith(b"HTTP/1.1 408")
    assert slow[1].recv(100) == b""
    for client in slow:
        client.close()


@pytest.mark.django_db(transaction=True)
def test_a_connection_goes_from_process_to_process_and_is_answered(process_env: dict[str, str], tmp_path: Path) -> None:
    web = WebServer(process_env | {"WEB_PROCESSES": "3"}, tmp_path / "web.log").wait()
    judge = reverse("campaigns:judge", args=[uuid.uuid4()])
    try:
        client = http.client.HTTPConnection("127.0.0.1", web.port, timeout=20)
        body = "login=ann&password=" + "x" * 2000
        for _ in range(4):  # on one connection, work and pages in turns
            for method, path, sent, status in (
                ("GET", "/healthz", None, 200), ("GET", "/accounts/login/", None, 200),
                ("POST", judge, "{}", 403), ("POST", "/accounts/login/", body, 403),
            ):  # fmt: skip
                client.request(method, path, sent)
                answer = client.getresponse()
                answer.read()
                assert answer.status == status, (method, path)
    finally:
        web.kill()


def test_annotators_work_has_a_lane_of_its_own() -> None:
    own = uuid.uuid4()
    work = {
        "pk": ["campaigns:work", "campaigns:next", "campaigns:compare", "library:media", "library:thumbnail",
               "api-campaign-next"],
        "token": ["campaigns:annotate", "campaigns:judge", "campaigns:submit", "campaigns:skip", "campaigns:comparison",
                  "campaigns:media", "campaigns:thumbnail"],
        "id": ["api-assignment-judgments", "api-assignment-submit", "api-comparison-prefer"],
    }  # fmt: skip
    for parameter, names in work.items():
        for name in names:
            path = reverse(name, kwargs={parameter: 7 if parameter == "pk" else own})
            assert lane_of(f"POST {path} HTTP/1.1\r\n".encode()) == WORK, name
    for path in ("/", "/trust/campaigns/7/", "/campaigns/7/", "/accounts/login/", "/library/", "/api/v1/items/"):
        assert lane_of(f"GET {path} HTTP/1.1\r\n".encode()) == PAGES, path


@pytest.mark.parametrize(
    ("head", "whole"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n", False),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab", False),
        (b"POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc", True),
        (b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (SMALL_BODY + 1), True),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", True),
        (b"GET /" + b"x" * LARGEST_HEAD, True),
    ],
)
def test_when_a_thread_may_begin(head: bytes, whole: bool) -> None:
    assert is_whole(head) is whole
