"""How long annotators wait: next item and save, many people at once, a large table of judgments behind them.

    python benchmarks/annotating.py [--judgments 1000000] [--annotators 100] [--items 4] [--pace 1.0]
    python benchmarks/annotating.py --together --annotators 8 --items 40 --pace 0

Starts the web server as scripts/run does, on a PostgreSQL of its own filled with judgments, and lets so many
annotators work: each opens the next item, answers every ladder (one every ``pace`` seconds on average), submits,
and goes on. Prints p50, p95 and p99 of each kind of request, in milliseconds, as the client sees them, and how many
queries each asks the database (who is signed in is asked by every request and not counted). With ``--together``, all
answers of an item travel with its submission, as programs and the page's queue behind a slow line send them; how many
whole annotations a second that makes is printed either way.
"""

import argparse
import http.client
import json
import os
import random
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.servers import servers, set_up  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judgments", type=int, default=1_000_000)
    parser.add_argument("--annotators", type=int, default=100)
    parser.add_argument("--items", type=int, default=4, help="items each annotator does")
    parser.add_argument("--pace", type=float, default=1.0, help="seconds between two answers of one person")
    parser.add_argument("--together", action="store_true", help="send an item's answers with its submission")
    options = parser.parse_args()
    with servers() as folder:
        run(options, folder)


