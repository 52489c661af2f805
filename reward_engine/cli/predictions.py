"""Files of P(yes): a row an item, and in the file's own words which judge answered which checklist."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reward_engine import checklist as checklists
from reward_engine.checklist import Checklist
from reward_engine.cli import tables
from reward_engine.cli.items import Listed
from reward_engine.errors import DataError
from reward_engine.judges.base import Judge, Predictions


@dataclass(frozen=True)
class Stored:
    """``keys``, ``prompts``, ``groups`` n; ``p_yes`` float64 [n, q]; ``judge``: its name and version."""

    keys: tuple[str, ...]
    prompts: tuple[str, ...]
    groups: tuple[str, ...]
    p_yes: NDArray[np.float64]
    checklist: Checklist
    judge: str


def write(path: Path, judge: Judge, listed: Listed, found: Predictions) -> None:
    """Write the judged items in their order."""
    by_key = {item.key: (item, group) for item, group in zip(listed.items, listed.groups, strict=True)}
    rows: list[tables.Row] = []
    for key, p_yes in zip(found.keys, found.p_yes, strict=True):
        item, group = by_key[key]
        rows.append({"key": key, "prompt": item.prompt, "prompt_id": group, "p_yes": [float(p) for p in p_yes]})
    about = {
        "judge": {"name": judge.name, "version": judge.version},
        "checklist": checklists.dumps(judge.checklist),
        "errors": dict(found.errors),
    }
    tables.write(path, rows, about)


def read(path: Path) -> Stored:
    """Raises DataError where the file is none of these."""
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
    return Stored(keys, prompts, groups, array, checklist, f"{about['judge']['name']} {about['judge']['version']}")
