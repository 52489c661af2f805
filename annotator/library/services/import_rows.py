"""An import, row by row.

Files are verified and stored in threads, ahead of the rows that are recorded. What the rows do to the database
is committed a few rows at a time, together with the count of rows done: an import that is killed goes on behind
the last commit, so every row has its effect once. Files are stored before their row is; storing is idempotent.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Generator as Producing
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from django.db import connection, transaction
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop, ngettext

from annotator.core.errors import ProblemError
from annotator.core.texts import in_all_languages, joined
from annotator.library import verify
from annotator.library.manifest import ImportOptions, Row, Survey, rows, survey
from annotator.library.media_facts import MediaFacts
from annotator.library.models import Generator, ImportBatch, ImportProblem, Item, text_hash
from annotator.library.services.records import (
    NewItem,
    parameters_hash,
    record_generator,
    record_items,
    record_prompts,
    store_media,
)
from annotator.library.sources import FolderSource, ZipSource, find_manifest, locate, open_source
from reward_engine.media import decode_ahead

ROWS_A_COMMIT = 50
SECONDS_A_COMMIT = 2.0
# Pillow and PyAV let go of the interpreter's lock. More than cores, since each waits for the disk now and then.
VERIFIERS = min(8, 2 * len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 4)
_LOCK = 0x1B6A7_1B  # advisory lock of the transactions in which imports record rows


class Runner(Protocol):
    """What an import needs of the one who runs it, such as a JobRun."""

    def stage(self, name: str, total: int | None = None) -> None: ...

    def progress(self, done: int, total: int | None = None) -> None: ...

    def commit(self) -> AbstractContextManager[None]: ...


class Inline:
    """Runs an import here and now, without a job.

    ``report(stage, done, total)`` is told the progress.
    """

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
        """How it went, in the active language."""
        return in_words(self, self.batch)


def in_words(counts: ImportReport | ImportBatch, batch: ImportBatch | None) -> str:
    """ "61 of 64 rows imported. 2 were already in the library. 1 was rejected." And which encoding was guessed."""
    n = counts.rows
    text = ngettext("%(imported)s of %(n)s row imported.", "%(imported)s of %(n)s rows imported.", n)
    sentences = [text % {"imported": f"{counts.imported:,}", "n": f"{n:,}"}]
    if n := counts.duplicates:
        text = ngettext("%(n)s was already in the library.", "%(n)s were already in the library.", n)
        sentences.append(text % {"n": f"{n:,}"})
    if n := counts.rejected:
        text = ngettext("%(n)s was rejected.", "%(n)s were rejected.", n)
        sentences.append(text % {"n": f"{n:,}"})
    if batch is not None and (guess := batch.options.get("guessed_encoding")):
        text = gettext("The manifest is not UTF-8 and was read as %(encoding)s. Check the characters in its prompts.")
        sentences.append(text % {"encoding": guess})
    return joined(sentences)


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
    """Open a folder or ZIP and its manifest.

    Args:
        manifest_path: One that lies outside; ProblemError if unusable.
    """
    source = open_source(source_path, title)
    try:
        if manifest_path is not None:
            if not manifest_path.is_file():
                raise ProblemError(
                    gettext("The manifest “%(name)s” does not exist.") % {"name": manifest_path.name},
                    code="no_manifest",
                )
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
            gettext(
                "%(name)s has changed since this import started. Start a new import. Items imported so far "
                "are kept and will be recognized."
            )
            % {"name": opened.name},
            code="manifest_changed",
        )
    if not known:
        with run.commit():
            batch.options["manifest_sha256"] = opened.survey.sha256
            batch.options["guessed_encoding"] = opened.survey.guessed_encoding
            batch.save(update_fields=["options", "updated_at"])
    run.stage(gettext_noop("Importing"), opened.survey.rows)
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
        "message": in_all_languages(lambda: in_words(batch, batch)),
        "url": _url(batch),
        "rows": batch.rows,
        "imported": batch.imported,
        "duplicates": batch.duplicates,
        "rejected": batch.rejected,
        "outcome": batch.outcome,
    }


def rehearse(run: Runner, opened: OpenImport) -> ImportReport:
    """Try an import without storing or recording anything.

    Every file is verified. The result says what the import would do.
    """
    report = ImportReport()
    seen: set[tuple[object, ...]] = set()
    run.stage(gettext_noop("Checking"), opened.survey.rows)
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


def _prepared(waiting: Iterable[Row], opened: OpenImport, *, keep: bool = True) -> Producing[Prepared, None, None]:
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
                gettext(
                    "The disk is full. Free some space and start the import again. Items imported so far are kept."
                ),
                code="disk_full",
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
    good = [one for one in group if one.problem is None]
    problems = [one.problem for one in group if one.problem is not None]
    new = record_items(_items(good), batch)
    batch.rows += len(group)
    batch.imported += new
    batch.duplicates += len(good) - new
    batch.rejected += len(problems)
    ImportProblem.objects.bulk_create(
        ImportProblem(batch=batch, **{name: getattr(problem, name) for name in Problem.__slots__})
        for problem in problems
    )
    batch.save(update_fields=["rows", "imported", "duplicates", "rejected"])


def _items(good: Sequence[Prepared]) -> list[NewItem]:
    """The items of verified rows, with their prompts and generators recorded once each."""
    prompts = record_prompts([one.row.values["prompt"] for one in good])
    generators: dict[tuple[str, str, str], Generator] = {}
    items = []
    for one, prompt in zip(good, prompts, strict=True):
        assert one.facts is not None
        values = one.row.values
        maker = values["generator"], values.get("generator_version", ""), values["generator_parameters"]
        key = maker[0], maker[1], parameters_hash(maker[2])
        if key not in generators:
            generators[key] = record_generator(*maker)
        items.append(
            NewItem(
                facts=one.facts, prompt=prompt, generator=generators[key], file_name=one.row.file,
                source=values.get("source", ""), license=values.get("license", ""),
                external_id=values.get("external_id", ""), extra=one.row.extra,
            )
        )  # fmt: skip
    return items


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
