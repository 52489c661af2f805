"""The formats of a dataset version by name: what each is for, and which tool takes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotator.core.errors import ProblemError
from annotator.datasets import downloads
from annotator.datasets.formats import archives, conversations, tables
from annotator.datasets.formats.flat import Source
from annotator.datasets.formats.splits import SPLITS
from annotator.datasets.models import DatasetVersion
from annotator.library.models import MediaType


@dataclass(frozen=True)
class Format:
    """``one_file``: rows only, so that a split may be chosen; the others hold a folder per split."""

    label: str | Promise
    purpose: str | Promise
    content_type: str
    suffix: str
    table: str
    write: Callable[[Source], Iterator[bytes]]
    one_file: bool = True
    images_only: bool = False


CSV, JSONL = "text/csv; charset=utf-8", "application/x-ndjson"
PARQUET, ZIP = "application/vnd.apache.parquet", "application/zip"

FORMATS: dict[str, Format] = {
    "items-csv": Format(
        _("Items, CSV"), _("One row per item, for spreadsheets and R."), CSV, "-items.csv", "consensus", tables.csv
    ),
    "items-parquet": Format(
        _("Items, Parquet"), _("One row per item, for pandas, Polars and DuckDB."),
        PARQUET, "-items.parquet", "consensus", tables.parquet,
    ),
    "items-jsonl": Format(
        _("Items, JSONL"), _("One JSON object per item and line, for scripts."),
        JSONL, "-items.jsonl", "consensus", tables.jsonl,
    ),
    "answers-csv": Format(
        _("Answers, CSV"), _("One row per annotation, with pseudonyms for annotators."),
        CSV, "-answers.csv", "annotations", tables.csv,
    ),
    "answers-parquet": Format(
        _("Answers, Parquet"), _("One row per annotation, for pandas, Polars and DuckDB."),
        PARQUET, "-answers.parquet", "annotations", tables.parquet,
    ),
    "conversations": Format(
        _("Conversations"), _("One question per record, for LLaMA-Factory and ms-swift."),
        JSONL, "-conversations.jsonl", "consensus", conversations.tagged,
    ),
    "conversations-trl": Format(
        _("Conversations for TRL"), _("One question per record, for TRL’s SFTTrainer; images only."),
        JSONL, "-conversations-trl.jsonl", "consensus", conversations.structured, images_only=True,
    ),
    "hugging-face": Format(
        _("Hugging Face folder"), _("With media and a card, for datasets.load_dataset."),
        ZIP, "-hugging-face.zip", "consensus", archives.hugging_face, one_file=False,
    ),
    "webdataset": Format(
        _("WebDataset shards"), _("With media, in tar files of at most 1 GB, for streaming in training."),
        ZIP, "-webdataset.zip", "consensus", archives.web_dataset, one_file=False,
    ),
}  # fmt: skip


def offered(version: DatasetVersion) -> dict[str, Format]:
    """List the formats that a version can be had in."""
    if version.manifest.get("kind") == "comparisons":
        return {}
    images = version.campaign.media_type == MediaType.IMAGE
    return {name: form for name, form in FORMATS.items() if images or not form.images_only}


def export(version: DatasetVersion, name: str, split: str = "") -> tuple[Format, str, Iterator[bytes]]:
    """Begin a version in a format.

    Args:
        split: Only the rows of this split, "train" or "test"; "" for all.

    Returns:
        The format, a file name, and the content in pieces.

    Raises:
        ProblemError: If there is no such format or split, or the version's files are missing.
    """
    formats = offered(version)
    if name not in formats:
        names = ", ".join(formats)
        text = gettext("There is no format “%(kind)s”. The formats are %(names)s.")
        if not formats:
            text = gettext("Comparisons come as the version’s own files only.")
        raise ProblemError(text % {"kind": name, "names": names}, code="no_format", status=404)
    form = formats[name]
    if split and (split not in SPLITS or not form.one_file):
        text = gettext(
            "There is no split “%(split)s” here. Leave it out, or choose train or test for a format of rows."
        )
        raise ProblemError(text % {"split": split}, code="no_split")
    part = f"-{split}" if split else ""
    stem = f"{downloads.stem(version)}{part}"
    return form, f"{stem}{form.suffix}", form.write(Source(version, form.table, split))
