"""One training as it runs: curves, speed, what is being read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from annotator.core.curves import Curve, thinned
from annotator.jobs.models import Job
from annotator.library.models import Item
from annotator.rewards.judges.vlm.work import can_resume, folder_of

LOG = "adapter.training/log.jsonl"


@dataclass(frozen=True)
class Training:
    """How a training is going.

    ``loss`` has the held-out loss beside it. ``accuracy`` is that of held-out answers. ``item`` is what is being read.
    """

    job: Job
    step: int
    steps: int | None
    loss: Curve
    accuracy: Curve
    items_per_second: float | None
    seconds_left: float | None
    item: Item | None
    can_resume: bool

    @property
    def time_left(self) -> timedelta | None:
        return None if self.seconds_left is None else timedelta(seconds=self.seconds_left)


def training_of(job: Job) -> Training:
    """Read how a training is going from its folder.

    A training that keeps no folder has only its job.
    """
    folder = folder_of(job)
    lines = read_log(folder / LOG)
    status = _status(folder)
    loss = [(float(line["step"]), float(line["train/loss"])) for line in lines if "train/loss" in line]
    held = [(float(line["step"]), float(line["validation/loss"])) for line in lines if "validation/loss" in line]
    right = [
        (float(line["step"]), float(line["validation/accuracy"])) for line in lines if "validation/accuracy" in line
    ]
    steps = status.get("total") or (int(loss[-1][0]) if loss else None)
    live = not job.is_finished
    speed = status.get("items_per_second") if live else None
    step = int(loss[-1][0]) if loss else 0
    left = None
    if live and status.get("stage") == "Training" and job.rate_per_second and steps:
        left = max(0, steps - step) / job.rate_per_second
    return Training(
        job=job,
        step=step,
        steps=steps,
        loss=Curve("loss", thinned(loss), tuple(held)),
        accuracy=Curve("accuracy", (), tuple(right)),
        items_per_second=speed,
        seconds_left=left,
        item=_item(status.get("item")) if live else None,
        can_resume=can_resume(job),
    )


def read_log(path: Path) -> list[dict[str, Any]]:
    """Read the lines of a training's log.

    A line that a kill cut off is left out.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return []
    found = []
    for line in text.split("\n"):
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and "step" in row:
            found.append(row)
    return found


def _status(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / "status.json").read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _item(key: Any) -> Item | None:
    if not (isinstance(key, str) and key.isdecimal()):
        return None
    return Item.objects.select_related("prompt").filter(pk=int(key)).first()
