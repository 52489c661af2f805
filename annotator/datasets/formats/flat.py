"""Flat tables of a version: one row per item, or per annotation, and a column per sub-dimension."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from annotator.campaigns.checklists import checklist_of
from annotator.datasets import downloads
from annotator.datasets.formats.splits import splits_of
from annotator.datasets.models import DatasetVersion
from reward_engine.checklist import Checklist

# Rows that are held in memory at a time.
ROWS_AT_ONCE = 2_000

_ITEM = ("item_id", "external_id", "media_type", "prompt_id", "prompt", "generator", "generator_version",
         "media_sha256")  # fmt: skip
_FACTS = ("mime_type", "width", "height", "duration_ms", "frame_rate", "source", "license")
_ANNOTATION = ("annotator", "annotator_is_synthetic", "purpose", "started_at", "submitted_at")


@dataclass(frozen=True)
class Source:
    """A frozen table of a version. ``split`` chooses rows; "" takes all."""

    version: DatasetVersion
    table: str
    split: str = ""
    path: Path = field(init=False)

    def __post_init__(self) -> None:
        """Look at the file before the first byte is sent.

        Raises:
            ProblemError: If it is missing or altered.
        """
        name = f"{self.table}.parquet"
        file = next(file for file in self.version.files if file["name"] == name)
        object.__setattr__(self, "path", downloads.whole_file(self.version, file))

    @property
    def checklist(self) -> Checklist:
        return checklist_of(self.version.campaign.checklist_version)

    def batches(self) -> Iterator[pa.Table]:
        """Read the rows as they are frozen, with their ``split`` and ``media_path``."""
        with pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(batch_size=ROWS_AT_ONCE):
                table = pa.Table.from_batches([batch])
                split = pa.array(splits_of(table["prompt"].to_pylist()), pa.string())
                table = table.append_column("split", split).append_column("media_path", _media_paths(table))
                yield table.filter(pc.equal(split, self.split)) if self.split else table

    def flat(self) -> Iterator[pa.Table]:
        """Read the rows as a flat table."""
        flatten = flat_items if self.table == "consensus" else flat_annotations
        for table in self.batches():
            yield flatten(table, self.checklist)

    def schema(self) -> pa.Schema:
        """Tell the columns of ``flat``."""
        with pq.ParquetFile(self.path) as file:
            empty = file.schema_arrow.empty_table()
        empty = empty.append_column("split", pa.array([], pa.string()))
        empty = empty.append_column("media_path", pa.array([], pa.string()))
        return (flat_items if self.table == "consensus" else flat_annotations)(empty, self.checklist).schema


def _media_paths(table: pa.Table) -> pa.ChunkedArray:
    """Where the media lie, beginning at the media folder, as ``library.storage`` lays them."""
    digest = table["media_sha256"]
    folders = (pc.utf8_slice_codeunits(digest, 0, 2), pc.utf8_slice_codeunits(digest, 2, 4))
    return pc.binary_join_element_wise("originals", *folders, table["media_file"], "/")


def flat_items(table: pa.Table, checklist: Checklist) -> pa.Table:
    """Flatten rows of the consensus: ``level_<sub-dimension>`` and ``agreement_<sub-dimension>``."""
    ids = [sub.id for sub in checklist.ordinal]
    columns = _columns(table, (*_ITEM, "media_path", "split", *_FACTS, "annotations"))
    columns |= _spread(table, "annotation", "level", ids)
    columns |= _spread(table, "agreement", "agreement", ids)
    return pa.table(columns)


def flat_annotations(table: pa.Table, checklist: Checklist) -> pa.Table:
    """Flatten annotations: ``level_<sub-dimension>`` and ``answer_<question>`` (1 yes, -1 no, 0 does not apply)."""
    columns = _columns(table, ("annotation_id", *_ANNOTATION, *_ITEM, "media_path", "split"))
    columns |= _spread(table, "annotation", "level", [sub.id for sub in checklist.sub_dimensions])
    answers = table["answers"].combine_chunks()
    for place, question in enumerate(checklist.questions):
        columns[f"answer_{question.id}"] = pc.list_element(answers, place) if len(table) else pa.array([], pa.int8())
    return pa.table(columns)


def _columns(table: pa.Table, names: tuple[str, ...]) -> dict[str, pa.ChunkedArray]:
    return {name: table[name] for name in names}


def _spread(table: pa.Table, name: str, prefix: str, ids: list[str]) -> dict[str, pa.ChunkedArray]:
    return {f"{prefix}_{id}": pc.struct_field(table[name], id) for id in ids}
