"""The curves of a run: one line of JSON a step, also told to whoever watches."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from reward_engine import storage
from reward_engine.errors import ArtifactError
from reward_engine.tables import json_lines

SUMMARY_STEPS = 50


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """What one optimizer step saw.

    Attributes:
        step: how many steps were taken, this one included.
        loss, accuracy, margin, winner_error, loser_error: means over the step's pairs, as in ``DpoLoss``.
        gradient_norm: before clipping.
        learning_rate: of this step.
        seconds: that the step took.
        memory_bytes: most memory the device held so far; 0 on a CPU.
        held_out_accuracy, held_out_margin: of pairs not trained on, at the steps they are measured.
    """

    step: int
    loss: float
    accuracy: float
    margin: float
    winner_error: float
    loser_error: float
    gradient_norm: float
    learning_rate: float
    seconds: float
    memory_bytes: int
    held_out_accuracy: float | None = None
    held_out_margin: float | None = None


class Curves:
    """The lines of ``metrics.jsonl``.

    They are cut back to the step a run goes on from, so that no step stands there twice.
    """

    def __init__(self, path: Path, step: int, listener: Callable[[Metrics], None] | None) -> None:
        self.path, self.listener = path, listener
        self.lines = [line for line in read_curves(path) if line["step"] <= step]
        text = "".join(json.dumps(line) + "\n" for line in self.lines)
        storage.write_bytes(path, text.encode())

    def add(self, metrics: Metrics) -> None:
        line = {name: value for name, value in asdict(metrics).items() if value is not None}
        self.lines.append(line)
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        if self.listener is not None:
            self.listener(metrics)

    def summary(self) -> dict[str, Any]:
        """Summarize a run for its manifest and card.

        Gives means over the last steps, and the last measure of held-out pairs.
        """
        last = self.lines[-SUMMARY_STEPS:]
        found: dict[str, Any] = {"steps": self.lines[-1]["step"] if self.lines else 0}
        for name in ("loss", "accuracy", "margin"):
            if last:
                found[name] = round(_mean([line[name] for line in last]), 5)
        for name in ("held_out_accuracy", "held_out_margin"):
            if measured := [line[name] for line in self.lines if name in line]:
                found[name] = round(measured[-1], 5)
        return found


def read_curves(path: Path) -> list[dict[str, Any]]:
    """Read the lines of a run's curves.

    A line that a kill cut off is left out.

    Raises:
        ArtifactError: For others.
    """
    if not path.exists():
        return []
    text = path.read_text()
    whole = text[: text.rfind("\n") + 1]
    try:
        return [json.loads(line) for line in json_lines(whole)]
    except ValueError as error:
        raise ArtifactError(f"{path} is damaged ({error}).", code="read") from error


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
