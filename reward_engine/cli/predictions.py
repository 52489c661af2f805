"""Files of P(yes): a row per item, and in the file's own words which judge answered which checklist."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reward_engine import WRITTEN_BY
from reward_engine import checklist as checklists
from reward_engine.checklist import Checklist
from reward_engine.cli import tables
from reward_engine.cli.items import Listed
from reward_engine.errors import DataError
from reward_engine.judges.base import Judge, Predictions


@dataclass(frozen=True)
class Stored:
    """``keys``, ``prompts``, ``groups``, ``generators`` n; ``p_yes`` float64 [n, q]; ``judge``: its name and version.

    ``generators``: who made each item, empty where nobody said. ``alignment`` [n]: P(the media shows its prompt),
    where it was asked for.
    """

    keys: tuple[str, ...]
    prompts: tuple[str, ...]
    groups: tuple[str, ...]
    p_yes: NDArray[np.float64]
    checklist: Checklist
    judge: str
    generators: tuple[str, ...] = ()
    alignment: NDArray[np.float64] | None = None


def write(
    path: Path, judge: Judge, listed: Listed, found: Predictions, alignment: Mapping[str, float] | None = None
) -> None:
    """Write the judged items in their order."""
    number = {item.key: row for row, item in enumerate(listed.items)}
    rows: list[tables.Row] = []
    for key, p_yes in zip(found.keys, found.p_yes, strict=True):
        at = number[key]
        row: tables.Row = {"key": key, "prompt": listed.items[at].prompt, "prompt_id": listed.groups[at]}
        row |= {"generator": listed.generators[at], "p_yes": [float(p) for p in p_yes]}
        if alignment is not None:
            row["alignment"] = alignment.get(key)
        rows.append(row)
    about = {
        "written_by": WRITTEN_BY,
        "judge": {"name": judge.name, "version": judge.version},
        "checklist": checklists.dumps(judge.checklist),
        "errors": dict(found.errors),
    }
    tables.write(path, rows, about)


def read(path: Path) -> Stored:
    """Read predictions from a file of any known form.

    Raises:
        DataError: If the file is none of these.
    """
    if not path.exists():
        raise DataError(f"{path}: there is no such file.", code="missing")
    if path.suffix != ".parquet":
        raise DataError(f"{path.name}: predictions are kept in .parquet files.", code="ending")
    rows, about = tables.read(path)
    if "checklist" not in about or "judge" not in about:
        raise DataError(f"{path.name}: this file was not written by the command judge.", code="predictions")
    checklist = checklists.loads(about["checklist"], source=path.name)
    p_yes: Any = [row["p_yes"] for row in rows]
    array = np.array(p_yes, dtype=np.float64).reshape(len(rows), -1)
    if array.shape != (len(rows), len(checklist.questions)):
        raise DataError(f"{path.name}: its rows do not fit its checklist.", code="predictions")
    keys, prompts, groups = (tuple(str(row[name]) for row in rows) for name in ("key", "prompt", "prompt_id"))
    judge = f"{about['judge']['name']} {about['judge']['version']}"
    generators = tuple(str(row.get("generator") or "") for row in rows)
    aligned: Any = [row.get("alignment") for row in rows]
    alignment = np.array(aligned, dtype=np.float64) if any(value is not None for value in aligned) else None
    return Stored(keys, prompts, groups, array, checklist, judge, generators, alignment)
