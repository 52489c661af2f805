"""Whether others can make annotators wait: 32 expensive pages at once, and clients that never finish their headers.

    python -m benchmarks.crowded [--judgments 17334] [--annotators 16] [--pages 32] [--sockets 24] [--seconds 20]

Starts the web server and a worker as scripts/run does. Annotators save an answer every ``pace`` seconds: alone, beside
a loop that only computes (what a busy core costs, whatever the server does), beside reviewers who open expensive pages
one after the other, ``pages`` at once, and beside half-open sockets. Prints p50, p95 and p99 of a save in each, in
milliseconds as the client sees them; fails where a p95 is more than 1.5 times the first.
The reviewers are another process, so that only the server is shared.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import multiprocessing
import os
import random
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.annotating import act, fill, wait_for, warm_up  # noqa: E402
from benchmarks.servers import servers, set_up  # noqa: E402

PORT = 8918
WORST = 1.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judgments", type=int, default=17_334, help="321 items, three annotators, 18 ladders")
    parser.add_argument("--annotators", type=int, default=16)
    parser.add_argument("--pages", type=int, default=32)
    parser.add_argument("--sockets", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each part is measured")
    parser.add_argument("--pace", type=float, default=0.5, help="seconds between two answers of one person")
    options = parser.parse_args()
    with servers() as folder:
        run(options, folder)


def run(options: argparse.Namespace, folder: Path) -> None:
    set_up(folder, STATIC_MANIFEST="0")
    from django.conf import settings

    from annotator.core.processes import commands

    options.items = 4
    campaign, sessions = fill(options)
    reviewer, pages = reviewing()
    running = []
    for name, command, extra in commands("127.0.0.1", PORT, folder):
        if name in ("web", "worker-default"):
            env = {
                **os.environ,
                **extra,
                "DATABASE_URL": settings.DATABASE_URL,
                "CELERY_BROKER_URL": settings.BROKER_URL,
            }
            log = (folder / f"{name}.log").open("wb")
            running.append(subprocess.Popen(command, env=env, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT))
    try:
        wait_for(PORT)
        warm_up(PORT, sessions[0], campaign[0])
        people = [Annotator(cookie, campaign) for cookie in sessions]
        opened(reviewer, pages, 1.0)  # once before: the worker loads what it needs
        measured(people, argparse.Namespace(seconds=5.0, pace=options.pace))  # each thread's first connection and cache
        parts = {"alone": measured(people, options)}
        with multiprocessing.Pool(1, os.nice, (19,)) as pool:
            pool.apply_async(compute, (options.seconds + 1,))
            parts["beside one busy core, nothing asked"] = measured(people, options)
        with multiprocessing.Pool(1, os.nice, (19,)) as pool:
            waiting = pool.apply_async(crowd, (reviewer, pages, options.pages, options.seconds + 1))
            time.sleep(0.5)
            parts[f"beside {options.pages} expensive pages"] = measured(people, options)
            seen = waiting.get()
        slow = [half_open() for _ in range(options.sockets)]
        time.sleep(0.5)
        parts[f"beside {options.sockets} half-open sockets"] = measured(people, options)
        for client in slow:
            client.close()
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()
    report(parts, seen, people)


def reviewing() -> tuple[str, list[str]]:
    """A signed-in reviewer, and the addresses of the pages that cost most."""
    from django.contrib.auth.models import Group
    from django.test import Client

    from annotator.accounts.models import Role, User
    from annotator.campaigns.models import Campaign

    person = User.objects.create(username="reviewer", password="!")
    Group.objects.get_or_create(name=Role.REVIEWER.value)[0].user_set.add(person)
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    closed = Campaign.objects.get(name="Behind us").pk
    return client.cookies["sessionid"].value, [
        f"/trust/campaigns/{closed}/", f"/trust/campaigns/{closed}/review/", f"/campaigns/{closed}/", "/library/",
        "/insights/agreement/",
    ]  # fmt: skip


class Annotator:
    """One person in one item, changing answers as quickly as ``pace`` says."""

    def __init__(self, cookie: str, campaign: Any) -> None:
        pk, self.ladders = campaign
        token = "x" * 32
        self.headers = {"Cookie": f"sessionid={cookie}; csrftoken={token}", "X-CSRFToken": token,
                        "Host": f"127.0.0.1:{PORT}"}  # fmt: skip
        self.connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
        self.sequence = itertools.count()
        self.failures: list[int] = []
        self.address = self.ask("GET", f"/campaigns/{pk}/work/").headers["Location"]

    def ask(self, method: str, path: str, body: Any = None) -> http.client.HTTPResponse:
        more = {"Content-Type": "application/json"} if body else {}
        try:
            self.connection.request(method, path, body and json.dumps(body), self.headers | more)
            answer = self.connection.getresponse()
        except (http.client.HTTPException, OSError):  # a kept connection was closed meanwhile
            self.connection.close()
            self.connection.request(method, path, body and json.dumps(body), self.headers | more)
            answer = self.connection.getresponse()
        answer.read()
        if answer.status >= 400:
            self.failures.append(answer.status)
        return answer

    def work(self, seconds: float, pace: float, times: list[float]) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(random.expovariate(1 / pace))
            number = next(self.sequence)
            one = act(number, *self.ladders[number % 5])
            start = time.perf_counter()
            self.ask("POST", f"{self.address}judgments/", {"judgments": [one]})
            times.append(1000 * (time.perf_counter() - start))


def measured(people: list[Annotator], options: argparse.Namespace) -> list[float]:
    times: list[float] = []
    threads = [threading.Thread(target=one.work, args=(options.seconds, options.pace, times)) for one in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


def compute(seconds: float) -> None:
    """Keep one core busy: what the machine itself costs a save, whatever the server does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(10_000))


