"""Where training stands, on disk: enough to go on after a kill as if nothing had happened.

One folder a checkpoint, renamed into place when it is complete: ``learned.safetensors`` (the weights, and what the
optimizer knows of each) and ``state.json``. Random numbers need no state: each step seeds its own.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from reward_engine.errors import ArtifactError

WEIGHTS, STATE = "learned.safetensors", "state.json"


@dataclass
class State:
    """Where a training stands.

    ``step``: done so far; ``best``: the lowest validation loss; ``waited``: evaluations since it was reached.

    ``run``: digest of settings, data and model; a checkpoint of another run is not continued.
    """

    run: str
    step: int = 0
    best: float | None = None
    waited: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)


def save(folder: Path, learned: list[tuple[str, nn.Parameter]], optimizer: torch.optim.Optimizer, state: State) -> None:
    """Write a checkpoint for ``state.step`` and remove older ones."""
    tensors: dict[str, Tensor] = {}
    for name, weight in learned:
        tensors[f"weight/{name}"] = weight.detach().cpu().contiguous()
        for key, value in optimizer.state.get(weight, {}).items():
            tensors[f"{key}/{name}"] = torch.as_tensor(value).detach().cpu().contiguous().clone()
    tensors |= {f"best/{name}": value.contiguous() for name, value in state.best_weights.items()}
    place = folder / f"step-{state.step:07d}"
    beside = folder / f".{place.name}"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    save_file(tensors, beside / WEIGHTS)
    plain = {"run": state.run, "step": state.step, "best": state.best, "waited": state.waited}
    (beside / STATE).write_text(json.dumps(plain))
    shutil.rmtree(place, ignore_errors=True)
    beside.replace(place)
    for other in found(folder):
        if other != place:
            shutil.rmtree(other, ignore_errors=True)


def found(folder: Path) -> list[Path]:
    """List complete checkpoints, latest last."""
    return sorted(path for path in folder.glob("step-*") if (path / STATE).is_file() and (path / WEIGHTS).is_file())


def restore(
    folder: Path, run: str, learned: list[tuple[str, nn.Parameter]], optimizer: torch.optim.Optimizer
) -> State | None:
    """Put the latest checkpoint into weights and optimizer; None without one.

    Raises:
        ArtifactError: If it belongs to another run or cannot be read.
    """
    there = found(folder)
    if not there:
        return None
    try:
        plain: Mapping[str, Any] = json.loads((there[-1] / STATE).read_text())
        if plain["run"] != run:
            raise ArtifactError(
                f"{folder.name}: its checkpoint belongs to a training with other settings, data or model. "
                "Choose another folder, or remove this one to begin anew.",
                code="other_run",
            )
        tensors = load_file(there[-1] / WEIGHTS)
        with torch.no_grad():
            for name, weight in learned:
                weight.copy_(tensors[f"weight/{name}"])
                kept = {key.partition("/")[0]: value for key, value in tensors.items() if key.partition("/")[2] == name}
                optimizer.state[weight] = {
                    key: value if key == "step" else value.to(weight.device)
                    for key, value in kept.items()
                    if key not in ("weight", "best")
                }
        best = {key.partition("/")[2]: value for key, value in tensors.items() if key.startswith("best/")}
        return State(run, int(plain["step"]), plain["best"], int(plain["waited"]), best)
    except (KeyError, ValueError, SafetensorError, OSError) as error:
        raise ArtifactError(
            f"{there[-1].name}: the checkpoint cannot be read ({error!r}).", code="checkpoint"
        ) from error
