"""The page that says how the platform is, and the same for programs."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from annotator.accounts.models import Role
from annotator.core import health
from annotator.jobs import workers
from annotator.jobs.gpu_memory import Gpu, parse
from annotator.jobs.models import Job, JobState
from annotator.jobs.tasks import recover_lost
from annotator.jobs.workers import Doing, Speaker, Worker, broker, known_workers, say
from annotator.system import storage
from reward_engine import __version__

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A broker in which no worker has spoken yet, beside other tests that run."""
    monkeypatch.setattr(workers, "KEY", "test-workers")
    monkeypatch.setattr(workers, "SWEPT", "test-swept")
    yield
    with broker() as connection:
        connection.delete("test-workers", "test-swept")


def worker(name: str, queue: str, *, ago: float = 0.0, **fields: Any) -> Worker:
    now = time.time()
    return Worker(name, [queue], 2, fields.pop("version", __version__), now - 60, now - ago, **fields)


def all_is_well(settings: Any, folder: Path) -> None:
    for queue in ("default", "gpu", "mpo"):
        say(worker(f"{queue}@here", queue))
    recover_lost()
    settings.BACKUP_FOLDER = folder
    made = folder / datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S.%fZ")
    made.mkdir()
    (made / "manifest.json").write_text("{}")


def codes(api: APIClient) -> dict[str, str]:
    return {problem["code"]: problem["severity"] for problem in api.get("/api/v1/system/").json()["problems"]}


@pytest.fixture
def roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disks with space, whatever this machine's are like."""
    from annotator.system import overview

    monkeypatch.setattr(overview, "read_disks", lambda: [overview.Disk("media", 50, 100)])


