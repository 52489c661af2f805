"""The proxy before a real web server, as in production: static files, media after a yes, nothing past it."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from annotator.accounts.models import Role, User
from annotator.library import storage
from tests.factories import make_item
from tests.web_server import ROOT, WebServer, free_port

CADDYFILE = ROOT / "deploy" / "Caddyfile"
pytestmark = pytest.mark.skipif(shutil.which("caddy") is None, reason="needs caddy")


def test_the_configuration_is_valid() -> None:
    command = ["caddy", "validate", "--config", CADDYFILE, "--adapter", "caddyfile"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def ask(process_env: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., HTTPResponse]]:
    """``ask("/path", Cookie=…)`` through the proxy."""
    env = {**process_env, "MEDIA_ACCEL_PREFIX": "/_media", "PROXY_COUNT": "1"}
    web = WebServer(env, tmp_path / "web.log")
    static = tmp_path / "static"
    static.mkdir()
    (static / "page.0123456789ab.js").write_text("export {}")
    (static / "page.js").write_text("export {}")
    port = free_port()
    log = (tmp_path / "caddy.log").open("wb")
    proxy = subprocess.Popen(
        ["caddy", "run", "--config", CADDYFILE, "--adapter", "caddyfile"], stdout=log, stderr=subprocess.STDOUT,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "SITE_ADDRESS": f"http://localhost:{port}",
             "UPSTREAM": f"127.0.0.1:{web.port}", "STATIC_FOLDER": str(static), "HEALTH_PORT": str(free_port()),
             "MEDIA_FOLDER": str(settings.MEDIA_ROOT)},
    )  # fmt: skip

    def request(path: str, method: str = "GET", **headers: str) -> HTTPResponse:
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        sent = {"Host": "localhost", **{name.replace("_", "-"): value for name, value in headers.items()}}
        connection.request(method, path, headers=sent)
        response = connection.getresponse()
        response.body = response.read()  # type: ignore[attr-defined]
        connection.close()
        return response

    try:
        web.wait()
        deadline = time.monotonic() + 60
        while True:
            try:
                request("/healthz")
                break
            except OSError:
                assert proxy.poll() is None, (tmp_path / "caddy.log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.1)
        yield request
    finally:
        proxy.kill()
        proxy.wait()
        log.close()
        web.kill()


def test_what_the_world_gets(ask: Callable[..., HTTPResponse], make_user: Callable[..., User]) -> None:
    item = make_item()
    original = storage.original_path(item).read_bytes()
    client = Client()
    client.force_login(make_user("root", Role.ADMIN), backend="django.contrib.auth.backends.ModelBackend")
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"

    page = ask("/accounts/login/")
    assert page.status == 200
    assert "script-src 'self'" in (page.getheader("Content-Security-Policy") or "")
    assert page.getheader("Server") is None

    address = reverse("library:media", args=[item.pk])
    whole = ask(address, Cookie=cookie)
    assert (whole.status, whole.body) == (200, original)  # type: ignore[attr-defined]
    assert whole.getheader("Content-Type") == item.mime_type
    assert whole.getheader("X-Content-Type-Options") == "nosniff"
    assert (whole.getheader("Cache-Control") or "").startswith("private")
    assert whole.getheader("X-Accel-Redirect") is None, "where files lie is nobody's matter"
    part = ask(address, Cookie=cookie, Range="bytes=10-19")
    assert (part.status, part.body) == (206, original[10:20])  # type: ignore[attr-defined]
    assert ask(address, Cookie=cookie, If_None_Match=whole.getheader("ETag") or "none").status == 304

    assert ask(address).status == 404, "a stranger learns not even that it exists"
    relative = storage.original_path(item).relative_to(settings.MEDIA_ROOT).as_posix()
    assert ask(f"/_media/{relative}", Cookie=cookie).status == 404, "only the web server sends anybody there"

    hashed, plain = ask("/static/page.0123456789ab.js"), ask("/static/page.js")
    assert hashed.getheader("Cache-Control") == "public, max-age=31536000, immutable"
    assert (plain.status, plain.getheader("Cache-Control")) == (200, None)
    assert ask("/static/../../etc/passwd").status in {400, 404}
