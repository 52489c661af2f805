"""What a training says while it runs."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

from reward_engine.tables import json_lines


class Log:
    """The log of a training, as log.jsonl and for TensorBoard.

    Both hold the same numbers; what a killed run wrote after its checkpoint is dropped.
    """

    def __init__(self, folder: Path, step: int, *, enabled: bool) -> None:
        self.losses: list[tuple[int, float]] = []
        self.path = folder / "log.jsonl"
        self.enabled = enabled
        if not enabled:
            return
        folder.mkdir(parents=True, exist_ok=True)
        kept = [line for line in self._lines() if line["step"] <= step]
        self.path.write_text("".join(json.dumps(line) + "\n" for line in kept))
        self.losses = [(line["step"], line["train/loss"]) for line in kept if "train/loss" in line]
        self.file = self.path.open("a")
        tensorboard: Any = importlib.import_module("torch.utils.tensorboard")
        self.board = tensorboard.SummaryWriter(str(folder), purge_step=step + 1)

    def _lines(self) -> list[dict[str, Any]]:
        found = []
        for line in json_lines(self.path.read_text()) if self.path.exists() else ():
            try:
                found.append(json.loads(line))
            except ValueError:
                break  # the kill hit the middle of a line
        return found

    def write(self, step: int, name: str, value: float) -> None:
        if name == "train/loss":
            self.losses.append((step, value))
        if self.enabled:
            self.file.write(json.dumps({"step": step, name: value}) + "\n")
            self.file.flush()
            self.board.add_scalar(name, value, step)

    def close(self) -> None:
        if self.enabled:
            self.file.close()
            self.board.close()
