"""The curves of a run, read from its folder while it is being trained, thinned to what a page can show."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from annotator.core.curves import Curve, thinned
from reward_engine.tables import json_lines

RECENT = 20  # steps whose speed tells the time left


@dataclass(frozen=True)
class Curves:
    """Of a run as far as it has come."""

    step: int
    loss: Curve
    accuracy: Curve
    margin: Curve
    seconds_a_step: float | None
    memory_bytes: int

    def time_left(self, steps: int) -> timedelta | None:
        if self.seconds_a_step is None or self.step >= steps:
            return None
        return timedelta(seconds=(steps - self.step) * self.seconds_a_step)

    @property
    def steps_a_second(self) -> float | None:
        return 1 / self.seconds_a_step if self.seconds_a_step else None


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read the lines of ``metrics.jsonl`` by step: one per step, whatever a kill cut off or two workers wrote."""
    try:
        text = path.read_text()
    except OSError:
        return []
    found: dict[int, dict[str, Any]] = {}
    for line in json_lines(text):
        try:
            row = json.loads(line)
            found[int(row["step"])] = row
        except (ValueError, KeyError, TypeError):
            continue
    return [found[step] for step in sorted(found)]


def curves_of(folder: Path) -> Curves:
    lines = read_lines(folder / "metrics.jsonl")
    recent = [float(line["seconds"]) for line in lines[-RECENT:]]
    return Curves(
        step=int(lines[-1]["step"]) if lines else 0,
        loss=_curve(lines, "loss"),
        accuracy=_curve(lines, "accuracy"),
        margin=_curve(lines, "margin"),
        seconds_a_step=statistics.median(recent) if recent else None,
        memory_bytes=int(lines[-1].get("memory_bytes", 0)) if lines else 0,
    )


def _curve(lines: Sequence[dict[str, Any]], name: str) -> Curve:
    held_out = f"held_out_{name}"
    return Curve(
        name,
        thinned([(float(line["step"]), float(line[name])) for line in lines]),
        tuple((float(line["step"]), float(line[held_out])) for line in lines if line.get(held_out) is not None),
    )
