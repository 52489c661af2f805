"""Figures that take long: asked for once, worked out by one, kept until what they depend on changes."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from django.core.cache import cache

from annotator.core import figures


@pytest.fixture
def kind(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, object]]:
    """A kind of figures whose state, work and messages can be looked at."""
    seen: dict[str, object] = {"state": "1", "made": 0, "asked": 0}

    def make(pk: int) -> str:
        seen["made"] += 1  # type: ignore[operator]
        return f"figures {seen['state']} of {pk}"

    def send(name: str, pk: int) -> None:
        seen["asked"] += 1  # type: ignore[operator]

    figures.register("test.kind", make=make, depends_on=lambda pk: str(seen["state"]))
    monkeypatch.setattr(figures, "send", send)
    monkeypatch.setattr(figures, "CHECK_SECONDS", 60)
    yield seen
    del figures._kinds["test.kind"]
    cache.delete_many(figures._keys("test.kind", 1))


def test_who_looks_first_asks_a_worker_and_everybody_else_waits_for_it(kind: dict[str, object]) -> None:
    for _ in range(5):
        found = figures.latest("test.kind", 1)
        assert (found.value, found.made_at, found.is_asked) == (None, None, True)
    assert kind["asked"] == 1
    assert figures.make("test.kind", 1)
    found = figures.latest("test.kind", 1)
    assert (found.value, found.is_asked) == ("figures 1 of 1", False)
    assert found.made_at is not None
    assert kind["asked"] == 1


def test_they_are_worked_out_anew_only_where_something_has_changed(kind: dict[str, object]) -> None:
    figures.make("test.kind", 1)
    made_at = figures.latest("test.kind", 1).made_at
    figures.outdated("test.kind", 1)
    found = figures.latest("test.kind", 1)  # the old ones at once, and a worker is asked
    assert (found.value, found.is_asked, kind["asked"]) == ("figures 1 of 1", True, 1)
    assert not figures.make("test.kind", 1)
    assert figures.latest("test.kind", 1).made_at == made_at
    kind["state"] = "2"
    assert figures.make("test.kind", 1)
    assert figures.latest("test.kind", 1).value == "figures 2 of 1"
    assert kind["made"] == 2


def test_one_worker_works_at_a_time(kind: dict[str, object], wait_until: Callable[..., None]) -> None:
    at_work, go_on = threading.Event(), threading.Event()

    def slow(pk: int) -> str:
        at_work.set()
        go_on.wait(10)
        return "slow"

    figures.register("test.kind", make=slow, depends_on=lambda pk: "1")
    first = threading.Thread(target=figures.make, args=("test.kind", 1))
    first.start()
    assert at_work.wait(10)
    start = time.monotonic()
    assert not figures.make("test.kind", 1)
    assert time.monotonic() - start < 1
    go_on.set()
    first.join()
    assert figures.latest("test.kind", 1).value == "slow"


def test_without_the_cache_a_page_says_that_it_waits(kind: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures.cache, "get_many", lambda keys: 1 / 0)
    assert figures.latest("test.kind", 1) == figures.Figures(None, None, True)
    assert kind["asked"] == 0


def test_what_is_quick_is_made_at_each_look_and_asks_nobody(kind: dict[str, object]) -> None:
    assert figures.present("test.kind", 1) == "figures 1 of 1"
    kind["state"] = "2"
    assert figures.present("test.kind", 1) == "figures 2 of 1"
    assert (kind["made"], kind["asked"]) == (2, 0)


def test_what_takes_long_is_shown_as_it_was_and_made_by_a_worker(
    kind: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "QUICK_SECONDS", 0.0)
    assert figures.present("test.kind", 1) == "figures 1 of 1"  # the first time there is nothing else to show
    kind["state"] = "2"
    for _ in range(3):
        assert figures.present("test.kind", 1) == "figures 1 of 1"
    assert (kind["made"], kind["asked"]) == (1, 1)
    assert figures.make("test.kind", 1)
    assert figures.present("test.kind", 1) == "figures 2 of 1"


def test_what_expires_between_two_looks_is_still_shown(
    kind: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "QUICK_SECONDS", 0.0)
    assert figures.present("test.kind", 1) == "figures 1 of 1"
    monkeypatch.setattr(figures.cache, "get_many", lambda keys: {})
    assert figures.present("test.kind", 1) == "figures 1 of 1"
    assert kind["made"] == 1


def test_without_the_cache_it_is_made_at_each_look(kind: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures.cache, "get", lambda key: 1 / 0)
    assert figures.present("test.kind", 1) == "figures 1 of 1"


def test_a_worker_rests_ten_times_as_long_as_it_worked(
    kind: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "CHECK_SECONDS", 0)
    monkeypatch.setattr(figures, "REST", 1000)
    figures.register("test.kind", make=lambda pk: time.sleep(0.01))
    figures.make("test.kind", 1)
    assert not figures.latest("test.kind", 1).is_asked
    assert kind["asked"] == 0
