"""Where an import's files come from: a folder or a ZIP, read member by member.

Nothing is ever unpacked under a name that the other side chose: :meth:`Source.opened` copies one member to a
temporary file of ours, under limits. A member that is dangerous (climbs out, a link, encrypted …) is refused by
itself, with a reason for the row that names it; an archive that is dangerous as a whole is refused at once.
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from django.utils.translation import gettext

from annotator.core.errors import ProblemError
from annotator.library.zipnames import MemberNames

MANIFEST_NAMES = ("manifest.csv", "manifest.jsonl", "manifest.ndjson", "manifest.tsv", "manifest.txt")
MANIFEST_SUFFIXES = (".csv", ".jsonl", ".ndjson", ".tsv")
_SPREADSHEETS = (".xlsx", ".xls", ".xlsm", ".ods", ".numbers")
_CHUNK = 1024 * 1024
_RATIO_FROM_BYTES = 1024 * 1024  # a small text may well shrink a hundredfold
_JUNK = re.compile(r"(^|/)(__MACOSX/|\.DS_Store$|\._|\.Spotlight-V100/|Thumbs\.db$|desktop\.ini$|~\$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Limits:
    """What is still read. ``ratio``: unpacked to packed size of one member."""

    members: int = 200_000
    total_bytes: int = 50 * 1024**3
    member_bytes: int = 2 * 1024**3
    ratio: float = 200.0


LIMITS = Limits()


def check_path(path: str) -> str:
    """A path inside a source, made plain ("./a//b" and "a\\b" → "a/b"). ProblemError where it could lead elsewhere."""
    path = path.replace("\\", "/")  # how Windows writes it
    if not path or not path.strip("/."):
        if path.startswith("/") or ".." in path.split("/"):
            raise _refused(path, "path_climbs", gettext("it leads outside the import"))
        raise _refused(path, "bad_path", gettext("it does not name a file"))
    if any(unicodedata.category(character) == "Cc" for character in path):
        raise _refused(path, "bad_path", gettext("it contains a control character"))
    if path.startswith("/") or re.match(r"[A-Za-z]:", path):
        raise _refused(path, "absolute_path", gettext("it is absolute; make it relative to the manifest"))
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise _refused(path, "path_climbs", gettext("it leaves its folder with “..”; make it relative to the manifest"))
    return unicodedata.normalize("NFC", "/".join(parts))


def _refused(path: str, code: str, why: str) -> ProblemError:
    shown = "".join(c if c.isprintable() else "?" for c in path[:200])
    return ProblemError(gettext("The path “%(shown)s” is rejected: %(why)s.") % {"shown": shown, "why": why}, code=code)


class Source(Protocol):
    """A folder or a ZIP. Paths are plain relative paths as :func:`check_path` makes them."""

    title: str
    refused: dict[str, ProblemError]  # members that must not be read, each with the reason

    def names(self) -> list[str]:
        """The files that may be read, without the litter that file managers leave."""
        ...

    def has(self, path: str) -> bool:
        """True where this names a file, be it a refused one."""
        ...

    def opened(self, path: str) -> Iterator[Path]:
        """A context with a temporary file that holds the member's bytes."""
        ...

    def close(self) -> None: ...


