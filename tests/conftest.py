"""Fixtures every test may use."""

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from allauth.account.internal.userkit import user_id_to_str
from django.conf import settings as django_settings
from django.contrib.auth.models import Group
from django.contrib.auth.signals import user_logged_in
from django.core.management.commands import flush
from django.db import connection
from django.db.backends.postgresql.operations import DatabaseOperations
from django.http import HttpRequest

from annotator.accounts.models import Role, User
from annotator.core import figures

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


def pytest_configure() -> None:
    django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    DatabaseOperations.sql_flush = flush_what_is_used
    flush.emit_post_migrate_signal = lambda *_args, **_options: None  # it makes again what is kept: see below


SLOW = (
    "browser", "faults", "benchmarks",
    "deploy/test_proxy.py", "deploy/test_slow_clients.py", "deploy/test_wheel.py",
    "annotator/demo", "annotator/rewards", "annotator/mpo/test_runs.py",
    "annotator/mpo/test_comparisons.py", "annotator/mpo/test_without_torch.py",
    "annotator/generations/test_generations.py",
    "annotator/test_active_learning.py", "annotator/test_api_generated.py", "annotator/test_pages_fuzzed.py",
    "annotator/test_query_counts.py",
    "annotator/trust/test_attacker.py", "annotator/campaigns/test_crowd.py",
    "annotator/core/test_embedded.py", "annotator/core/test_supervisor.py", "annotator/core/test_migrations.py",
    "annotator/core/test_imports.py",
    "reward_engine/judges/vlm", "reward_engine/mpo", "reward_engine/training", "reward_engine/features",
)  # fmt: skip
"""Below ``tests``, what ``--quick`` leaves out: browsers, real processes, training, inputs by the thousand."""
PROCESSES = {"process_env", "start_worker"}
"""Fixtures of tests that start the platform's programs; ``--quick`` leaves these tests out as well."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Not even loading what is left out saves more than half of the time until the first test."""
    if config.getoption("quick") and collection_path.is_relative_to(ROOT / "tests"):
        return collection_path.relative_to(ROOT / "tests").as_posix().startswith(SLOW) or None
    return None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Pages and processes first: while one worker waits for a browser, the other one computes."""
    if config.getoption("quick"):
        slow = [item for item in items if PROCESSES & set(getattr(item, "fixturenames", ()))]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]
    waiting = (ROOT / "tests" / "browser", ROOT / "tests" / "faults")
    items.sort(key=lambda item: not any(folder in item.path.parents for folder in waiting))


def flush_what_is_used(ops: DatabaseOperations, style: object, tables: list[str], **options: object) -> list[str]:
    """What empties the database after a test with transactions of its own: few rows in few tables are deleted.

    TRUNCATE takes its time for each table, empty or not; it is left for the tests that fill a table with thousands.
    References are checked when the transaction ends, so the order of the tables does not matter. What a migration's
    end writes for every model (content types and permissions) is the same for all tests and stays.
    """
    tables = [name for name in tables if name not in ("django_content_type", "auth_permission")]
    if not tables:
        return []
    counts = " UNION ALL ".join(
        f"SELECT '{name}', (SELECT count(*) FROM (SELECT FROM {ops.quote_name(name)} LIMIT 1000) AS first_rows)"
        for name in tables
    )
    with ops.connection.cursor() as cursor:
        cursor.execute(counts)
        used = {name: count for name, count in cursor.fetchall() if count}
    if any(count == 1000 for count in used.values()):
        return flush_all(ops, style, tables, **options)
    # The audit log refuses deletion row by row; emptying the whole table is for those who own the database.
    kept = {"accounts_auditevent"} & set(used)
    return [f"TRUNCATE {name}" for name in kept] + [f"DELETE FROM {ops.quote_name(name)}" for name in {*used} - kept]


flush_all = DatabaseOperations.sql_flush


@pytest.fixture(autouse=True)
def figures_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker runs beside most tests: what pages ask a worker to work out is done at once, and anew at each look."""
    monkeypatch.setattr(figures, "send", figures.make)
    monkeypatch.setattr(figures, "CHECK_SECONDS", 0)
    monkeypatch.setattr(figures, "REST", 0)


