"""gunicorn's threads, out of reach of slow clients: a thread gets a request only once its headers are all there.

gunicorn's own worker gives a thread to whoever has sent a first byte, and waits in it for the rest without an end: a
few half-open sockets then hold every thread. Here the loop that waits for sockets also gathers the headers, and a
small body with them, until a deadline; a large body, and an answer that nobody reads, have a least speed.
"""

from __future__ import annotations

import os
import re
import socket
import time
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from annotator.core.lanes import Lanes, lane_of

HEADER_SECONDS = float(os.environ.get("WEB_HEADER_SECONDS", "10"))
"""From the first to the last byte of the headers and of a small body."""
LARGEST_HEAD = 128 * 1024
SMALL_BODY = 64 * 1024
MOST_WAITING = 500
"""Connections without a whole request; the oldest of them makes room for the next."""
STILL_SECONDS = 30.0
"""How long a client may send or take nothing at all."""
LEAST_BYTES_A_SECOND = 500

TIMEOUT = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,12})[ \t]*\r\n", re.IGNORECASE)
_EXPECTS = re.compile(rb"\r\nexpect:", re.IGNORECASE)


class BoundedSocket(socket.socket):
    """A client's socket in which no thread waits for ever."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.waited = 0.0
        self.received = 0

    def setblocking(self, flag: bool) -> None:
        self.settimeout(STILL_SECONDS if flag else 0.0)

    def recv(self, size: int, flags: int = 0) -> bytes:
        start = time.monotonic()
        data = super().recv(size, flags)
        self.waited += time.monotonic() - start
        self.received += len(data)
        if self.waited > STILL_SECONDS and self.received < self.waited * LEAST_BYTES_A_SECOND:
            raise TimeoutError("the client sends too slowly")
        return data

    def begin(self) -> None:
        """Count from here: another request begins."""
        self.waited, self.received = 0.0, 0


class HeadersFirst(ThreadWorker):
    """The worker class of ``annotator.core.gunicorn_config``.

    ``lane`` and ``lanes`` are set before the process is forked; a process without them takes everything.
    """

    lane = ""
    lanes: Lanes | None = None

    def run(self) -> None:
        if self.lanes is not None and self.lane:
            self.poller.register(self.lanes.entrance(self.lane), EVENT_READ, self._take_over)
        super().run()

    def accept(self, listener: Any) -> None:
        if self.cfg.is_ssl:  # a handshake needs a thread
            super().accept(listener)
            return
        try:
            accepted, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        client = BoundedSocket(fileno=accepted.detach())
        self.nr_conns += 1
        self._gather(TConn(self.cfg, client, address, listener.getsockname()))

    def on_client_socket_readable(self, conn: TConn, client: Any) -> None:
        """The next request on a connection that was kept."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        if isinstance(conn.sock, BoundedSocket):
            self._gather(conn)
        else:
            self.enqueue_req(conn)

    def _gather(self, conn: TConn) -> None:
        conn.head = bytearray()
        conn.timeout = time.monotonic() + HEADER_SECONDS
        conn.sock.setblocking(False)
        conn.sock.begin()
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))
        if len(self.pending_conns) > MOST_WAITING:
            self._forget(self.pending_conns[0])

    def on_pending_socket_readable(self, conn: TConn, client: Any) -> None:
        if not isinstance(conn.sock, BoundedSocket):
            super().on_pending_socket_readable(conn, client)
            return
        try:
            data = conn.sock.recv(LARGEST_HEAD)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._forget(conn)
            return
        conn.head += data
        if not is_whole(conn.head):
            return
        self.poller.unregister(client)
        self.pending_conns.remove(conn)
        head, conn.head = bytes(conn.head), bytearray()
        lane = lane_of(head)
        if self.lanes is not None and self.lane and lane != self.lane and self.lanes.give(lane, conn.sock, head):
            self.nr_conns -= 1
            conn.sock.close()  # the other process has it open
            return
        self._begin(conn, head)

    def _begin(self, conn: TConn, head: bytes) -> None:
        """Give the connection to a thread, with what was read from it."""
        conn.init()
        conn.parser.unreader.unread(head)
        conn.data_ready = True
        conn.sock.setblocking(True)
        conn.sock.begin()
        self.enqueue_req(conn)

    def _take_over(self, _entrance: Any) -> None:
        """A connection from another process, whose lane its request is not in."""
        given = self.lanes.take(self.lane) if self.lanes is not None else None
        if given is None:
            return
        client = BoundedSocket(fileno=given[0])
        try:
            address, here = client.getpeername(), client.getsockname()
        except OSError:  # it has hung up meanwhile
            client.close()
            return
        self.nr_conns += 1
        self._begin(TConn(self.cfg, client, address, here), given[1])

    def murder_pending(self) -> None:
        """Close what has not become a request in time, with an answer where something was sent."""
        now = time.monotonic()
        while self.pending_conns and self.pending_conns[0].timeout <= now:
            conn = self.pending_conns[0]
            if getattr(conn, "head", b""):
                with suppress(OSError):
                    conn.sock.send(TIMEOUT)
            self._forget(conn)

    def _forget(self, conn: TConn) -> None:
        with suppress(ValueError):
            self.pending_conns.remove(conn)
        with suppress(OSError, KeyError, ValueError):
            self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()


def is_whole(head: bytes | bytearray) -> bool:
    """Whether a thread can begin: the headers are there, and a small body; or more than any headers may be."""
    end = head.find(b"\r\n\r\n")
    if end < 0:
        return len(head) > LARGEST_HEAD
    length = _LENGTH.search(head, 0, end + 2)
    if length is None or _EXPECTS.search(head, 0, end + 2):
        return True
    body = int(length[1])
    return body > SMALL_BODY or len(head) >= end + 4 + body
