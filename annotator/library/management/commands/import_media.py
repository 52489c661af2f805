"""``manage.py import_media FOLDER_OR_ZIP``: the same import as in the browser, here and now."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotator.accounts.models import User
from annotator.core.errors import ProblemError
from annotator.library import services
from annotator.library.manifest import FIELDS, ImportOptions

SHOWN_PROBLEMS = 50


class Command(BaseCommand):
    help = (
        "Import images and videos from a folder or a ZIP with a CSV or JSONL manifest. Fields of the "
        f"manifest: {', '.join(FIELDS)} (file and prompt are required); other columns are kept."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", type=Path, help="a folder or a ZIP")
        parser.add_argument(
            "--manifest",
            default="",
            help="the manifest: a name inside the source, or a file elsewhere "
            "(default: manifest.csv, manifest.jsonl, or the only one there is)",
        )
        parser.add_argument(
            "--map", action="append", default=[], metavar="FIELD=COLUMN", help="the column that holds a field"
        )
        parser.add_argument(
            "--set", action="append", default=[], metavar="FIELD=VALUE", help="a field's value for rows without one"
        )
        parser.add_argument("--name", default="", help="name of the import (default: that of the folder or ZIP)")
        parser.add_argument("--user", default="", help="user name of the person for whom it is imported")
        parser.add_argument("--dry-run", action="store_true", help="verify everything, change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        source: Path = options["source"]
        manifest, manifest_path = _manifest(source, options["manifest"])
        progress = Progress(self)
        try:
            report = services.import_now(
                source,
                ImportOptions(manifest, _pairs(options["map"], "--map"), _pairs(options["set"], "--set")),
                _user(options["user"]),
                name=options["name"],
                manifest_path=manifest_path,
                dry_run=options["dry_run"],
                report=progress,
            )
        except ProblemError as problem:
            progress.end()
            raise CommandError(problem.message) from problem
        progress.end()
        self._table(report.problems)
        what = "Dry run, nothing was changed: " if options["dry_run"] else ""
        self.stdout.write(f"{what}{report.message}")
        if report.imported == 0 and report.duplicates == 0:
            raise CommandError("Nothing was imported.")

    def _table(self, problems: list[services.Problem]) -> None:
        if not problems:
            return
        shown = problems[:SHOWN_PROBLEMS]
        wide = max(len(problem.code) for problem in shown)
        self.stdout.write(f"{'row':>6}  {'code':<{wide}}  why")
        for problem in shown:
            self.stdout.write(f"{problem.row:>6}  {problem.code:<{wide}}  {problem.message}")
        if len(problems) > len(shown):
            self.stdout.write(f"… and {len(problems) - len(shown):,} more; see the import's page.")


class Progress:
    """One line that is written over on a terminal; a line every few seconds elsewhere."""

    def __init__(self, command: BaseCommand) -> None:
        self._out = command.stderr
        self._terminal = sys.stderr.isatty()
        self._last = time.monotonic()
        self._dirty = False

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if now - self._last < (0.2 if self._terminal else 5.0) or not total:
            return
        self._last = now
        line = f"{stage}: {done:,} of {total:,} ({100 * done // total}%)"
        self._out.write(f"\r{line}" if self._terminal else line, ending="" if self._terminal else "\n")
        self._dirty = self._terminal

    def end(self) -> None:
        if self._dirty:
            self._out.write("")


def _pairs(given: list[str], option: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or not name or not value:
            raise CommandError(f"{option} {pair}: write it as FIELD=…, for example {option} prompt=caption.")
        if name in pairs:
            raise CommandError(f"{option} gives “{name}” twice.")
        pairs[name] = value
    return pairs


def _manifest(source: Path, given: str) -> tuple[str, Path | None]:
    """The name inside the source, or the file outside of it."""
    path = Path(given)
    inside = source.is_dir() and (source / given).is_file() and not path.is_absolute()
    if not given or inside or not path.is_file():
        return given, None
    if source.is_dir() and path.resolve().is_relative_to(source.resolve()):
        return path.resolve().relative_to(source.resolve()).as_posix(), None
    return "", path


def _user(name: str) -> User | None:
    if not name:
        return None
    user = User.objects.filter(username=name).first()
    if user is None:
        raise CommandError(f"There is no user “{name}”.")
    return user
