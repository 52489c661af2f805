"""Files of a version, one by one or all as a ZIP that is made while it is sent."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.utils.text import slugify

from annotator.campaigns.models import Campaign
from annotator.core.errors import ProblemError
from annotator.datasets.models import DatasetVersion

CHUNK_BYTES = 1024 * 1024

CONTENT_TYPES = {
    ".jsonl": "application/x-ndjson",
    ".parquet": "application/vnd.apache.parquet",
    ".json": "application/json",
    ".md": "text/markdown; charset=utf-8",
    ".yaml": "application/yaml",
}


def stem(version: DatasetVersion) -> str:
    """How the version's folder is called on the other side."""
    return stem_of(version.campaign, version.version)


def stem_of(campaign: Campaign, number: int) -> str:
    return f"{slugify(campaign.name)[:60].strip('-') or f'campaign-{campaign.pk}'}-v{number}"


def recorded(version: DatasetVersion, name: str) -> dict[str, Any] | None:
    """What is recorded of a file; None where the version has none of this name."""
    return next((file for file in version.files if file["name"] == name), None)


def whole_file(version: DatasetVersion, file: dict[str, Any]) -> Path:
    """The path of a file. Raises ProblemError where it is missing or not as long as it was."""
    path = version.folder / file["name"]
    try:
        size = path.stat().st_size
    except OSError:
        size = None
    if size != file["bytes"]:
        raise ProblemError(
            f"The file {file['name']} of {version} is {'missing' if size is None else 'not what it was'} on the "
            "server. Restore the folder of artifacts from a backup, or export the campaign again.",
            code="file_missing",
            status=409,
        )
    return path


def content_type(name: str) -> str:
    return CONTENT_TYPES.get(Path(name).suffix, "application/octet-stream")


def zipped(version: DatasetVersion) -> Iterator[bytes]:
    """A ZIP of all files. They are looked at before the first byte: ProblemError where one is missing."""
    paths = [whole_file(version, file) for file in version.files]
    return _zip(stem(version), paths)


def zip_size(folder: str, paths: list[Path]) -> int:
    """How many bytes the ZIP of these files has: it is made once, and thrown away piece by piece."""
    return sum(len(piece) for piece in _zip(folder, paths))


def _zip(folder: str, paths: list[Path]) -> Iterator[bytes]:
    sink = _Sink()
    with zipfile.ZipFile(sink, "w") as archive:
        for path in paths:
            info = zipfile.ZipInfo.from_file(path, f"{folder}/{path.name}")
            info.compress_type = zipfile.ZIP_STORED if path.suffix == ".parquet" else zipfile.ZIP_DEFLATED
            with path.open("rb") as source, archive.open(info, "w", force_zip64=True) as target:
                while block := source.read(CHUNK_BYTES):
                    target.write(block)
                    yield sink.take()
            yield sink.take()
    yield sink.take()


class _Sink(io.RawIOBase):
    """Where the archive is written; it cannot seek, so the archive is written front to back."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        return len(self._pieces[-1])

    def take(self) -> bytes:
        taken, self._pieces = b"".join(self._pieces), []
        return taken
