"""Two lanes for requests: annotators' work, and all other pages. Where there are processes enough, one has the pages.

Python lets one thread of a process compute at a time, so an answer that is saved would wait for every page that is
being made in its process. The loop that gathers headers (``annotator.core.web_worker``) knows the address before a
thread has it, and hands the connection to a process of the right lane. The process of the pages also yields to the
others where the cores are all busy.
"""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.db.backends.signals import connection_created
from django.http import HttpRequest, HttpResponseBase

WORK, PAGES = "work", "pages"
LARGEST = 128 * 1024
"""What of a request goes from one process to another with its connection; a larger one stays where it is."""
NICE = 10
"""By how much the process of the pages yields, and the database's processes that work for it on the same machine."""
AT_ONCE = max(1, int(os.environ.get("WEB_PAGES_AT_ONCE", "2")))
"""So many pages a process makes at the same time."""
_turns = threading.BoundedSemaphore(AT_ONCE)

# Light and urgent: an item, its media, its answers; and what no process needs time for.
_WORK = re.compile(
    rb"[A-Z]+ /(?:"
    rb"campaigns/(?:assignments|comparisons)/|campaigns/\d+/(?:work|next|compare)/|"
    rb"library/[^/ ]+/(?:media|thumbnail)|media/|campaigns/(?:media|examples)/|"
    rb"api/v1/(?:assignments|comparisons)/|api/v1/(?:comparison-)?campaigns/\d+/next/|"
    rb"static/|i18n/texts/|healthz|readyz|favicon)"
)


def lane_of(head: bytes | bytearray) -> str:
    """Which lane a request belongs to, by its first line."""
    return WORK if _WORK.match(head) else PAGES


class Lanes:
    """The way connections go from one process to another: a pair of sockets a lane, made before the processes fork."""

    def __init__(self) -> None:
        self._ways = {lane: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for lane in (WORK, PAGES)}
        for taking, giving in self._ways.values():
            taking.setblocking(False)
            giving.setblocking(False)
            giving.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1024 * 1024)

    def entrance(self, lane: str) -> socket.socket:
        """Readable where a connection of this lane waits to be taken."""
        return self._ways[lane][0]

    def give(self, lane: str, client: socket.socket, head: bytes) -> bool:
        """Hand a connection over with what was read from it; False where there is no room: then keep it."""
        if len(head) > LARGEST:
            return False
        try:
            socket.send_fds(self._ways[lane][1], [head], [client.fileno()])
        except OSError:
            return False
        return True

    def take(self, lane: str) -> tuple[int, bytes] | None:
        """The next connection of this lane and what was read from it; None where another process was quicker."""
        try:
            head, descriptors, _flags, _address = socket.recv_fds(self._ways[lane][0], LARGEST, 1)
        except OSError:
            return None
        return (descriptors[0], head) if descriptors else None


def lane_for(worker: Any, others: Any) -> str:
    """The lane of a process that is about to be forked: the pages' where no other one has it."""
    alone = worker.cfg.workers < 2
    return "" if alone else WORK if any(getattr(other, "lane", "") == PAGES for other in others) else PAGES


def settle(lane: str) -> None:
    """In a process that has just been forked."""
    if lane == PAGES:
        os.nice(NICE)
        connection_created.connect(yield_as_well, dispatch_uid="lanes")


class Turns:
    """Middleware: a process makes a few pages at a time; the others wait for their turn.

    Python computes one page at a time anyway. More at once only make each slower, and their queries take the cores
    from annotators' answers: with 2 instead of 32, a process makes nearly half as many pages more in the same time.
    Only what is read waits; whoever sends something may be slow, and would keep others from their turn.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method not in ("GET", "HEAD") or lane_of(f"GET {request.path}".encode()) == WORK:
            return self.get_response(request)
        with _turns:
            return self.get_response(request)


def yield_as_well(connection: Any, **_: Any) -> None:
    """Let the process behind a database connection yield like this one, where it is ours and on this machine.

    Otherwise every page that waits for its query competes with annotators' answers through the database. A server
    elsewhere, or of another user, is left alone: its process numbers mean nothing here.
    """
    number = connection.connection.info.backend_pid
    with suppress(OSError):
        if Path(f"/proc/{number}/cmdline").read_bytes().startswith(b"postgres:"):
            os.setpriority(os.PRIO_PROCESS, number, NICE)
