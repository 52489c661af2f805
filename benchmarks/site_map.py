"""How long each page takes, for whom, and how often it asks the database: the whole site map in every role.

    python benchmarks/site_map.py [--items 2000] [--rounds 5] [--over 300] [--plans] [--keep FOLDER]

Fills a PostgreSQL of its own with so many images, as many annotations and 18 times as many judgments (see
``site_data``), then asks for every page and list of the API through the WSGI application, as an admin, a reviewer and
an annotator. Prints p50 and p95 in milliseconds (and of one visit, how long it kept a core and waited for the
database, which tells more where others use the machine), the number of queries, those over the limit first, the longest
query of those (``--plans``: with its plan), how long workers take for the figures that pages ask them for, and what
the process that answered has come to: its memory, and which heavy packages it has loaded.

``--keep``: a folder that is filled once and used again the next time.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.servers import servers, set_up  # noqa: E402

ROLES = ("admin", "reviewer", "annotator")
HEAVY = ("torch", "crowdkit", "pandas", "scipy.stats", "sklearn", "transformers", "diffusers")
NO_PAGES = (
    "admin:", "account_", "mfa_", "usersessions_", "set_language", "javascript-catalog",
    # Addresses that hand out a file; here there are none.
    "library:media", "library:original", "library:thumbnail", "campaigns:media", "campaigns:thumbnail",
    "campaigns:side", "campaigns:example-", "rewards:model-file", "mpo:run-grid", "mpo:run-download",
    "mpo:download", "datasets:download", "library:batch-problems", "generations:prompt-set-download",
    "insights:preferences-table", "insights:generators-table",
    # They hand out work: no two calls find the same. benchmarks/annotating.py measures them.
    "campaigns:work", "campaigns:next", "campaigns:compare",
)  # fmt: skip
"""Names that begin so are left out."""
# Which id an address with one takes, by the name of the address; else by the app.
OBJECTS = {
    "accounts:": "annotator", "jobs:": "job", "library:item": "item", "library:batch": "batch",
    "campaigns:annotate": "assignment", "campaigns:comparison": "human-comparison", "campaigns:checklist": "checklist",
    "campaigns:guide": "checklist", "campaigns:level-examples": "checklist", "campaigns:": "campaign",
    "trust:review-item": "row", "trust:comment": "row", "trust:": "campaign",
    "rewards:base": "base", "rewards:policy": "policy",
    "rewards:score": "score", "rewards:": "model", "generations:prompt-set": "prompt-set",
    "generations:": "generation", "mpo:run": "run", "mpo:comparison": "comparison", "mpo:": "pair-set",
    "datasets:export": "campaign", "datasets:": "dataset",
    "api-job": "job", "api-item": "item", "api-prompt-set": "prompt-set", "api-prompt": "prompt",
    "api-generator": "generator", "api-campaign": "campaign", "api-checklist": "checklist", "api-flag": "flag",
    "api-assignment": "assignment", "api-comparison-campaign": "comparing", "api-comparison": "human-comparison",
    "api-reward-model": "model", "api-retraining-policy": "policy", "api-base-model": "base", "api-score": "score",
    "api-generation-set": "generation", "api-pair-set": "pair-set", "api-pair": "pair", "api-mpo-run": "run",
    "api-model-comparison": "comparison", "api-dataset": "dataset",
}  # fmt: skip
WORDS = {"sub_dimension": "clarity", "level": "1", "name": "manifest.json", "kind": "jsonl", "run": 1, "step": 1}
# Pages that show something else by their query, beside the plain one.
MORE = {
    "library:items": ["q=kite", "q=number 77", "generator=maker-1", "ordering=prompt", "page=20"],
    "campaigns:items": ["show=waiting", "show=complete", "prompt=number 7"],
    "rewards:scores": ["order=worst", "q=number 7", "generator=maker-1", "page=10"],
    "insights:agreement": ["basis=all"],
    "trust:review": ["decided=1", "sub_dimension=clarity", "annotator=1&generator=1"],
    "jobs:list": ["state=failed"],
}
NOTHING = ("healthz", "readyz", "metrics")


@dataclass
class Page:
    """One address in one role. ``seconds`` of each visit; of the last one ``busy``: seconds of this
    process's core, ``in_database``: seconds waited for its queries, and their number. ``slowest``: the longest."""

    name: str
    path: str
    role: str
    status: int = 0
    seconds: list[float] = field(default_factory=list)
    busy: float = 0.0
    in_database: float = 0.0
    queries: int = 0
    slowest: tuple[float, str, Any] = (0.0, "", None)

    @property
    def p50(self) -> float:
        return 1000 * statistics.median(self.seconds)

    @property
    def p95(self) -> float:
        """Of few visits: the longest but the first, which fills the process's own caches."""
        later = sorted(self.seconds[1:] or self.seconds)
        return 1000 * later[min(len(later) - 1, int(0.95 * len(later)))]