@pytest.mark.usefixtures("roomy")
def test_each_thing_that_is_wrong_is_named_with_its_remedy(
    api: APIClient, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert codes(api) == {"sweeps": "error", "no_worker": "warning", "no_backups": "warning"}

    all_is_well(settings, tmp_path)
    assert codes(api) == {}

    Job.objects.create(kind="rewards.score", title="x", queue="gpu")
    assert codes(api) == {}
    Job.objects.update(created_at=timezone.now() - timedelta(minutes=20))
    assert codes(api) == {"queue_stuck": "error"}
    running = Job.objects.create(kind="rewards.train", title="x", queue="gpu", state=JobState.RUNNING)
    assert codes(api) == {}  # it waits its turn behind a long training
    running.delete()

    say(worker("gpu@here", "gpu", ago=60))
    assert codes(api) == {"no_worker": "error", "worker_missed": "warning"}
    say(worker("gpu@here", "gpu", version="0.0.1"))
    Job.objects.all().delete()
    assert codes(api) == {"worker_version": "warning"}
    say(worker("gpu@here", "gpu"))

    [made] = tmp_path.iterdir()
    made.rename(tmp_path / (datetime.now(UTC) - timedelta(hours=49)).strftime("%Y-%m-%dT%H-%M-%S.%fZ"))
    assert codes(api) == {"backup_old": "error"}
    monkeypatch.setattr(health, "_migrated", False)
    monkeypatch.setattr("annotator.system.overview.pending_migrations", lambda: 2)
    said = api.get("/api/v1/system/").json()["problems"]
    assert said[0]["text"].startswith("2 migrations are not applied")
    assert "manage.py migrate" in said[0]["remedy"]

    settings.BROKER_URL = "redis://127.0.0.1:1/0"
    body = api.get("/api/v1/system/").json()
    assert [problem["code"] for problem in body["problems"]] == ["migrations", "broker", "backup_old"]
    assert body["workers"] is None


def test_a_disk_that_fills_up_is_one_problem_for_all_folders_on_it(
    api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from annotator.system import overview

    for free, severity in ((11, None), (9, "warning"), (2, "error")):
        disks = [overview.Disk(name, free * 10**9, 100 * 10**9) for name in ("media", "artifacts")]
        monkeypatch.setattr(overview, "read_disks", lambda disks=disks: disks)
        found = [problem for problem in api.get("/api/v1/system/").json()["problems"] if problem["code"] == "disk"]
        assert [problem["severity"] for problem in found] == ([severity] if severity else [])
        assert all("media, artifacts" in problem["text"] for problem in found)


@pytest.mark.usefixtures("roomy")
def test_the_page_shows_workers_with_their_jobs_and_gpus_in_a_fixed_number_of_queries(
    sign_in: Callable[..., Client], settings: Any, tmp_path: Path, django_assert_max_num_queries: Callable
) -> None:
    settings.MEDIA_ROOT = tmp_path / "media" / "files"
    (tmp_path / "media" / "files").mkdir(parents=True)
    (tmp_path / "media" / "files" / "a").write_bytes(b"1" * 2500)
    client = sign_in(Role.ADMIN)
    job = Job.objects.create(kind="rewards.score", title="Score birds", queue="gpu", state=JobState.RUNNING, total=4)
    for n in range(5):
        say(
            worker(f"gpu@{n}", "gpu", doing=[Doing("rewards.score", str(job.pk)), Doing("core.make_figures")],
                   gpus=[Gpu(0, "NVIDIA H200", 70 * 10**9, 141 * 10**9, 0.5)])
        )  # fmt: skip
    client.get("/system/")
    with django_assert_max_num_queries(10):
        page = client.get("/system/").content.decode()
    for text in ("gpu@4", "Score birds", "NVIDIA H200", "70.0 GB of 141 GB", "50%", "core.make_figures", "2.5 kB",
                 "No worker takes jobs from the queue mpo", "pg_stat_statements"):  # fmt: skip
        assert text in page, text
    part = client.get("/system/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert "gpu@4" in part
    assert "hx-" not in part  # what loads again would take the part's place with nothing


@pytest.mark.parametrize(("role", "status"), [(Role.ADMIN, 200), (Role.REVIEWER, 403), (Role.ANNOTATOR, 403)])
def test_only_admins_see_it(sign_in: Callable[..., Client], api_of: Callable, role: str, status: int) -> None:
    client = sign_in(role)
    assert client.get("/system/").status_code == status
    assert api_of(role).get("/api/v1/system/").status_code == status
    assert ('href="/system/"' in client.get("/").content.decode()) == (status == 200)


def test_a_worker_speaks_takes_leave_and_is_forgotten_a_day_after_it_died() -> None:
    speaker = Speaker("gpu@here", ["gpu"], 1, lambda: [Doing("rewards.score", "1")])
    speaker.start()
    deadline = time.monotonic() + 10
    while not known_workers() and time.monotonic() < deadline:
        time.sleep(0.02)
    [found] = known_workers()
    assert (found.name, found.queues, found.doing, found.is_alive) == ("gpu@here", ["gpu"], speaker.doing(), True)
    speaker.stop()
    assert known_workers() == []
    say(worker("old@here", "gpu", ago=workers.MISSED_SECONDS + 1))
    say(worker("died@here", "gpu", ago=3600))
    assert [(one.name, one.is_alive) for one in known_workers()] == [("died@here", False)]


def test_the_drivers_answer_is_read_for_the_gpus_that_the_worker_may_use() -> None:
    said = (
        "0, GPU-aa, NVIDIA H200, 4, 143771, 0\n1, GPU-bb, NVIDIA H200, 71000, 143771, 97\n"
        "2, GPU-cc, NVIDIA H200, [Insufficient Permissions], 143771, [N/A]\nnonsense\n"
    )
    assert [gpu.index for gpu in parse(said)] == [0, 1]
    [gpu] = parse(said, "GPU-bb")
    assert gpu == Gpu(1, "NVIDIA H200", 71000 << 20, 143771 << 20, 0.97)
    assert [gpu.index for gpu in parse(said, "0")] == [0]
    assert len(parse(said, "MIG-x")) == 2
    assert parse(said, "") == []


def test_storage_is_added_up_and_slow_queries_are_none_without_the_module(tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT, settings.ARTIFACT_ROOT = tmp_path / "media", tmp_path / "artifacts"
    (tmp_path / "artifacts" / "datasets").mkdir(parents=True)
    (tmp_path / "artifacts" / "datasets" / "export.zip").write_bytes(b"1" * 100)
    (tmp_path / "artifacts" / "model").write_bytes(b"1" * 11)
    (tmp_path / "artifacts" / "loop").symlink_to(tmp_path)
    found = storage.measure()
    assert (found["used"]["artifacts"], found["used"]["exports"], found["used"]["media"]) == (111, 100, 0)
    assert found["slowest"] is None
    assert json.dumps(found)