class FolderSource:
    """A folder on this machine. Links are not followed: they may lead to what was never meant to be shown."""

    def __init__(self, root: Path, limits: Limits = LIMITS) -> None:
        self.root = root
        self.title = root.name or str(root)
        self.refused: dict[str, ProblemError] = {}
        self._limits = limits
        self._composed: dict[str, str] | None = None

    def names(self) -> list[str]:
        found: list[str] = []
        for folder, folders, files in os.walk(self.root):
            folders.sort()
            for file in sorted(files):
                path = os.path.relpath(os.path.join(folder, file), self.root).replace(os.sep, "/")
                if not _JUNK.search(path) and not os.path.islink(os.path.join(folder, file)):
                    found.append(path)
            if len(found) > self._limits.members:
                raise _too_many(self.title, self._limits)
        return found

    def has(self, path: str) -> bool:
        return self._kept_as(path) is not None and not os.path.isdir(self.root / path)

    def _kept_as(self, path: str) -> str | None:
        """The path as the file system keeps it: é as one character or as two, each folder as it happens to be."""
        if os.path.lexists(self.root / path):
            return path
        if path.isascii():
            return None
        if self._composed is None:
            self._composed = {unicodedata.normalize("NFC", name): name for name in self.names()}
        return self._composed.get(unicodedata.normalize("NFC", path))

    @contextmanager
    def opened(self, path: str) -> Iterator[Path]:
        plain = self._kept_as(check_path(path))
        if plain is None:
            raise _missing(path, self.title)
        descriptor = self._open_without_links(plain, path)
        with os.fdopen(descriptor, "rb") as file:
            info = os.fstat(descriptor)
            if not stat.S_ISREG(info.st_mode):
                raise ProblemError(gettext("“%(path)s” is not a regular file.") % {"path": path}, code="not_a_file")
            with _copied(file, path, info.st_size, self._limits.member_bytes) as copy:
                yield copy

    def _open_without_links(self, plain: str, path: str) -> int:
        """Open step by step from the root, so that no link on the way is followed even if it has just been made."""
        at = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            *folders, file = plain.split("/")
            for folder in folders:
                below = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
                os.close(at)
                at = below
            # Without O_NONBLOCK, opening a pipe waits for ever.
            return os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=at)
        except PermissionError as error:
            raise ProblemError(
                gettext("“%(path)s” is not readable. Give the server permission to read it.") % {"path": path},
                code="unreadable",
            ) from error
        except OSError as error:
            if any((self.root / part).is_symlink() for part in _with_parents(plain)):
                raise ProblemError(
                    gettext("“%(path)s” is a symbolic link or is behind one. Put the file itself there.")
                    % {"path": path},
                    code="symlink",
                ) from error
            raise ProblemError(
                gettext("“%(path)s” cannot be read (%(error)s).") % {"path": path, "error": error.strerror},
                code="unreadable",
            ) from error
        finally:
            os.close(at)

    def close(self) -> None:
        pass


