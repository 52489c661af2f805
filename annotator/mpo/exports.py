"""Pairs in the forms that trainers and people read. Everything streams: a chunk of pairs is read, written, sent.

``jsonl``: one object per pair, with all that is known. ``parquet``, ``csv``: the same as a flat table. ``dpo``: JSONL
with ``prompt``, ``chosen`` and ``rejected``, as preference trainers expect it. ``pickapic``: Parquet with the bytes
of both images in columns named as in the Pick-a-Pic dataset (Kirstain et al. 2023).
"""

from __future__ import annotations

import csv
import functools
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from django.conf import settings
from django.utils.text import slugify
from django.utils.translation import gettext

from annotator.campaigns.checklists import checklist_of
from annotator.core.errors import ProblemError
from annotator.core.parquet_stream import parquet_pieces
from annotator.library import storage
from annotator.library.models import MediaType
from annotator.mpo.models import PairSet
from annotator.mpo.queries import PairRow, Side, kept_pairs
from reward_engine.checklist import Checklist

# Pairs whose images are held in memory at a time.
IMAGES_AT_ONCE = 16


@dataclass(frozen=True)
class Format:
    content_type: str
    suffix: str
    write: Callable[[PairSet], Iterator[bytes]]


def export(pair_set: PairSet, kind: str) -> tuple[Format, str, Iterator[bytes]]:
    """(the format, a file name, the content in pieces).

    Raises:
        ProblemError: If this cannot be had.
    """
    found = FORMATS.get(kind)
    if found is None:
        raise ProblemError(
            gettext("There is no format “%(kind)s”. The formats are %(names)s.")
            % {"kind": kind, "names": ", ".join(FORMATS)},
            code="no_format",
            status=404,
        )
    if kind == "pickapic" and pair_set.reward_model.media_type != MediaType.IMAGE:
        raise ProblemError(
            gettext("Pick-a-Pic files contain images, but these are pairs of videos."), code="not_images"
        )
    name = f"pairs-{pair_set.pk}-{slugify(pair_set.name)[:50]}".rstrip("-") + found.suffix
    return found, name, found.write(pair_set)


@functools.lru_cache(maxsize=4096)  # the pairs of a prompt tell of the same few items again and again
def _side(side: Side, root: str) -> dict[str, Any]:
    return {
        "item": side.item,
        "path": storage.original_path(side).relative_to(root).as_posix(),
        "sha256": side.sha256,
        "generator": _generator(side),
    }


def _generator(side: Side) -> str:
    return f"{side.generator} {side.generator_version}".strip()


def record(pair: PairRow, checklist: Checklist) -> dict[str, Any]:
    """All that is known of a pair, as plain data. Paths begin at the media folder."""
    root = str(settings.MEDIA_ROOT)
    return {
        "pair": pair.pair,
        "media_type": pair.media_type,
        "prompt_id": pair.prompt_id,
        "prompt": pair.prompt,
        "winner": {**_side(pair.winner, root), "reward": pair.winner_reward},
        "loser": {**_side(pair.loser, root), "reward": pair.winner_reward - pair.reward_gap},
        "reward_gap": pair.reward_gap,
        "gaps": {d.id: gap for d, gap in zip(checklist.dimensions, pair.gaps, strict=True)},
    }


def flat(row: dict[str, Any]) -> dict[str, Any]:
    """A record as one row of a table: ``winner_path``, ``gap_<dimension>`` …"""
    table = {name: value for name, value in row.items() if name not in ("winner", "loser", "gaps")}
    for side in ("winner", "loser"):
        table |= {f"{side}_{name}": value for name, value in row[side].items()}
    return table | {f"gap_{name}": value for name, value in row["gaps"].items()}


def _records(pair_set: PairSet) -> Iterator[list[dict[str, Any]]]:
    checklist = checklist_of(pair_set.reward_model.checklist_version)
    for chunk in kept_pairs(pair_set):
        yield [record(pair, checklist) for pair in chunk]


def _jsonl(pair_set: PairSet) -> Iterator[bytes]:
    for rows in _records(pair_set):
        yield _lines(rows)


def _dpo(pair_set: PairSet) -> Iterator[bytes]:
    for rows in _records(pair_set):
        yield _lines(
            {
                "prompt": row["prompt"],
                "chosen": row["winner"]["path"],
                "rejected": row["loser"]["path"],
                "chosen_sha256": row["winner"]["sha256"],
                "rejected_sha256": row["loser"]["sha256"],
                "chosen_reward": row["winner"]["reward"],
                "rejected_reward": row["loser"]["reward"],
                "margin": row["reward_gap"],
            }
            for row in rows
        )


