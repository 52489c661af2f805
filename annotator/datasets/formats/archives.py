"""Archives with the media inside: a Hugging Face dataset folder, and WebDataset shards.

Each is a ZIP that is made while it is sent, a member at a time. A file that is missing breaks the transfer off
before the ZIP's directory is written, so that no reader takes the rest for the whole.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import yaml
from django.conf import settings
from django.utils.translation import gettext
from zipstream import ZIP_STORED, ZipStream

from annotator.core.errors import ProblemError
from annotator.core.parquet_stream import parquet_pieces
from annotator.datasets import card, downloads
from annotator.datasets.formats.flat import Source
from annotator.datasets.formats.splits import SPLITS

# WebDataset's own writer begins a shard at such sizes; one larger item makes a shard of its own.
SHARD_BYTES = 1_000_000_000
SHARD_ITEMS = 10_000
_PIECE = 1 << 20


def hugging_face(source: Source) -> Iterator[bytes]:
    """Stream a folder per split, with the media and ``metadata.parquet``, and a card, that ``load_dataset`` reads."""
    archive, stem = ZipStream(compress_type=ZIP_STORED), downloads.stem(source.version)
    present = []
    for split in SPLITS:
        chosen = Source(source.version, source.table, split)
        if not any(len(table) for table in chosen.batches()):
            continue
        present.append(split)
        archive.add(_metadata(chosen), f"{stem}/{split}/metadata.parquet")
        yield from archive.all_files()
        for row in _rows(chosen):
            archive.add_path(_media(row), f"{stem}/{split}/{_name(row)}")
            yield from archive.all_files()
    archive.add(_card(source, present).encode(), f"{stem}/README.md")
    yield from archive.finalize()


def _metadata(source: Source) -> Iterator[bytes]:
    # Parquet knows the types of columns that are empty in one split; of JSON lines, load_dataset guesses null.
    names = pa.schema([("file_name", pa.string()), *source.schema()])
    rows = (
        table.add_column(0, "file_name", pa.array(map(_name, table.to_pylist()), pa.string()))
        for table in source.flat()
    )
    return parquet_pieces(names, rows)


def _card(source: Source, splits: list[str]) -> str:
    data = source.version.manifest
    front = {
        "pretty_name": f"{data['name']} v{data['version']}",
        "task_categories": [f"{data['media_type']}-classification"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": f"{split}/**"} for split in splits],
            }
        ],
    }
    subs = "\n".join(f"| `{sub.id}` | {card.line(sub.name)} | {sub.lowest} … {sub.highest} |"
                     for sub in source.checklist.ordinal)  # fmt: skip
    return f"""---
{yaml.safe_dump(front, sort_keys=False, allow_unicode=True)}---

# {card.line(data["name"])}, version {data["version"]}

{data["counts"]["items"]} {data["media_type"]}s with the consensus of {data["counts"]["annotators"]} annotators \
({data["counts"]["synthetic_annotators"]} of them synthetic).
`level_…` is the level by consensus, empty where a sub-dimension was not judged or does not apply; `agreement_…` is \
the share of annotators who agree.
The prompt's text alone decides the split: no item moves between versions.

## Sub-dimensions
| id | name | levels |
|---|---|---|
{subs}

{card.origin(data)}
"""


def web_dataset(source: Source) -> Iterator[bytes]:
    """Stream shards: tar files of items, each with its media, its prompt (``.txt``), and its row (``.json``)."""
    archive, stem = ZipStream(compress_type=ZIP_STORED), downloads.stem(source.version)
    for split in SPLITS:
        for number, shard in enumerate(_shards(Source(source.version, source.table, split))):
            archive.add(_tar(shard), f"{stem}/{split}-{number:06d}.tar")
            yield from archive.all_files()
    yield from archive.finalize()


_Sample = tuple[dict[str, Any], Path, int]


def _shards(source: Source) -> Iterator[list[_Sample]]:
    shard: list[_Sample] = []
    total = 0
    for row in _rows(source):
        path = _media(row)
        size = path.stat().st_size
        if shard and (total + size > SHARD_BYTES or len(shard) >= SHARD_ITEMS):
            yield shard
            shard, total = [], 0
        shard.append((row, path, size))
        total += size
    if shard:
        yield shard


def _tar(shard: list[_Sample]) -> Iterator[bytes]:
    for row, path, size in shard:
        name = PurePosixPath(_name(row))
        for ending, content in ((".json", json.dumps(row, ensure_ascii=False)), (".txt", row["prompt"])):
            data = content.encode()
            yield _header(f"{name.stem}{ending}", len(data)) + data + _padding(len(data))
        yield _header(str(name), size)
        sent = 0
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                sent += len(piece)
                yield piece
        if sent != size:
            raise _missing(row)
        yield _padding(size)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _header(name: str, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size = size
    return member.tobuf(tarfile.PAX_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)


def _rows(source: Source) -> Iterator[dict[str, Any]]:
    for table in source.flat():
        yield from table.to_pylist()


def _name(row: dict[str, Any]) -> str:
    return f"{row['item_id']:09d}{PurePosixPath(row['media_path']).suffix}"


def _media(row: dict[str, Any]) -> Path:
    path = Path(settings.MEDIA_ROOT) / row["media_path"]
    if not path.is_file():
        raise _missing(row)
    return path


def _missing(row: dict[str, Any]) -> ProblemError:
    return ProblemError(
        gettext("The file of item %(item)s is missing on the server. Import it again, or restore it from a backup.")
        % {"item": row["item_id"]},
        code="file_missing",
        status=409,
    )
