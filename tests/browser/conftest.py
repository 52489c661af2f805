"""A real Chromium for the page tests: signed-in pages, both sizes, both themes, and the accessibility check."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.conf import settings
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.signals import request_finished, request_started
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright
from pytest_django.live_server_helper import LiveServer

from annotator.accounts.models import User
from tests.browser.annotating import campaign, snap
from tests.conftest import chromium_path

__all__ = ["campaign", "snap"]  # fixtures of the workspace's tests

LAPTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium_path()
    if path is None:
        pytest.fail("Chromium was not found. Install it (scripts/test does where it can), or run with --no-browser.")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking",
                  "--disable-component-update", "--disable-sync", "--no-first-run"],
        )  # fmt: skip
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def live_server() -> Iterator[LiveServer]:
    """The platform, served from this process. pytest-django's own looks for staticfiles under its plain name only."""
    server = LiveServer("localhost", start=False)
    server.thread.static_handler = StaticFilesHandler
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def quiet(live_server: LiveServer) -> Iterator[Callable[[], None]]:
    """``quiet()`` returns when the server has answered all it was asked, also what nobody waits for any more."""
    at_work: set[threading.Thread] = set()

    def began(**_: object) -> None:
        at_work.add(threading.current_thread())

    def ended(**_: object) -> None:
        at_work.discard(threading.current_thread())

    def wait(seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        # A thread whose browser hung up in the middle ends without saying so.
        while any(thread.is_alive() for thread in at_work) and time.monotonic() < deadline:
            time.sleep(0.01)

    request_started.connect(began)
    request_finished.connect(ended)
    yield wait
    request_started.disconnect(began)
    request_finished.disconnect(ended)


@pytest.fixture
def open_context(
    browser: Browser, live_server: object, quiet: Callable[[], None]
) -> Iterator[Callable[..., BrowserContext]]:
    """``open_context(user, phone=True, theme="dark")``: a browser of its own, signed in as the person."""
    contexts: list[BrowserContext] = []

    def make(user: User | None = None, *, phone: bool = False, theme: str = "light") -> BrowserContext:
        context = browser.new_context(
            base_url=live_server.url,  # type: ignore[attr-defined]
            viewport=PHONE if phone else LAPTOP,
            has_touch=phone,
            color_scheme=theme,
        )
        context.set_default_timeout(15_000)
        if user is not None:
            client = Client()
            client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
            context.add_cookies(
                [{"name": settings.SESSION_COOKIE_NAME, "value": client.cookies[settings.SESSION_COOKIE_NAME].value,
                  "url": live_server.url}]  # type: ignore[attr-defined]
            )  # fmt: skip
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()
    quiet()  # the database is emptied next, and must not meet a request half-way


@pytest.fixture
def open_page(open_context: Callable[..., BrowserContext]) -> Iterator[Callable[..., Page]]:
    """Like ``open_context``, but a page; the test fails on any error in the page's console."""
    problems: list[str] = []

    def make(user: User | None = None, *, phone: bool = False, theme: str = "light", strict: bool = True) -> Page:
        page = open_context(user, phone=phone, theme=theme).new_page()
        if strict:
            page.on("pageerror", lambda error: problems.append(f"{page.url}: {error}"))
            page.on("console", lambda m: problems.append(f"{page.url}: {m.text}") if m.type == "error" else None)
        return page

    yield make
    assert not problems, "errors in the browser's console:\n" + "\n".join(problems)


@pytest.fixture
def before_scripts() -> Callable[..., AbstractContextManager[None]]:
    """``with before_scripts(page, path):`` the page is open and can be used, but its scripts have not come yet."""

    @contextmanager
    def opened(page: Page, path: str) -> Iterator[None]:
        held: list[Route] = []
        page.route("**/htmx-*.js", lambda route: held.append(route))
        page.goto(path, wait_until="commit")
        yield
        assert held, "the page was open without htmx being asked for"
        for route in held:
            route.continue_()
        page.unroute("**/htmx-*.js")

    return opened


@pytest.fixture
def look(screenshots: Path) -> Callable[..., None]:
    """``look(page, "jobs")``: the page in both sizes and both themes as pictures, and checked by axe (WCAG 2.2 AA).

    Leaves the page as it was. Fails where a page is wider than its window or axe finds a violation. Contrast differs
    between themes and layout between sizes: a light laptop and a dark phone show both. All four are drawn where
    ``LOOK=all`` is set.
    """
    every = os.environ.get("LOOK") == "all"

    def shoot(page: Page, name: str, *, axe: bool = True, full_page: bool = True) -> None:
        before = page.viewport_size
        for size_name, size in (("laptop", LAPTOP), ("phone", PHONE)):
            page.set_viewport_size(size)
            for theme in ("light", "dark"):
                checked = (size_name, theme) in {("laptop", "light"), ("phone", "dark")}
                if not (checked or every):
                    continue
                page.emulate_media(color_scheme=theme, reduced_motion="reduce")
                # From its top, so that the header that stays in view covers nothing.
                page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
                page.wait_for_timeout(60)
                page.screenshot(path=screenshots / f"{name}-{size_name}-{theme}.png", full_page=full_page)
                if axe and checked:
                    accessible(page, f"{name}-{size_name}-{theme}")
            wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wider <= 0, f"{name} is {wider} px wider than the {size_name} window"
        page.emulate_media(color_scheme="light")
        if before:
            page.set_viewport_size(before)

    return shoot


WCAG = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    "resultTypes": ["violations"],
}


def accessible(page: Page, name: str) -> None:
    """Fails where axe-core finds a violation of WCAG 2.2 A or AA."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    # Only what is wrong comes over: all that was found right is a hundred times as much.
    violations = page.evaluate("async options => (await axe.run(document, options)).violations", WCAG)
    assert not violations, f"{name}:\n" + "\n".join(
        f"{v['id']} ({v['help']}): " + "; ".join(node["html"][:160] for node in v["nodes"][:4]) for v in violations
    )
