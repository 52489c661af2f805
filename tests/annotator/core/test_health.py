"""The probes: what orchestrators and scripts/run ask."""

import json
from collections.abc import Callable

import pytest
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from annotator.core import health

NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_migrated", False)


def test_alive_is_said_without_asking_the_database(client: Client) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.django_db
def test_ready_names_what_was_asked(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ready"
    assert {name: check["ok"] for name, check in answer.json()["checks"].items()} == {
        "database": True, "migrations": True, "broker": True,
    }  # fmt: skip


@pytest.mark.django_db
def test_a_broker_that_does_not_answer(client: Client, settings: object) -> None:
    settings.BROKER_URL = NOWHERE  # type: ignore[attr-defined]
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["broker"] == {"ok": False, "reason": "does not answer"}
    assert answer.json()["checks"]["database"]["ok"]


@pytest.mark.django_db
def test_a_migration_that_waits(client: Client) -> None:
    MigrationRecorder.Migration.objects.filter(app="jobs").delete()
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "migrations are pending: manage.py migrate" in answer.json()["checks"]["migrations"]["reason"]


@pytest.mark.django_db
def test_a_database_that_does_not_answer_is_not_described_to_strangers(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters = {"host": "127.0.0.1", "port": 1, "user": "secret", "dbname": "x"}
    monkeypatch.setattr(health.connection, "get_connection_params", lambda: parameters)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] == {"ok": False, "reason": "does not answer"}
    assert not answer.json()["checks"]["migrations"]["ok"]
    assert "secret" not in json.dumps(answer.json())


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.django_db
def test_probes_ask_by_address_and_without_https(client: Client, settings: object, path: str) -> None:
    settings.SECURE_SSL_REDIRECT = True  # type: ignore[attr-defined]
    assert client.get(path, headers={"Host": "10.1.2.3:8000"}).status_code == 200
    assert client.get("/", headers={"Host": "localhost"}).status_code == 301
    assert client.post(path, secure=True).status_code == 405


@pytest.mark.django_db
def test_probes_cost_no_query_of_the_pool(client: Client, django_assert_num_queries: Callable) -> None:
    client.get("/readyz")
    with django_assert_num_queries(0):
        client.get("/readyz")
