"""``manage.py prepare``: everything between an installed package and a first visit, in one process.

Every step may be repeated: on a second start it finds its work done.
"""

import hashlib
import io
import os
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError


class Command(BaseCommand):
    help = "Migrate, collect static files, load the checklists, create the first logins and the demo content."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-demo", action="store_true", help="leave the demo content out (also: SKIP_DEMO=1)")

    def handle(self, *args: Any, **options: Any) -> None:
        self.step("Database tables", lambda: call_command("migrate", interactive=False, verbosity=0))
        self.step("Static files", collect_static)
        self.step("Checklists", lambda: self.call("load_checklists", quiet=True))
        self.step("Log-ins", lambda: call_command("create_logins", verbosity=0))
        if not (options["no_demo"] or os.environ.get("SKIP_DEMO", "") not in {"", "0"}):
            self.step("Demo content", lambda: self.call("create_demo"))

    def step(self, name: str, work: Callable[[], object]) -> None:
        start = time.monotonic()
        try:
            work()
        except Exception as error:
            log = settings.DATA_DIR / "logs" / "prepare.log"
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text(traceback.format_exc())
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            who = "the database says: " if isinstance(error, OperationalError) else ""
            raise CommandError(f"{name}: {who}{reason} (full log in {log})") from error
        self.stdout.write(f"      {name} · {time.monotonic() - start:.1f} s")
        self.stdout.flush()

    def call(self, command: str, *, quiet: bool = False) -> None:
        if command in get_commands():
            call_command(command, stdout=io.StringIO() if quiet else self.stdout, stderr=self.stderr)


def collect_static() -> bool:
    """Collect the static files where one changed since the last time. Returns whether it did."""
    stamp = Path(settings.STATIC_ROOT) / ".collected"
    state = static_state()
    if stamp.exists() and stamp.read_text() == state:
        return False
    stamp.unlink(missing_ok=True)
    call_command("collectstatic", interactive=False, verbosity=0, clear=stamp.parent.exists())
    stamp.write_text(state)
    return True


def static_state() -> str:
    """A digest of every static file's name, size and time, and of how they are stored."""
    digest = hashlib.sha256(repr(settings.STORAGES["staticfiles"]).encode())
    for finder in get_finders():
        for path, storage in finder.list([]):
            found = os.stat(storage.path(path))
            digest.update(f"{path}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
    return digest.hexdigest()
