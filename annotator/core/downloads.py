"""Files of a result, one by one or all as a ZIP that is made while it is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from zipstream import ZIP_DEFLATED, ZIP_STORED, ZipStream

CONTENT_TYPES = {
    ".json": "application/json",
    ".jsonl": "application/x-ndjson",
    ".md": "text/markdown; charset=utf-8",
    ".parquet": "application/vnd.apache.parquet",
    ".png": "image/png",
    ".yaml": "application/yaml",
}
TEXTS = (".json", ".jsonl", ".md", ".yaml")


def content_type(path: str | Path) -> str:
    return CONTENT_TYPES.get(Path(path).suffix, "application/octet-stream")


def zipped(folder: str, files: Mapping[str, Path]) -> Iterator[bytes]:
    """Stream a ZIP of these files below ``folder``.

    Texts are compressed. Weights, tables and pictures do not get smaller; they are stored as they are.
    """
    archive = ZipStream()
    for name, path in files.items():
        packing = ZIP_DEFLATED if path.suffix in TEXTS else ZIP_STORED
        archive.add_path(path, f"{folder}/{name}", compress_type=packing)
    return iter(archive)


def zip_size(folder: str, files: Mapping[str, Path]) -> int:
    """Count the bytes of the ZIP of these files: it is made once, and thrown away piece by piece."""
    return sum(len(piece) for piece in zipped(folder, files))