def addresses(known: dict[str, object]) -> Iterator[tuple[str, str]]:
    """(name, path) of every page and list that is asked for with GET."""
    from django.urls import NoReverseMatch, get_resolver, reverse

    for name, arguments in sorted(_names(get_resolver())):
        if name.startswith(NO_PAGES) or name.endswith(NOTHING):
            continue
        if name in ("api-root", "schema") or (name == "accounts:accept-invitation"):
            continue
        of = next((OBJECTS[prefix] for prefix in sorted(OBJECTS, key=len, reverse=True) if name.startswith(prefix)), "")
        values = {one: WORDS.get(one, known.get(of, 1)) for one in arguments}
        if "annotator" in values:
            values["annotator"] = known["annotator"]
        try:
            path = reverse(name, kwargs=values)
        except NoReverseMatch:
            continue
        yield name, path
        for query in MORE.get(name, ()):
            yield f"{name}?{query}", f"{path}?{query.replace(' ', '+')}"


def _names(resolver: Any, before: str = "") -> set[tuple[str, tuple[str, ...]]]:
    from django.urls import URLPattern

    found = set()
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            arguments = tuple(one for one in pattern.pattern.regex.groupindex if one != "format")
            if pattern.name and "format" not in pattern.pattern.regex.groupindex:
                found.add((before + pattern.name, arguments))
        else:
            found |= _names(pattern, before + (f"{pattern.namespace}:" if pattern.namespace else ""))
    return found


class Visitor:
    """Asks the WSGI application as somebody who has signed in."""

    def __init__(self, user: Any) -> None:
        from django.test import Client

        self.client = Client()
        self.client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")

    def visit(self, page: Page) -> None:
        from django.db import connection

        from annotator.wsgi import application

        answer: list[Any] = []
        environ = self.client._base_environ(PATH_INFO=page.path.partition("?")[0], REQUEST_METHOD="GET",
                                            QUERY_STRING=page.path.partition("?")[2])  # fmt: skip
        asked: list[tuple[float, str, Any]] = []

        def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            start = time.perf_counter()
            try:
                return execute(sql, params, many, context)
            finally:
                if not sql.startswith(("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")):
                    asked.append((time.perf_counter() - start, sql, params))

        with connection.execute_wrapper(count):
            start, core = time.perf_counter(), time.process_time()
            body = application(environ, lambda status, headers: answer.append(status))
            for _part in body:
                pass
            page.seconds.append(time.perf_counter() - start)
            body.close()  # type: ignore[attr-defined]
        page.status = int(answer[0].split()[0])
        page.busy = time.process_time() - core
        page.queries, page.in_database = len(asked), sum(one[0] for one in asked)
        page.slowest = max([page.slowest, *asked], key=lambda one: one[0])