def _lines(rows: Iterable[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _csv(pair_set: PairSet) -> Iterator[bytes]:
    """For spreadsheets: with a byte order mark, and text that would be run as a formula marked as text."""
    names = _schema(pair_set).names
    yield ("\ufeff" + ",".join(names) + "\r\n").encode()
    for rows in _records(pair_set):
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerows([_harmless(value) for value in flat(row).values()] for row in rows)
        yield text.getvalue().encode()


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def _schema(pair_set: PairSet) -> pa.Schema:
    checklist = checklist_of(pair_set.reward_model.checklist_version)
    side = [("item", pa.int64()), ("path", pa.string()), ("sha256", pa.string()), ("generator", pa.string()),
            ("reward", pa.float64())]  # fmt: skip
    return pa.schema(
        [("pair", pa.int64()), ("media_type", pa.string()), ("prompt_id", pa.int64()), ("prompt", pa.string()),
         ("reward_gap", pa.float64()),
         *((f"winner_{name}", kind) for name, kind in side),
         *((f"loser_{name}", kind) for name, kind in side),
         *((f"gap_{dimension.id}", pa.float64()) for dimension in checklist.dimensions)]
    )  # fmt: skip


def _parquet(pair_set: PairSet) -> Iterator[bytes]:
    return _parquet_pieces(_schema(pair_set), ([flat(row) for row in rows] for rows in _records(pair_set)))


PICK_A_PIC = pa.schema(
    [("caption", pa.string()), ("jpg_0", pa.binary()), ("jpg_1", pa.binary()), ("image_0_uid", pa.string()),
     ("image_1_uid", pa.string()), ("label_0", pa.float64()), ("label_1", pa.float64()), ("has_label", pa.bool_()),
     ("model_0", pa.string()), ("model_1", pa.string()), ("best_image_uid", pa.string())]
)  # fmt: skip


def _pick_a_pic(pair_set: PairSet) -> Iterator[bytes]:
    """Half of the pairs have the winner second, by turns of their number, so that the side tells nothing."""

    def chunks() -> Iterator[list[dict[str, Any]]]:
        for pairs in kept_pairs(pair_set):
            for start in range(0, len(pairs), IMAGES_AT_ONCE):
                yield [_pick_a_pic_row(pair) for pair in pairs[start : start + IMAGES_AT_ONCE]]

    return _parquet_pieces(PICK_A_PIC, chunks())


def _pick_a_pic_row(pair: PairRow) -> dict[str, Any]:
    swapped = pair.pair % 2 == 1
    first, second = (pair.loser, pair.winner) if swapped else (pair.winner, pair.loser)
    return {
        "caption": pair.prompt,
        "jpg_0": _bytes(first),
        "jpg_1": _bytes(second),
        "image_0_uid": first.sha256,
        "image_1_uid": second.sha256,
        "label_0": float(not swapped),
        "label_1": float(swapped),
        "has_label": True,
        "model_0": _generator(first),
        "model_1": _generator(second),
        "best_image_uid": pair.winner.sha256,
    }


def _bytes(side: Side) -> bytes:
    try:
        return storage.original_path(side).read_bytes()
    except OSError as error:
        raise ProblemError(
            gettext("The file of item %(item)s is missing on the server. Import it again, or restore it from a backup.")
            % {"item": side.item},
            code="file_missing",
            status=409,
        ) from error


def _parquet_pieces(schema: pa.Schema, chunks: Iterable[list[dict[str, Any]]]) -> Iterator[bytes]:
    return parquet_pieces(schema, (pa.Table.from_pylist(rows, schema) for rows in chunks))


FORMATS: dict[str, Format] = {
    "jsonl": Format("application/x-ndjson", ".jsonl", _jsonl),
    "parquet": Format("application/vnd.apache.parquet", ".parquet", _parquet),
    "csv": Format("text/csv; charset=utf-8", ".csv", _csv),
    "dpo": Format("application/x-ndjson", ".dpo.jsonl", _dpo),
    "pickapic": Format("application/vnd.apache.parquet", ".pick-a-pic.parquet", _pick_a_pic),
}
