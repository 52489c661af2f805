"""What Prometheus reads from the web server and from workers."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from annotator.accounts.models import Invitation, Role
from annotator.jobs.models import Job, JobState
from annotator.jobs.services import run_job
from annotator.system import metrics

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def scrape(settings: Any) -> Callable[[], dict[tuple[str, str], float]]:
    """``scrape()``: (name, labels as ``key=value,…``) → value, of a web server whose metrics are on."""
    settings.METRICS_TOKEN = "long-and-random"

    def ask() -> dict[tuple[str, str], float]:
        cache.delete(metrics.KEPT)
        answer = Client().get("/metrics", headers={"Authorization": "Bearer long-and-random", "Host": "10.0.0.7:8000"})
        assert answer.status_code == 200
        assert answer["Cache-Control"] == "no-store"
        return {
            (sample.name, ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(answer.content.decode())
            for sample in family.samples
        }

    return ask


def test_only_who_knows_the_token_reads_metrics(client: Client, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/metrics").status_code == 404
    settings.METRICS_TOKEN = "long-and-random"
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "long-and-random"}):
        answer = Client(headers=headers).get("/metrics")
        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    assert Client(headers={"Authorization": "Bearer long-and-random"}).post("/metrics", secure=True).status_code == 405


def test_requests_are_counted_under_their_view_and_never_under_a_path(
    scrape: Callable, sign_in: Callable[..., Client]
) -> None:
    before = scrape()
    client = sign_in(Role.ADMIN)
    client.get("/jobs/")
    for path in ("/jobs/8f5e1b5e-4d5c-4a54-9a9b-0b8f2f7b1c11/", "/no/such/page-1", "/no/such/page-2"):
        assert client.get(path).status_code == 404
    client.generic("BREW", "/jobs/")  # refused before it has a view
    after = scrape()

    def grown(labels: str, name: str = "visionreward_requests_total") -> float:
        return after.get((name, labels), 0.0) - before.get((name, labels), 0.0)

    assert grown("method=GET,status=200,view=jobs:list") == 1
    assert grown("method=GET,status=404,view=jobs:detail") == 1
    assert grown("method=GET,status=404,view=none") == 2
    assert grown("view=none", "visionreward_request_seconds_count") == 3  # with the method that nobody knows
    assert {labels for _, labels in after if "method=other" in labels}
    assert not any("page-1" in labels or "8f5e1b5e" in labels or "BREW" in labels for _name, labels in after)


def test_a_scrape_tells_the_state_of_queues_and_asks_the_database_once_in_five_seconds(
    scrape: Callable, make_user: Callable, django_assert_num_queries: Callable
) -> None:
    old = Job.objects.create(kind="rewards.score", title="x", queue="gpu")
    Job.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(seconds=100))
    Job.objects.create(kind="rewards.score", title="x", queue="gpu")
    Job.objects.create(kind="rewards.train", title="x", queue="gpu", state=JobState.RUNNING)
    for days in (1, -1):
        Invitation.objects.create(
            code_hash=str(days), invited_by=make_user(f"boss{days}", Role.ADMIN),
            expires_at=timezone.now() + timedelta(days=days),
        )  # fmt: skip
    found = scrape()
    assert found["visionreward_database_up", ""] == 1
    assert found["visionreward_broker_up", ""] == 1
    assert found["visionreward_queue_jobs_waiting", "queue=gpu"] == 2
    assert 100 <= found["visionreward_queue_oldest_seconds", "queue=gpu"] < 160
    assert found["visionreward_queue_oldest_seconds", "queue=mpo"] == 0
    assert found["visionreward_jobs_running", "kind=rewards.train,queue=gpu"] == 1
    assert found["visionreward_migrations_pending", ""] == 0
    assert found["visionreward_invitations_open", ""] == 1
    assert found["visionreward_database_bytes", ""] > 1e6
    free, total = (found[f"visionreward_disk_{kind}_bytes", "folder=media"] for kind in ("free", "total"))
    assert 0 < free <= total
    with django_assert_num_queries(0):
        Client().get("/metrics", headers={"Authorization": "Bearer long-and-random"})


def test_a_database_that_is_down_is_told_and_the_counts_go_on(
    scrape: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down() -> None:
        raise OSError("no database")

    monkeypatch.setattr(metrics, "overview", down)
    found = scrape()
    assert found["visionreward_database_up", ""] == 0
    assert not any(name == "visionreward_queue_jobs_waiting" for name, _labels in found)
    assert any(name == "visionreward_answers_total" for name, _labels in found)


def test_jobs_and_answers_are_counted(
    scrape: Callable, make_campaign: Callable, make_user: Callable, answer_all: Callable, quiet_machine: None
) -> None:
    from annotator.campaigns.checklists import checklist_of
    from annotator.campaigns.services import lease_next_item

    before = scrape()
    job = Job.objects.create(kind="tests.fail", title="x")
    run_job(str(job.pk), lambda run: 1 / 0)  # type: ignore[arg-type]
    campaign = make_campaign(1)
    assignment = lease_next_item(campaign=campaign, annotator=make_user("ann", Role.ANNOTATOR))
    answer_all(assignment)
    after = scrape()
    assert after["visionreward_job_seconds_count", "kind=tests.fail,state=failed"] == 1
    answered = after["visionreward_answers_total", ""] - before["visionreward_answers_total", ""]
    assert answered == len(checklist_of(campaign.checklist_version).ordinal)


def test_the_processes_of_a_program_add_up_and_leave_no_folder() -> None:
    """As gunicorn does: the folder is made first, then the program forks."""
    program = """
import os
from annotator.core.metrics_folder import share_metrics
share_metrics()
import django; django.setup()
from annotator.core.metrics import ITEMS_SCORED, registry
ITEMS_SCORED.inc(1)
for _ in range(2):
    if not (child := os.fork()):
        ITEMS_SCORED.inc(10)
        raise SystemExit
    os.waitpid(child, 0)
from prometheus_client import generate_latest
lines = generate_latest(registry([])).decode().splitlines()
print(next(line for line in lines if line.startswith("visionreward_items_scored_total")))
print(os.environ["PROMETHEUS_MULTIPROC_DIR"])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=100, check=True,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "annotator.settings", "LOG_LEVEL": "ERROR"},
    )  # fmt: skip
    count, folder = done.stdout.splitlines()
    assert count == "visionreward_items_scored_total 21.0"
    assert not Path(folder).exists()