def visit_all(
    known: dict[str, object], users: dict[str, Any], rounds: int, roles: tuple[str, ...] = ROLES
) -> list[Page]:
    """Every page in every role, so many times; those a role may not see are asked for as well."""
    pages = []
    for role in roles:
        visitor = Visitor(users[role])
        for name, path in addresses(known):
            page = Page(name, path, role)
            for _ in range(rounds):
                visitor.visit(page)
            pages.append(page)
    return pages


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--over", type=float, default=300.0, help="milliseconds")
    parser.add_argument("--only", default="", help="names that begin so")
    parser.add_argument("--plans", action="store_true")
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    with servers(options.keep) as folder:
        run(options, folder)


def run(options: argparse.Namespace, folder: Path) -> None:
    set_up(folder, LOG_LEVEL="CRITICAL", STATIC_MANIFEST="0")
    from django.conf import settings

    from annotator.accounts.models import User
    from annotator.core import figures

    settings.ALLOWED_HOSTS = ["*"]
    kept = folder / "site-map.json"
    if not kept.exists():
        from benchmarks.site_data import fill

        start = time.perf_counter()
        filled = fill(options.items)
        print(f"filled in {time.perf_counter() - start:.0f} s", flush=True)
        people = {role: user.pk for role, user in filled.users.items()}
        kept.write_text(json.dumps({"known": filled.known, "people": people}, default=str))
    read = json.loads(kept.read_text())
    users = {role: User.objects.get(pk=pk) for role, pk in read["people"].items()}
    asked: list[tuple[str, Any]] = []
    real = figures.send
    figures.send = lambda name, of: asked.append((name, of))  # type: ignore[assignment]
    if options.only:
        globals()["NO_PAGES"] = ()
        everything = list(addresses(read["known"]))
        globals()["addresses"] = lambda known: (one for one in everything if one[0].startswith(options.only))
    visit_all(read["known"], users, 1)
    memory_mb, loaded = _own_memory(), [name for name in HEAVY if name in sys.modules]
    figures.send = real
    print("by workers, seconds:", flush=True)
    for name, of in dict.fromkeys(asked):
        start = time.perf_counter()
        depends_on = figures._kinds[name].depends_on
        if depends_on:
            depends_on(of)
        middle = time.perf_counter()
        figures.make(name, of)
        print(f"  {name} of {of}: {time.perf_counter() - middle:.2f}, to look whether anything has changed: "
              f"{middle - start:.2f}", flush=True)  # fmt: skip
    figures.send = lambda name, of: None  # type: ignore[assignment]
    pages = visit_all(read["known"], users, options.rounds)
    report(options, pages)
    print(f"memory of the process that answered (workers' work left out): {memory_mb:.0f} MB; "
          f"heavy packages loaded: {', '.join(loaded) or 'none'}")  # fmt: skip


def _own_memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def report(options: argparse.Namespace, pages: list[Page]) -> None:
    """Pages, the slowest first; those over the limit are marked."""
    shown = [page for page in pages if page.status not in (403, 405)]
    shown.sort(key=lambda page: -page.p95)
    print(f"{'p50':>8} {'p95':>8} {'core':>8} {'database':>8} {'queries':>8}  status  role       page")
    for page in shown:
        over = page.p95 > options.over
        print(f"{page.p50:8.0f} {page.p95:8.0f} {1000 * page.busy:8.0f} {1000 * page.in_database:8.0f} "
              f"{page.queries:8} {page.status:7}  {page.role:10} {page.name}"
              f"{'   OVER' if over else ''}")  # fmt: skip
        if over:
            seconds, sql, params = page.slowest
            print(f"{'':28}{1000 * seconds:.0f} ms: {sql[:300]}")
            if options.plans:
                _explain(sql, params)
    over = sum(page.p95 > options.over for page in shown)
    refused = len(pages) - len(shown)
    print(f"{len(shown)} pages, {over} over {options.over:.0f} ms; {refused} not for their role or no pages")


def _explain(sql: str, params: Any) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {sql}", params)
        print("\n".join(f"{'':32}{line}" for (line,) in cursor.fetchall()))


if __name__ == "__main__":
    main()
