"""Which media: a table of paths and prompts, or a folder; and what people said about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reward_engine.answers import ABSENT
from reward_engine.checklist import Checklist, builtin, load
from reward_engine.cli import tables
from reward_engine.cli.progress import bar, say
from reward_engine.errors import DataError
from reward_engine.judges.base import MediaInput, MediaType
from reward_engine.published import load_questions, media_type_of

if TYPE_CHECKING:
    from reward_engine.features import FeatureExtractor, Features

PATHS = ("path", "media_file", "image", "video", "video_path", "image_path", "file")
KEYS = ("key", "item_id", "internal_id", "external_id")
GROUPS = ("prompt_id", "group", "prompt")
GENERATORS = ("generator", "model", "generator_name")

HELP = (
    "a table (.csv, .jsonl, .parquet) with a column path, and if you like key, prompt, prompt_id, generator; "
    "or a folder of media. Paths are taken from where the table lies."
)


@dataclass(frozen=True)
class Listed:
    """The items of a table.

    ``items`` n, ``groups`` n: which belong to one prompt, ``generators`` n: who made them (or empty), ``rows``: all
    columns of the table.
    """

    items: tuple[MediaInput, ...]
    groups: tuple[str, ...]
    rows: tuple[tables.Row, ...]

    @property
    def generators(self) -> tuple[str, ...]:
        return tuple(_first(row, GENERATORS) or "" for row in self.rows)


def checklist_of(name: str) -> Checklist:
    """Load the checklist that an argument names.

    It names ``image``, ``video``, or the path of a checklist file: ours (.yaml), or published questions (.txt).
    """
    if name in ("image", "video"):
        return builtin(name)
    path = Path(name)
    return load_questions(path, media_type_of(path)) if path.suffix == ".txt" else load(path)


def read(source: Path, media_type: MediaType) -> Listed:
    """Read a table of items.

    Raises:
        DataError: For a table without paths, or a key that stands twice.
    """
    if not source.exists():
        raise DataError(f"{source}: there is no such file or folder.", code="missing")
    rows = _folder(source) if source.is_dir() else tables.read(source)[0]
    base = source if source.is_dir() else source.parent
    items, groups, seen = [], [], set()
    for number, row in enumerate(rows, 1):
        path = _first(row, PATHS)
        if path is None:
            raise DataError(f"{source.name}, row {number}: it has no path (one of {', '.join(PATHS)}).", code="path")
        key = _first(row, KEYS) or path
        if key in seen:
            raise DataError(f"{source.name}, row {number}: the key “{key}” is there already.", code="key")
        seen.add(key)
        items.append(MediaInput(key, media_type, _file(base, path), str(row.get("prompt") or "")))
        groups.append(_first(row, GROUPS) or key)
    if not items:
        raise DataError(f"{source.name}: there are no media in it.", code="empty")
    return Listed(tuple(items), tuple(groups), tuple(rows))


def look(listed: Listed, extractor: FeatureExtractor, rows: Sequence[int] | None = None) -> tuple[Features, list[int]]:
    """Measure the media of a table, and say which cannot be measured.

    Returns their features and the rows that these are of.

    Args:
        rows: Those to measure; None: all.
    """
    wanted = listed.items if rows is None else [listed.items[number] for number in rows]
    with bar("Looking", "items") as progress:
        features = extractor.extract(wanted, progress=progress)
    for key, error in features.errors.items():
        say(f"{key}: {error}")
    row = {item.key: number for number, item in enumerate(listed.items)}
    return features, [row[key] for key in features.keys]


def levels(checklist: Checklist, rows: Sequence[tables.Row], source: str) -> NDArray[np.int8]:
    """Read levels int8 [n, s] from the columns of a table.

    They (or an ``annotation`` of them) are named by sub-dimension id or by its published name.
    """
    found = np.full((len(rows), len(checklist.ordinal)), ABSENT, dtype=np.int8)
    for number, row in enumerate(rows):
        nested = row.get("annotation")
        given: tables.Row = nested if isinstance(nested, dict) else row
        for column, sub in enumerate(checklist.ordinal):
            value = next((given[name] for name in (sub.id, sub.published) if given.get(name) not in (None, "")), None)
            if value is None:
                continue
            try:
                found[number, column] = sub.level(int(value)).score
            except (TypeError, ValueError) as error:
                raise DataError(
                    f"{source}, row {number + 1}: “{value}” is no level of “{sub.name}”; a whole number is expected.",
                    code="level",
                ) from error
    if (found == ABSENT).all():
        raise DataError(
            f"{source}: no column is named like a sub-dimension of “{checklist.name}” "
            f"({', '.join(sub.id for sub in checklist.ordinal[:4])}, …).",
            code="levels",
        )
    return found


def _folder(folder: Path) -> list[tables.Row]:
    endings = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".avif", ".mp4", ".webm", ".mov", ".mkv", ".avi")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in endings)
    return [{"path": str(path.relative_to(folder))} for path in paths]


def _file(base: Path, path: str) -> Path:
    """Where a table means; Windows programs part folders by a backslash."""
    plain = base / path
    return plain if "\\" not in path or plain.exists() else base / path.replace("\\", "/")


def _first(row: tables.Row, names: Sequence[str]) -> str | None:
    value: Any = next((row[name] for name in names if row.get(name) not in (None, "")), None)
    return None if value is None else str(value)