@pytest.fixture(autouse=True)
def password_given_again(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whoever a test signs in by ``force_login`` counts as having given the password just now, so that sensitive acts
    do not ask for it; a test marked ``asks_again`` sees them ask."""
    if request.node.get_closest_marker("asks_again"):
        yield
        return

    def remember(sender: object, request: HttpRequest, user: User, **kwargs: object) -> None:
        if "SERVER_NAME" not in request.META:  # a test's, not a browser's
            request.session["account_authentication_methods"] = [
                {"method": "password", "at": time.time(), "reauthenticated": True}
            ]
            request.session["account_authentication_methods_user"] = user_id_to_str(user)

    user_logged_in.connect(remember)
    yield
    user_logged_in.disconnect(remember)


@pytest.fixture
def make_user(db: None) -> Callable[..., User]:
    """``make_user("ann", Role.ANNOTATOR)``: a person in a role, with the password ``open sesame 1``."""

    def make(username: str = "ann", role: str | None = Role.ANNOTATOR, **fields: object) -> User:
        user = User.objects.create_user(username, password="open sesame 1", **fields)
        if role:
            user.groups.add(Group.objects.get_or_create(name=str(role))[0])
        return user

    return make


@pytest.fixture
def files(settings: object, tmp_path: Path) -> Path:
    """Media and artifacts of this test, in a folder of its own."""
    settings.MEDIA_ROOT = tmp_path / "media"  # type: ignore[attr-defined]
    settings.ARTIFACT_ROOT = tmp_path / "artifacts"  # type: ignore[attr-defined]
    return tmp_path


@pytest.fixture
def room() -> Callable[[int], contextlib.AbstractContextManager[None]]:
    """``with room(20_000): …``: no file of this process, or of those it starts, grows beyond so many bytes.

    A write that does not fit fails like on a full disk, with EFBIG for ENOSPC, and needs no rights of its own.
    """

    @contextlib.contextmanager
    def limited(most_bytes: int) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limited


@pytest.fixture
def shared() -> Path:
    """The folder of real media and data beside the repository; the test is skipped where there is none."""
    if not SHARED.is_dir():
        pytest.skip("needs the folder shared/ with real media and labels beside the repository")
    return SHARED


def test_database_url() -> str:
    """The URL of the database the tests run in, for programs started beside them."""
    d = connection.settings_dict
    return f"postgresql://{d['USER']}:{d['PASSWORD']}@/{d['NAME']}?host={d['HOST'] or 'localhost'}" + (
        f"&port={d['PORT']}" if d["PORT"] else ""
    )


test_database_url.__test__ = False  # type: ignore[attr-defined]


@pytest.fixture
def process_env(transactional_db: None, files: Path) -> dict[str, str]:
    """The environment for a real process (worker, command, server) on this test's database, broker and files."""
    return {
        **os.environ,
        "DATABASE_URL": test_database_url(),
        "CELERY_BROKER_URL": django_settings.BROKER_URL,
        "MEDIA_ROOT": str(django_settings.MEDIA_ROOT),
        "ARTIFACT_ROOT": str(django_settings.ARTIFACT_ROOT),
        "SECRET_KEY": django_settings.SECRET_KEY,
        "JOB_HEARTBEAT_SECONDS": "0.5",
        "JOB_LOST_AFTER_SECONDS": "3",
        "JOB_SWEEP_SECONDS": "1",
    }


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """``kill -9`` for a process that leads a session of its own, and for all it started (a worker's beat)."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture
def start_worker(process_env: dict[str, str], tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts real Celery workers on the real broker; they are killed when the test ends."""
    import redis

    started: list[subprocess.Popen[bytes]] = []
    redis.Redis.from_url(process_env["CELERY_BROKER_URL"]).flushdb()

    def start() -> subprocess.Popen[bytes]:
        log = (tmp_path / f"worker-{len(started)}.log").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "annotator", "worker", "--pool", "solo", "-B",
             "-Q", "default,gpu,mpo", "-s", str(tmp_path / f"beat-{len(started)}"), "--loglevel", "INFO"],
            env=process_env, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        kill_group(process)


@pytest.fixture
def wait_until() -> Callable[..., None]:
    """``wait_until(lambda: …)``: polls until true; fails with the message after ``seconds``."""

    def wait(true: Callable[[], bool], message: str = "it did not happen", seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if true():
                return
            time.sleep(0.1)
        pytest.fail(f"{message} (waited {seconds} s)")

    return wait


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """Where the browser tests leave their pictures; printed at the end of the run."""
    folder = ROOT / "test-results" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def pytest_terminal_summary(terminalreporter: object) -> None:
    folder = ROOT / "test-results" / "screenshots"
    if folder.exists() and any(folder.iterdir()):
        terminalreporter.write_line(f"screenshots: {folder.relative_to(ROOT)}")  # type: ignore[attr-defined]


def chromium_path() -> str | None:
    """The system's Chromium, or None."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return os.environ.get("CHROMIUM") or next((found for name in names if (found := shutil.which(name))), None)