def run(options: argparse.Namespace, folder: Path) -> None:
    set_up(folder, STATIC_MANIFEST="0")
    from django.conf import settings

    from annotator.core.processes import commands

    campaign, sessions = fill(options)
    port = 8917
    _name, command, extra = commands("127.0.0.1", port, folder)[0]
    env = {**os.environ, **extra, "DATABASE_URL": settings.DATABASE_URL, "CELERY_BROKER_URL": settings.BROKER_URL}
    log = (folder / "web.log").open("wb")
    server = subprocess.Popen(command, env=env, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_for(port)
        warm_up(port, sessions[0], campaign[0])
        times: dict[str, list[float]] = {"next item": [], "save": [], "submit": []}
        failures: list[str] = []
        threads = [
            threading.Thread(target=annotate, args=(port, cookie, campaign, options, times, failures))
            for cookie in sessions
        ]
        start = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.monotonic() - start
        asked = count_queries(options, campaign)
    finally:
        server.terminate()
        server.wait()
    report(options, times, asked, failures, seconds)


def count_queries(options: argparse.Namespace, campaign: Any) -> dict[str, int]:
    """The most queries of each kind of request, with one more annotator and the same database."""
    from django.conf import settings
    from django.contrib.auth.models import Group
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from annotator.accounts.models import Role, User
    from annotator.campaigns.models import Campaign
    from annotator.campaigns.services import create_campaign
    from annotator.library.models import Item

    settings.ALLOWED_HOSTS = ["testserver"]
    pk, ladders = campaign
    # Their own campaign: the others have left nothing in theirs.
    work = create_campaign(
        name="Counted", checklist_version=Campaign.objects.get(pk=pk).checklist_version, state="open",
        items=Item.objects.order_by("pk")[:10],
    )  # fmt: skip
    person = User.objects.create(username="counted", password="!")
    Group.objects.get(name=Role.ANNOTATOR.value).user_set.add(person)
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    most = {"next item": 0, "save": 0, "submit": 0}

    def ask(kind: str, method: str, path: str, body: Any = None) -> Any:
        with CaptureQueriesContext(connection) as captured:
            answer = getattr(client, method)(
                path, body, content_type="application/json", headers={"Accept": "application/json"}
            ) if method == "post" else client.get(path)  # fmt: skip
        asked = [q["sql"] for q in captured if not q["sql"].startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE"))]
        signed_in = [sql for sql in asked if 'FROM "accounts_user" WHERE' in sql or "django_session" in sql]
        most[kind] = max(most[kind], len(asked) - len(signed_in))
        if answer.status_code >= 400:
            raise SystemExit(f"{method} {path}: {answer.status_code} {answer.content[:300]!r}")
        return answer

    for _ in range(3):
        address = ask("next item", "get", f"/campaigns/{work.pk}/work/")["Location"]
        acts = [act(number, *ladder) for number, ladder in enumerate(ladders)]
        if not options.together:
            for one in acts:
                ask("save", "post", f"{address}judgments/", {"judgments": [one]})
        ask("submit", "post", f"{address}submit/", {"judgments": acts if options.together else []})
    return most


def act(number: int, sub: str, level: int) -> dict[str, Any]:
    """An answer as the page sends it."""
    return {"sub_dimension": sub, "level": level, "milliseconds": 900, "sequence": number, "key": uuid.uuid4().hex}


def fill(options: argparse.Namespace) -> tuple[Any, list[str]]:
    """A finished campaign with the judgments, an open one to work in, and signed-in annotators."""
    from django.contrib.auth.models import Group
    from django.db import connection
    from django.test import Client

    from annotator.accounts.models import Role, User
    from annotator.campaigns.checklists import checklist_of
    from annotator.campaigns.models import CampaignState
    from annotator.campaigns.services import create_campaign, load_builtin_checklists
    from annotator.library.models import Generator, Item, Prompt

    version = next(v for v, _ in load_builtin_checklists() if v.media_type == "image")
    ladders = [sub.id for sub in checklist_of(version).ordinal]
    group, _ = Group.objects.get_or_create(name=Role.ANNOTATOR.value)
    people = User.objects.bulk_create(User(username=f"annotator-{i}", password="!") for i in range(options.annotators))
    group.user_set.add(*people)
    per_person = options.judgments // len(ladders) // options.annotators
    prompt = Prompt.objects.create(text="A kite over the sea")
    generator = Generator.objects.create(name="benchmark", parameters_sha256="")
    count = max(per_person, options.annotators * options.items)
    items = Item.objects.bulk_create(
        Item(media_type="image", prompt=prompt, generator=generator, sha256=f"{i:064x}", extension="png",
             mime_type="image/png", size_bytes=1, width=64, height=64)
        for i in range(count)
    )  # fmt: skip
    closed = create_campaign(
        name="Behind us", checklist_version=version, items=items[:per_person], overlap=options.annotators,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO campaigns_assignment (campaign_item_id, annotator_id, state, leased_at, lease_expires_at,
                 submitted_at, counted, skip_reason, skip_note, suggested_by, suggestions_shown)
               SELECT ci.id, u.id, 'submitted', now(), now(), now(), true, '', '', '', false
               FROM campaigns_campaignitem ci, accounts_user u WHERE ci.campaign_id = %s""",
            [closed.pk],
        )
        cursor.execute(
            """INSERT INTO campaigns_judgment
                 (assignment_id, sub_dimension, level, milliseconds, suggestion_shown, created_at, updated_at)
               SELECT a.id, s, 1, 1000, false, now(), now() FROM campaigns_assignment a, unnest(%s::text[]) AS s""",
            [ladders],
        )
        cursor.execute(
            """INSERT INTO campaigns_judgmentchange (assignment_id, sub_dimension, level, milliseconds, idempotency_key,
                 sequence, made_at)
               SELECT assignment_id, sub_dimension, level, 1000, sub_dimension, 1, now() FROM campaigns_judgment"""
        )
        cursor.execute("UPDATE campaigns_campaignitem SET open_slots = 0, submitted = needed WHERE campaign_id = %s",
                       [closed.pk])  # fmt: skip
        cursor.execute("UPDATE campaigns_campaign SET state = 'closed' WHERE id = %s", [closed.pk])
        cursor.execute("ANALYZE")
    work = create_campaign(
        name="Now", checklist_version=version, items=items[: options.annotators * options.items], overlap=3,
        state=CampaignState.OPEN,
    )  # fmt: skip
    sessions = []
    for person in people:
        client = Client()
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        sessions.append(client.cookies["sessionid"].value)
    return (work.pk, [(s.id, s.highest) for s in checklist_of(version).ordinal]), sessions


def annotate(
    port: int,
    cookie: str,
    campaign: Any,
    options: argparse.Namespace,
    times: dict[str, list[float]],
    failures: list[str],
) -> None:
    pk, ladders = campaign
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    token = "x" * 32
    headers = {"Cookie": f"sessionid={cookie}; csrftoken={token}", "X-CSRFToken": token, "Host": f"127.0.0.1:{port}"}

    def ask(kind: str | None, method: str, path: str, body: Any = None) -> http.client.HTTPResponse:
        content = None if body is None else json.dumps(body)
        more = {"Content-Type": "application/json", "Accept": "application/json"} if method == "POST" else {}
        start = time.perf_counter()
        connection.request(method, path, body=content, headers=headers | more)
        answer = connection.getresponse()
        answer.read()
        if kind:
            times[kind].append(1000 * (time.perf_counter() - start))
        if answer.status >= 400:
            failures.append(f"{method} {path}: {answer.status}")
        return answer

    time.sleep(random.uniform(0, options.pace * 10))  # nobody begins at the same moment
    for _ in range(options.items):
        address = ask("next item", "GET", f"/campaigns/{pk}/work/").headers.get("Location", "")
        if "assignments" not in address:
            failures.append(f"no item: {address}")
            return
        gathered = []
        for number, ladder in enumerate(ladders):
            if options.pace:
                time.sleep(random.expovariate(1 / options.pace))
            if options.together:
                gathered.append(act(number, *ladder))
            else:
                ask("save", "POST", f"{address}judgments/", {"judgments": [act(number, *ladder)]})
        ask("submit", "POST", f"{address}submit/", {"judgments": gathered})


def wait_for(port: int) -> None:
    for _ in range(300):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            connection.request("GET", "/healthz")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit("The web server did not come up.")


def warm_up(port: int, cookie: str, campaign: int) -> None:
    """Let every process of the server load what it needs; nobody meets that but the first after a start."""
    for _ in range(20):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", f"/campaigns/{campaign}/", headers={"Cookie": f"sessionid={cookie}"})
        connection.getresponse().read()
        connection.close()


def report(
    options: argparse.Namespace,
    times: dict[str, list[float]],
    asked: dict[str, int],
    failures: list[str],
    seconds: float,
) -> None:
    total = sum(map(len, times.values()))
    print(f"{options.annotators} annotators, {options.judgments:,} judgments in the database, one answer every "
          f"{options.pace} s each; {total:,} requests in {seconds:.0f} s ({total / seconds:.0f}/s); "
          f"{os.cpu_count()} cores, clients on the same machine")  # fmt: skip
    whole = len(times["submit"])
    print(f"{whole} whole annotations, {whole / seconds:.1f}/s")
    print("| request | n | p50 ms | p95 ms | p99 ms | queries |\n|---|---|---|---|---|---|")
    for kind, values in times.items():
        if not values:  # no answer is saved by itself where they travel together
            continue
        p50, p95, p99 = np.percentile(values, [50, 95, 99])
        print(f"| {kind} | {len(values):,} | {p50:.0f} | {p95:.0f} | {p99:.0f} | {asked[kind]} |")
    if failures:
        print(f"{len(failures)} failures, the first: {failures[0]}")
        raise SystemExit(1)


if __name__ == "__main__":
    main()