class ZipSource:
    """A ZIP archive."""

    def __init__(self, path: Path, title: str = "", limits: Limits = LIMITS) -> None:
        self.title = title or path.name
        self._limits = limits
        try:
            self._zip = zipfile.ZipFile(path)
        except UnicodeDecodeError as error:
            raise ProblemError(
                gettext("%(title)s claims UTF-8 file names, but one is not valid UTF-8. Create the archive again.")
                % {"title": self.title},
                code="bad_zip",
            ) from error
        except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, ValueError, EOFError) as error:
            raise ProblemError(
                gettext("%(title)s is not a ZIP archive or is truncated (%(error)s). Create or upload it again.")
                % {"title": self.title, "error": error},
                code="bad_zip",
            ) from error
        self._members: dict[str, zipfile.ZipInfo] = {}
        self.refused: dict[str, ProblemError] = {}
        self._names = MemberNames(self._zip.infolist())
        self._readings: dict[str, str] | None = None
        try:
            self._survey()
        except ProblemError:
            self.close()
            raise

    def _survey(self) -> None:
        """List the members under their plain paths, and set apart those that must not be read."""
        infos = self._zip.infolist()
        if len(infos) > self._limits.members:
            raise _too_many(self.title, self._limits)
        total = sum(info.file_size for info in infos)
        if total > self._limits.total_bytes:
            raise ProblemError(
                gettext("%(title)s unpacks to %(size)s, over the limit of %(size2)s. Split it into several archives.")
                % {"title": self.title, "size": _size(total), "size2": _size(self._limits.total_bytes)},
                code="too_large_archive",
            )
        for info in infos:
            original = self._names.of(info)
            unified = original.replace("\\", "/")
            if unified.endswith("/") or _JUNK.search(unified):
                continue
            try:
                name = check_path(original)
            except ProblemError as problem:
                # Under its own name, so that a row that names it is told the reason.
                self.refused[original] = problem
                continue
            problem_here = self._problem_with(info, name)
            if name in self._members or name in self.refused:
                problem_here = ProblemError(
                    gettext("“%(name)s” is in %(title)s twice. Keep one of them.")
                    % {"name": name, "title": self.title},
                    code="duplicate_name",
                )
                self._members.pop(name, None)
            if problem_here is not None:
                self.refused[name] = problem_here
            else:
                self._members[name] = info

    def _problem_with(self, info: zipfile.ZipInfo, name: str) -> ProblemError | None:
        mode = info.external_attr >> 16
        if info.flag_bits & 0x1:
            return ProblemError(
                gettext("“%(name)s” is encrypted. Create the ZIP without a password.") % {"name": name},
                code="encrypted",
            )
        if stat.S_ISLNK(mode):
            return ProblemError(
                gettext("“%(name)s” is a symbolic link. Put the file itself into the ZIP.") % {"name": name},
                code="symlink",
            )
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            return ProblemError(gettext("“%(name)s” is not a regular file.") % {"name": name}, code="not_a_file")
        if info.file_size > self._limits.member_bytes:
            return _too_large(name, info.file_size, self._limits.member_bytes)
        ratio = info.file_size / max(info.compress_size, 1)
        if info.file_size > _RATIO_FROM_BYTES and ratio > self._limits.ratio:
            return ProblemError(
                gettext(
                    "“%(name)s” unpacks to %(ratio)s times its packed size, like archives made to fill a "
                    "disk. If the file is real, add it to the ZIP uncompressed."
                )
                % {"name": name, "ratio": f"{ratio:,.0f}"},
                code="compression_bomb",
            )
        return None

    def names(self) -> list[str]:
        return list(self._members)

    def has(self, path: str) -> bool:
        name = self._listed_as(path)
        return name in self._members or name in self.refused

    def _listed_as(self, path: str) -> str:
        """The name under which a member is listed, where ``path`` is the same name read in another code page."""
        if path in self._members or path in self.refused or path.isascii():
            return path
        if self._readings is None:
            self._readings = {}
            for name, info in self._members.items():
                for reading in self._names.other_readings(info):
                    self._readings.setdefault(unicodedata.normalize("NFC", reading.replace("\\", "/")), name)
        return self._readings.get(path, path)

    @contextmanager
    def opened(self, path: str) -> Iterator[Path]:
        if path in self.refused:
            raise self.refused[path]
        plain = self._listed_as(check_path(path))
        if plain in self.refused:
            raise self.refused[plain]
        if plain not in self._members:
            raise _missing(path, self.title)
        info = self._members[plain]
        try:
            with self._zip.open(info) as file, _copied(file, path, info.file_size, self._limits.member_bytes) as copy:
                yield copy
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise ProblemError(
                gettext("“%(path)s” cannot be unpacked from %(title)s (%(error)s). Create the archive again.")
                % {"path": path, "title": self.title, "error": error},
                code="bad_member",
            ) from error

    def close(self) -> None:
        self._zip.close()


def open_source(path: Path, title: str = "", limits: Limits = LIMITS) -> FolderSource | ZipSource:
    """The folder or ZIP at ``path``."""
    if path.is_dir():
        return FolderSource(path, limits)
    if not path.exists():
        raise ProblemError(
            gettext("The folder or ZIP “%(name)s” does not exist.") % {"name": path.name}, code="missing_source"
        )
    return ZipSource(path, title, limits)


