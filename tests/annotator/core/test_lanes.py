"""Which requests wait for others, and who yields to whom."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from annotator.core.lanes import AT_ONCE, NICE, Turns, yield_as_well


def test_a_process_makes_a_few_pages_at_a_time(rf: RequestFactory) -> None:
    running, most, lock = 0, 0, threading.Lock()

    def view(request: HttpRequest) -> HttpResponse:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.05)
        with lock:
            running -= 1
        return HttpResponse()

    turns = Turns(view)

    def most_at_once(method: str, path: str) -> int:
        nonlocal most
        most = 0
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(turns, [rf.generic(method, path) for _ in range(8)]))
        return most

    assert most_at_once("GET", "/trust/campaigns/1/") == AT_ONCE
    # An annotator's work never waits for its turn, nor does whoever sends something.
    assert most_at_once("GET", f"/campaigns/assignments/{uuid4()}/") > AT_ONCE
    assert most_at_once("POST", "/library/imports/") > AT_ONCE


def test_a_page_that_fails_gives_its_turn_back(rf: RequestFactory) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        raise ValueError("broken")

    for _ in range(AT_ONCE + 1):
        with pytest.raises(ValueError, match="broken"):
            Turns(view)(rf.get("/library/"))


@pytest.mark.django_db(transaction=True)
def test_the_database_yields_where_its_process_is_ours() -> None:
    with connection.cursor():
        info = connection.connection.info
    name = Path(f"/proc/{info.backend_pid}/cmdline")
    if not name.exists():
        pytest.skip("The database runs on another machine or in another container.")
    yield_as_well(connection)
    assert os.getpriority(os.PRIO_PROCESS, info.backend_pid) == NICE
    connection.close()
