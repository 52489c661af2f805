"""Where a run stands: adapter and optimizer in safetensors, the step in JSON, checksums over both."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from reward_engine.errors import ArtifactError
from reward_engine.mpo import tensors as files
from reward_engine.mpo.training.folder import RunFolder

log = logging.getLogger(__name__)

KEPT = 2  # the last one and, should its disk block go bad, the one before


@dataclass(frozen=True)
class State:
    """``adapter``: parameter name → value. ``optimizer``: parameter name → name of the moment → value."""

    step: int
    adapter: dict[str, Tensor]
    optimizer: dict[str, dict[str, Tensor]]


def save(run: RunFolder, step: int, parameters: Sequence[tuple[str, Tensor]], optimizer: torch.optim.Optimizer) -> None:
    """Write the state after ``step`` steps, whole or not at all.

    All but the last states are dropped.
    """
    moments = {
        f"{name}/{key}": value for name, parameter in parameters for key, value in optimizer.state[parameter].items()
    }
    files.write_folder(
        run.states / f"step-{step:08d}",
        {"adapter": dict(parameters), "optimizer": moments},
        {"step": step, "run": run.fingerprint},
    )
    for old in _folders(run)[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


def latest(run: RunFolder) -> State | None:
    """Read the last state that is whole; None where there is none yet.

    Raises:
        ArtifactError: There are states, and none of them can be used.
    """
    failed: ArtifactError | None = None
    for folder in _folders(run):
        try:
            record, tensors = files.read_folder(folder)
            if record.get("run") != run.fingerprint:
                raise ArtifactError(f"{folder} belongs to a run with other settings or pairs.", code="other_run")
            optimizer: dict[str, dict[str, Tensor]] = {}
            for key, value in tensors["optimizer"].items():
                name, moment = key.rsplit("/", 1)
                optimizer.setdefault(name, {})[moment] = value
            return State(int(record["step"]), tensors["adapter"], optimizer)
        except ArtifactError as error:
            failed = failed or error
            log.warning("a state is passed over: %s", error.message)
    if failed is not None:
        raise ArtifactError(
            f"No state of this run can be used: {failed.message} Delete {run.states} to begin anew.", code=failed.code
        ) from failed
    return None


def restore(
    state: State, parameters: Sequence[tuple[str, torch.nn.Parameter]], optimizer: torch.optim.Optimizer
) -> None:
    """Put a state back into the adapter and the optimizer.

    Raises:
        ArtifactError: If it does not fit.
    """
    names = [name for name, _ in parameters]
    if set(names) != set(state.adapter):
        raise ArtifactError("The state is of an adapter on other layers.", code="other_run")
    with torch.no_grad():
        for name, parameter in parameters:
            parameter.copy_(state.adapter[name])
    content: dict[str, Any] = optimizer.state_dict()
    content["state"] = {index: state.optimizer[name] for index, name in enumerate(names) if name in state.optimizer}
    optimizer.load_state_dict(content)


def _folders(run: RunFolder) -> list[Path]:
    """Newest first."""
    return sorted((path for path in run.states.glob("step-*") if path.is_dir()), reverse=True)
