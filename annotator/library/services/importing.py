"""An import, row by row.

Files are verified and stored in threads, ahead of the rows that are recorded. What the rows do to the database
is committed a few rows at a time, together with the count of rows done: an import that is killed goes on behind
the last commit, so every row has its effect once. Files are stored before their row is; storing is idempotent.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from django.db import connection, transaction
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from annotator.core.errors import ProblemError
from annotator.library import verify
from annotator.library.manifest import ImportOptions, Row, Survey, rows, survey
from annotator.library.models import ImportBatch, ImportProblem, Item, text_hash
from annotator.library.services.records import (
    parameters_hash,
    record_generator,
    record_item,
    record_prompt,
    store_media,
)
from annotator.library.sources import FolderSource, ZipSource, find_manifest, locate, open_source
from annotator.library.verify import MediaFacts
from reward_engine.media import decode_ahead

ROWS_A_COMMIT = 20
SECONDS_A_COMMIT = 2.0
VERIFIERS = 2
_LOCK = 0x1B6A7_1B  # advisory lock of the transactions in which imports record rows


class Runner(Protocol):
    """What an import needs of the one who runs it; a job's Run is one."""

    def stage(self, name: str, total: int | None = None) -> None: ...

    def progress(self, done: int, total: int | None = None) -> None: ...

    def commit(self) -> AbstractContextManager[None]: ...


