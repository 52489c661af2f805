"""Behind PgBouncer, which lends a server connection for one transaction, people and jobs get what is theirs."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from django.db import connection, connections

from annotator.accounts.models import User
from annotator.campaigns.models import Assignment, AssignmentState, Campaign
from annotator.campaigns.services import lease_next_item, submit_assignment
from annotator.core.locks import held_lock
from annotator.datasets.services import request_export, run_export
from annotator.jobs.models import JobState
from annotator.library.models import Item
from tests.conftest import test_database_url

PROGRAM = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
SERVER_CONNECTIONS = 3

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not Path(PROGRAM).exists(), reason="needs pgbouncer"),
]


@pytest.fixture
def pooler(transactional_db: None) -> Iterator[None]:
    """Every connection of this test goes through PgBouncer, with fewer to the server than there are clients."""
    direct = connection.settings_dict
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="pooler-"))
    folder.chmod(0o777)  # root's PgBouncer runs as another user
    users = folder / "users.txt"
    users.write_text(f'"{direct["USER"]}" "{direct["PASSWORD"]}"\n')
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        "[databases]\n"
        f"* = host={direct['HOST']} port={direct['PORT'] or 5432}\n"
        "[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {users}\n"
        "client_login_timeout = 10\n"
        f"pool_mode = transaction\ndefault_pool_size = {SERVER_CONNECTIONS}\nlogfile = {folder / 'log'}\n"
        "ignore_startup_parameters = extra_float_digits\n"
    )
    os.chmod(folder, 0o777)
    user = ["-u", "embedded_postgres"] if os.geteuid() == 0 else []
    process = subprocess.Popen([PROGRAM, *user, str(settings)], stderr=subprocess.DEVNULL)
    before = dict(direct)
    connection.close()
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < deadline, (folder / "log").read_text()
                time.sleep(0.05)
        direct |= {"HOST": "127.0.0.1", "PORT": str(port), "DISABLE_SERVER_SIDE_CURSORS": True}
        yield
    finally:
        connection.close()
        direct.clear()
        direct.update(before)
        process.terminate()
        process.wait(20)
        shutil.rmtree(folder)


def test_people_and_jobs_get_what_is_theirs(
    pooler: None, files: Path, make_campaign: Callable[..., Campaign], make_user: Callable[..., User],
    answer_all: Callable[..., None],
) -> None:  # fmt: skip
    campaign, people = make_campaign(6, overlap=4), [make_user(f"ann{n}") for n in range(8)]

    def annotate(person: User) -> int:
        done = 0
        try:
            while assignment := lease_next_item(campaign=campaign, annotator=person):
                answer_all(assignment)
                submit_assignment(token=assignment.token, annotator=person)
                done += 1
            return done
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(people)) as pool:
        done = list(pool.map(annotate, people))
    assert sum(done) == 6 * 4
    submitted = Assignment.objects.filter(state=AssignmentState.SUBMITTED)
    assert sorted(submitted.values_list("campaign_item__submitted", flat=True)) == [4] * 24
    job = request_export(campaign=campaign)
    run_export(str(job.pk))
    job.refresh_from_db()
    assert (job.state, job.error) == (JobState.SUCCEEDED, "")


def test_a_lock_that_outlives_transactions_is_held_and_given_back(pooler: None) -> None:
    with held_lock(77, wait=False) as first:
        assert first
        for _ in range(2 * SERVER_CONNECTIONS):
            with held_lock(77, wait=False) as second:
                assert not second
        with held_lock(78, wait=True) as other:
            assert other
    with held_lock(77, wait=True) as again:
        assert again
    with psycopg.connect(test_database_url(), autocommit=True) as looking:
        left = looking.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchone()
    assert left == (0,)


def test_long_reads_go_in_parts(pooler: None, bare_items: Callable[..., list[Item]]) -> None:
    bare_items(30)
    assert len({item.pk for item in Item.objects.iterator(chunk_size=7)}) == 30
