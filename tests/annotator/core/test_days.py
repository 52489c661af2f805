"""Today is the day of whoever asks: their browser says its time zone in a cookie."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils import timezone

from annotator.core.days import Zones, midnight


def begun(cookie: str | None, monkeypatch: pytest.MonkeyPatch, now: datetime) -> datetime:
    monkeypatch.setattr(timezone, "now", lambda: now)
    request = RequestFactory().get("/")
    if cookie is not None:
        request.COOKIES["zone"] = cookie
    found: list[datetime] = []

    def view(_: object) -> HttpResponse:
        found.append(midnight())
        return HttpResponse()

    Zones(view)(request)
    return found[0]


@pytest.mark.parametrize(
    ("cookie", "start"),
    [
        (None, datetime(2026, 3, 29, tzinfo=UTC)),
        ("Asia/Tokyo", datetime(2026, 3, 29, 15, tzinfo=UTC)),
        ("America%2FLos_Angeles", datetime(2026, 3, 29, 7, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 3, 28, 23, tzinfo=UTC)),  # the clocks went forward in this night
        *(
            (wrong, datetime(2026, 3, 29, tzinfo=UTC))
            for wrong in ("", "../../etc/passwd", "Mars/Base", "\0", "/", "x" * 99)
        ),
    ],
)
def test_when_today_began(cookie: str | None, start: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    assert begun(cookie, monkeypatch, datetime(2026, 3, 29, 18, 30, tzinfo=UTC)) == start


def test_a_zone_lasts_as_long_as_its_request(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime(2026, 3, 29, 18, 30, tzinfo=UTC)
    assert begun("Asia/Tokyo", monkeypatch, now).astimezone(ZoneInfo("Asia/Tokyo")).hour == 0
    assert midnight() == datetime(2026, 3, 29, tzinfo=UTC)