def crowd(cookie: str, pages: list[str], count: int, seconds: float) -> list[tuple[int, float]]:
    """``count`` reviewers, each opening one page after the other."""
    found: list[tuple[int, float]] = []
    threads = [
        threading.Thread(target=lambda i=i: found.extend(opened(cookie, pages[i % len(pages) :] + pages, seconds)))
        for i in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def opened(cookie: str, pages: list[str], seconds: float) -> list[tuple[int, float]]:
    """(status, ms) of each page that was opened."""
    found = []
    end = time.monotonic() + seconds
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=120)
    for page in itertools.cycle(pages):
        if time.monotonic() >= end:
            break
        start = time.perf_counter()
        connection.request("GET", page, headers={"Cookie": f"sessionid={cookie}", "Host": f"127.0.0.1:{PORT}"})
        answer = connection.getresponse()
        answer.read()
        found.append((answer.status, 1000 * (time.perf_counter() - start)))
    return found


def half_open() -> socket.socket:
    client = socket.create_connection(("127.0.0.1", PORT))
    client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
    return client


def report(parts: dict[str, list[float]], seen: list[tuple[int, float]], people: list[Annotator]) -> None:
    print("| a save | n | p50 ms | p95 ms | p99 ms | p95 ÷ alone |\n|---|---|---|---|---|---|")
    first, worst = float(np.percentile(parts["alone"], 95)), 0.0
    for name, times in parts.items():
        p50, p95, p99 = np.percentile(times, [50, 95, 99])
        worst = max(worst, p95 / first)
        print(f"| {name} | {len(times):,} | {p50:.0f} | {p95:.0f} | {p99:.0f} | {p95 / first:.2f} |")
    statuses = {status: sum(one == status for one, _ in seen) for status, _ in seen}
    p50, p95 = np.percentile([ms for _, ms in seen], [50, 95])
    print(f"Pages: {len(seen)} ({statuses}), p50 {p50:.0f} ms, p95 {p95:.0f} ms")
    print(f"{os.cpu_count()} cores, clients on the same machine; load {os.getloadavg()[0]:.1f}")
    failures = [status for one in people for status in one.failures]
    if failures or worst > WORST:
        print(f"Failed: {len(failures)} saves refused; worst p95 is {worst:.2f} times that alone (goal {WORST})")
        raise SystemExit(1)


if __name__ == "__main__":
    main()