def find_manifest(source: FolderSource | ZipSource, wanted: str = "") -> str:
    """The path of the manifest in a source: the named one, manifest.csv or .jsonl, or the only one of its kind."""
    names = source.names()
    if wanted:
        plain = check_path(wanted)
        if source.has(plain):
            return plain
        ending = [name for name in names if name.endswith(f"/{plain}")]
        if len(ending) == 1:
            return ending[0]
        raise ProblemError(
            gettext("There is no manifest “%(wanted)s” in %(title)s.%(candidates)s")
            % {"wanted": wanted, "title": source.title, "candidates": _candidates(names)},
            code="no_manifest",
        )
    called = [name for name in names if PurePosixPath(name).name.lower() in MANIFEST_NAMES]
    candidates = [name for name in names if PurePosixPath(name).suffix.lower() in MANIFEST_SUFFIXES]
    for chosen in (called, candidates):
        # The one nearest to the top, if no other is as near.
        chosen.sort(key=lambda name: name.count("/"))
        if len(chosen) == 1 or (len(chosen) > 1 and chosen[0].count("/") < chosen[1].count("/")):
            return chosen[0]
        if chosen:
            raise ProblemError(
                gettext(
                    "%(title)s contains several files that may be the manifest (%(names)s). Specify which one to use."
                )
                % {"title": source.title, "names": ", ".join(chosen[:5])},
                code="several_manifests",
            )
    if refused := [name for name in source.refused if PurePosixPath(name).name.lower() in MANIFEST_NAMES]:
        raise source.refused[refused[0]]
    if sheets := [name for name in names if PurePosixPath(name).suffix.lower() in _SPREADSHEETS]:
        raise ProblemError(
            gettext(
                "There is no manifest in %(title)s. %(sheets)s is a spreadsheet; save it as “CSV UTF-8” next "
                "to the media."
            )
            % {"title": source.title, "sheets": sheets[0]},
            code="no_manifest",
        )
    raise ProblemError(
        gettext(
            "There is no manifest in %(title)s. Add manifest.csv (or .jsonl) with one row per file and at "
            "least the columns “file” and “prompt”."
        )
        % {"title": source.title},
        code="no_manifest",
    )


def locate(source: FolderSource | ZipSource, path: str, folder: str, common: tuple[str, ...]) -> str:
    """The member that a manifest in ``folder`` means by ``path``.

    Beside the manifest first, then from the top; then without what leads all paths of the manifest (``common``),
    since manifests often carry a folder of the machine on which they were written.
    """
    if source.has(path):  # also a refused member under a name that is no proper path
        try:
            check_path(path)
        except ProblemError:
            return path
    plain = check_path(path)
    tries = [f"{folder}/{plain}" if folder else plain, plain]
    parts = plain.split("/")
    for skip in range(1, len(common) + 1):
        if tuple(parts[:skip]) == common[:skip]:
            rest = "/".join(parts[skip:])
            tries += [f"{folder}/{rest}" if folder else rest, rest]
    for candidate in tries:
        if source.has(candidate):
            return candidate
    raise _missing(path, source.title)


def _with_parents(plain: str) -> list[str]:
    parts = plain.split("/")
    return ["/".join(parts[: end + 1]) for end in range(len(parts))]


@contextmanager
def _copied(file: IO[bytes], path: str, stated: int, limit: int) -> Iterator[Path]:
    """The bytes in a temporary file of ours; never more than was stated or than the limit, whatever a header says."""
    if stated > limit:
        raise _too_large(path, stated, limit)
    with tempfile.TemporaryDirectory(prefix="visionreward-import-") as folder:
        copy = Path(folder) / f"member{PurePosixPath(path).suffix[:10] if path.isascii() else ''}"
        written = 0
        with copy.open("wb") as target:
            while chunk := file.read(_CHUNK):
                written += len(chunk)
                if written > min(stated, limit):
                    raise _too_large(path, written, min(stated, limit))
                target.write(chunk)
        yield copy


def _missing(path: str, title: str) -> ProblemError:
    return ProblemError(
        gettext("There is no file “%(path)s” in %(title)s. Check the spelling (including capitals) and the folder.")
        % {"path": path, "title": title},
        code="missing_file",
    )


def _too_large(path: str, size: int, limit: int) -> ProblemError:
    return ProblemError(
        gettext("“%(path)s” has %(size)s, over the limit of %(size2)s.")
        % {"path": path, "size": _size(size), "size2": _size(limit)},
        code="too_large",
    )


def _too_many(title: str, limits: Limits) -> ProblemError:
    return ProblemError(
        gettext("%(title)s contains more than %(members)s files. Split it into several imports.")
        % {"title": title, "members": f"{limits.members:,}"},
        code="too_many_files",
    )


def _candidates(names: list[str]) -> str:
    found = [name for name in names if PurePosixPath(name).suffix.lower() in MANIFEST_SUFFIXES]
    return gettext(" Found instead: %(names)s.") % {"names": ", ".join(found[:5])} if found else ""


def _size(count: int) -> str:
    return f"{count / 1024**3:.1f} GB" if count >= 1024**3 else f"{count / 1024**2:.1f} MB"