class Inline:
    """Runs an import here and now, without a job; ``report(stage, done, total)`` hears how far it is."""

    def __init__(self, report: Callable[[str, int, int | None], None] | None = None) -> None:
        self._report = report or (lambda stage, done, total: None)
        self._stage = ""
        self._total: int | None = None

    def stage(self, name: str, total: int | None = None) -> None:
        self._stage, self._total = name, total
        self.progress(0)

    def progress(self, done: int, total: int | None = None) -> None:
        self._total = total if total is not None else self._total
        self._report(self._stage, done, self._total)

    @contextmanager
    def commit(self) -> Iterator[None]:
        with transaction.atomic():
            yield


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row did not go in; as ImportProblem, which keeps it."""

    row: int
    file: str
    field: str
    code: str
    message: str


@dataclass(slots=True)
class ImportReport:
    """How an import went. ``batch`` is None for a dry run, ``problems`` are all of them."""

    rows: int = 0
    imported: int = 0
    duplicates: int = 0
    rejected: int = 0
    batch: ImportBatch | None = None
    problems: list[Problem] = field(default_factory=list)

    @property
    def message(self) -> str:
        return in_words(self.rows, self.imported, self.duplicates, self.rejected) + guess_in_words(self.batch)


def in_words(rows: int, imported: int, duplicates: int, rejected: int) -> str:
    """ "61 of 64 rows imported, 2 were there already, 1 refused." """
    parts = [f"{imported:,} of {rows:,} {'row' if rows == 1 else 'rows'} imported"]
    if duplicates:
        parts.append(f"{duplicates:,} {'was' if duplicates == 1 else 'were'} there already")
    if rejected:
        parts.append(f"{rejected:,} refused")
    return ", ".join(parts) + "."


def guess_in_words(batch: ImportBatch | None) -> str:
    """ " The manifest was read as GBK …", where its encoding had to be told by its build; else nothing."""
    guess = batch.options.get("guessed_encoding", "") if batch is not None else ""
    if not guess:
        return ""
    return f" The manifest is not UTF-8 and was read as {guess}; see whether the letters of its prompts are right."


# --- The whole ------------------------------------------------------------------------------------


@dataclass(slots=True)
class OpenImport:
    """A source with its manifest found and surveyed."""

    source: FolderSource | ZipSource
    options: ImportOptions
    manifest: Path
    name: str
    folder: str
    survey: Survey


@contextmanager
def opened_import(
    source_path: Path, options: ImportOptions, *, title: str = "", manifest_path: Path | None = None
) -> Iterator[OpenImport]:
    """Open a folder or ZIP and its manifest (``manifest_path``: one that lies outside); ProblemError if unusable."""
    source = open_source(source_path, title)
    try:
        if manifest_path is not None:
            if not manifest_path.is_file():
                raise ProblemError(f"There is no manifest “{manifest_path.name}” there.", code="no_manifest")
            name = manifest_path.name
            folder = _only_folder(source.names())
            yield OpenImport(source, options, manifest_path, name, folder, survey(manifest_path, name, options))
        else:
            name = find_manifest(source, options.manifest)
            folder = "" if PurePosixPath(name).parent == PurePosixPath(".") else str(PurePosixPath(name).parent)
            with source.opened(name) as copy:
                yield OpenImport(source, options, copy, name, folder, survey(copy, name, options))
    finally:
        source.close()


def _only_folder(names: list[str]) -> str:
    """The folder that everything lies in, "" where there is none: people pack a folder, and list what is in it."""
    tops = {name.split("/", 1)[0] if "/" in name else "" for name in names}
    return tops.pop() if len(tops) == 1 else ""


def import_rows(run: Runner, batch: ImportBatch, opened: OpenImport) -> dict[str, Any]:
    """Import what has not been imported of ``batch`` yet. Returns the result for the job."""
    known = batch.options.get("manifest_sha256")
    if known and known != opened.survey.sha256:
        raise ProblemError(
            f"{opened.name} has changed since this import began; start a new import. What has gone in stays, "
            "and will be recognised.",
            code="manifest_changed",
        )
    if not known:
        with run.commit():
            batch.options["manifest_sha256"] = opened.survey.sha256
            batch.options["guessed_encoding"] = opened.survey.guessed_encoding
            batch.save(update_fields=["options", "updated_at"])
    run.stage("Importing", opened.survey.rows)
    run.progress(batch.rows)
    waiting = islice(rows(opened.manifest, opened.name, opened.options), batch.rows, None)
    with closing(_prepared(waiting, opened)) as prepared:  # no thread reads on when this ends early
        for group in _groups(prepared):
            with run.commit():
                _record(batch, group)
            run.progress(batch.rows)
    with run.commit():
        batch.finished_at = timezone.now()
        batch.save(update_fields=["finished_at"])
    return {
        "message": in_words(batch.rows, batch.imported, batch.duplicates, batch.rejected) + guess_in_words(batch),
        "url": _url(batch),
        "rows": batch.rows,
        "imported": batch.imported,
        "duplicates": batch.duplicates,
        "rejected": batch.rejected,
        "outcome": batch.outcome,
    }


def rehearse(run: Runner, opened: OpenImport) -> ImportReport:
    """What an import would do, with every file verified and nothing stored or recorded."""
    report = ImportReport()
    seen: set[tuple[object, ...]] = set()
    run.stage("Checking", opened.survey.rows)
    with closing(_prepared(rows(opened.manifest, opened.name, opened.options), opened, keep=False)) as prepared:
        for one in prepared:
            report.rows += 1
            if one.problem is not None:
                report.rejected += 1
                report.problems.append(one.problem)
            elif (key := _key(one)) in seen or _is_there(key):
                report.duplicates += 1
            else:
                report.imported += 1
                seen.add(key)
            run.progress(report.rows)
    return report


# --- One row --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Prepared:
    """A row whose file is verified (and stored), or why it is not."""

    row: Row
    facts: MediaFacts | None = None
    problem: Problem | None = None


def _prepared(waiting: Iterable[Row], opened: OpenImport, *, keep: bool = True) -> Generator[Prepared, None, None]:
    def prepare(row: Row) -> Prepared:
        return _prepare(row, opened, keep)

    ahead: Any = decode_ahead(waiting, prepare, workers=VERIFIERS, ahead=2 * VERIFIERS)
    with closing(ahead):
        for _row, outcome in ahead:
            if isinstance(outcome, Exception):
                raise outcome
            yield outcome


def _prepare(row: Row, opened: OpenImport, keep: bool) -> Prepared:
    if row.problem is not None:
        return Prepared(row, problem=_problem_of(row, row.problem))
    media_type = row.values.get("media_type", "")
    check = store_media if keep else verify.verify_media
    try:
        member = locate(opened.source, row.file, opened.folder, opened.survey.common_folder)
        with opened.source.opened(member) as copy:
            return Prepared(row, facts=check(copy, PurePosixPath(member).name, media_type=media_type))
    except ProblemError as problem:
        return Prepared(row, problem=_problem_of(row, problem))
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ProblemError(
                "The disk is full. Make room and start the import again; what has gone in stays.", code="disk_full"
            ) from error
        raise


def _problem_of(row: Row, problem: ProblemError) -> Problem:
    field_of_it = problem.details.get("field")
    return Problem(
        row=row.number,
        file=_printable(row.file)[:500],
        field=str(field_of_it if field_of_it is not None else "" if row.problem else "file")[:100],
        code=problem.code[:50],
        message=_printable(problem.message),
    )


def _printable(text: str) -> str:
    """Without what the database cannot keep."""
    return text.replace("\0", "?").encode(errors="replace").decode()


def _groups(prepared: Iterator[Prepared]) -> Iterator[list[Prepared]]:
    """Some rows at a time: soon enough to be seen and not lost, not so few that commits are the work."""
    group: list[Prepared] = []
    began = time.monotonic()
    for one in prepared:
        group.append(one)
        if len(group) >= ROWS_A_COMMIT or time.monotonic() - began >= SECONDS_A_COMMIT:
            yield group
            group, began = [], time.monotonic()
    if group:
        yield group


def _record(batch: ImportBatch, group: list[Prepared]) -> None:
    """The effect of some rows, inside a transaction."""
    with connection.cursor() as cursor:
        # One import at a time in here: two that make the same prompts in another order would wait for each other.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    # What is true is in the database: a transaction that failed leaves this object ahead of it.
    batch.refresh_from_db(fields=["rows", "imported", "duplicates", "rejected"])
    problems = []
    for one in group:
        batch.rows += 1
        if one.problem is not None:
            batch.rejected += 1
            fields = {name: getattr(one.problem, name) for name in Problem.__slots__}
            problems.append(ImportProblem(batch=batch, **fields))
        elif _record_one(batch, one):
            batch.imported += 1
        else:
            batch.duplicates += 1
    ImportProblem.objects.bulk_create(problems)
    batch.save(update_fields=["rows", "imported", "duplicates", "rejected"])


def _record_one(batch: ImportBatch, one: Prepared) -> bool:
    assert one.facts is not None
    values = one.row.values
    _item, created = record_item(
        facts=one.facts,
        prompt=record_prompt(values["prompt"]),
        generator=record_generator(
            values["generator"], values.get("generator_version", ""), values["generator_parameters"]
        ),
        file_name=one.row.file,
        source=values.get("source", ""),
        licence=values.get("licence", ""),
        external_id=values.get("external_id", ""),
        extra=one.row.extra,
        batch=batch,
    )
    return created


def _key(one: Prepared) -> tuple[object, ...]:
    assert one.facts is not None
    values = one.row.values
    parameters = parameters_hash(values["generator_parameters"])
    return (
        one.facts.sha256,
        text_hash(values["prompt"].strip()),
        values["generator"],
        values.get("generator_version", ""),
        parameters,
    )


def _is_there(key: tuple[object, ...]) -> bool:
    names = (
        "sha256",
        "prompt__text_sha256",
        "generator__name",
        "generator__version",
        "generator__parameters_sha256",
    )
    return Item.objects.filter(**dict(zip(names, key, strict=True))).exists()


def _url(batch: ImportBatch) -> str:
    try:
        return reverse("library:batch", args=[batch.pk])
    except NoReverseMatch:
        return ""
