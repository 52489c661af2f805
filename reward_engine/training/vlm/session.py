"""A training that lives in a folder and runs as a process of its own, or as several.

    python -m reward_engine.training.vlm.session FOLDER
    accelerate launch --num_processes 2 --module reward_engine.training.vlm.session FOLDER

:func:`prepare` writes what is learned from; the process writes ``status.json`` while it runs and ``outcome.json`` at
its end. A file named ``cancel`` asks it to stop behind its present step. Killed and started again, it goes on from its
last checkpoint. It ends by itself when the process that started it (``TRAINING_PARENT``) is gone.

    training.json  checklist.yaml  items.jsonl  levels.safetensors     the task
    status.json  cancel  adapter.training/                             while it runs
    outcome.json  held-out.safetensors  adapter/                       what it leaves
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import resource
import shutil
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from reward_engine import checklist as checklists
from reward_engine.checklist import Checklist
from reward_engine.errors import RewardEngineError, TrainingError
from reward_engine.judges.base import MediaInput
from reward_engine.storage import written

TASK, CHECKLIST, ITEMS, LEVELS = "training.json", "checklist.yaml", "items.jsonl", "levels.safetensors"
STATUS, CANCEL, OUTCOME, HELD_OUT, ADAPTER = "status.json", "cancel", "outcome.json", "held-out.safetensors", "adapter"
PARENT = "TRAINING_PARENT"
RECENT_STEPS = 20


@dataclass(frozen=True)
class Outcome:
    """How a training ended.

    ``state`` finished, canceled or failed; ``message`` in words where it did not finish.

    ``metrics``, ``errors``, ``held_out`` (keys), ``seconds_per_item``: see :class:`VLMTrainResult`; ``memory_bytes``:
    at the peak, of the device where it is a GPU; ``device`` by name.
    """

    state: str
    message: str = ""
    code: str = ""
    metrics: Mapping[str, Any] | None = None
    errors: Mapping[str, str] | None = None
    held_out: tuple[str, ...] = ()
    seconds_per_item: float | None = None
    memory_bytes: int = 0
    device: str = ""
    processes: int = 1


def prepare(
    folder: Path,
    *,
    base: str,
    checklist: Checklist,
    items: Sequence[MediaInput],
    levels: NDArray[np.int8],
    groups: NDArray[np.int64],
    settings: Mapping[str, Any],
    options: Mapping[str, Any],
    snapshot: str = "",
    start: str | None = None,
    revision: str | None = None,
) -> None:
    """Write a training task into ``folder``.

    The same task again changes nothing, and a checkpoint there is gone on from.

    Args:
        settings: Fields of TrainSettings.
        options: See :func:`options_of`.
        start: An adapter's folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        json.dumps(
            {"key": item.key, "media_type": item.media_type, "path": str(item.path), "prompt": item.prompt},
            ensure_ascii=False,
        )
        for item in items
    ]
    _write(folder / CHECKLIST, checklists.dumps(checklist).encode())
    _write(folder / ITEMS, ("\n".join(lines) + "\n").encode())
    _write(folder / LEVELS, save({"levels": np.ascontiguousarray(levels), "groups": np.ascontiguousarray(groups)}))
    task = {
        "base": base, "revision": revision, "settings": dict(settings), "options": dict(options),
        "snapshot": snapshot, "start": start,
    }  # fmt: skip
    _write(folder / TASK, json.dumps(task, indent=2).encode())
    for name in (CANCEL, OUTCOME, STATUS):
        (folder / name).unlink(missing_ok=True)


def options_of(plain: Mapping[str, Any]) -> Any:
    """Make VLMOptions from plain data.

    It has their fields by name, and ``frames`` for an even sample of so many frames.
    """
    from reward_engine.judges.vlm import VLMOptions
    from reward_engine.media import Uniform

    given = dict(plain)
    frames = given.pop("frames", None)
    if frames:
        given["sampler"] = Uniform(int(frames))
    return VLMOptions(**given)


def run(folder: Path) -> Outcome:
    """Train as the folder says, in this process.

    Raises:
        TrainingError: If another process is at it already.
    """
    with _alone(folder):
        return _run(folder)


def read_outcome(folder: Path) -> Outcome | None:
    """Read how the training ended; None where it has not, or was killed."""
    found = _read(folder / OUTCOME)
    if found is None:
        return None
    return Outcome(**{**found, "held_out": tuple(found.get("held_out", ()))})


def read_status(folder: Path) -> dict[str, Any]:
    """Read how far a training is; empty before the start.

    It has ``stage``, ``done``, ``total``, ``item`` (what is being read) and ``items_per_second``.
    """
    return _read(folder / STATUS) or {}


def read_p_yes(folder: Path) -> NDArray[np.float32]:
    """Read what the trained judge said of held-out items.

    Returns float32 [h, q], in the order of ``Outcome.held_out``.
    """
    found: NDArray[np.float32] = load((folder / HELD_OUT).read_bytes())["p_yes"]
    return found


def _run(folder: Path) -> Outcome:
    import torch

    from reward_engine.training.vlm import TrainSettings, train_vlm

    task = json.loads((folder / TASK).read_text())
    arrays = load((folder / LEVELS).read_bytes())
    settings = TrainSettings(**task["settings"])
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    first = os.environ.get("RANK", "0") == "0"
    status = _Status(folder, settings.batch_size * settings.accumulate * processes, enabled=first)
    status.stage("Reading the items")
    if first:  # a kill between the adapter and the outcome: it is made again from the last checkpoint
        shutil.rmtree(folder / ADAPTER, ignore_errors=True)
    try:
        result = train_vlm(
            task["base"],
            checklists.load(folder / CHECKLIST),
            list(_items(folder)),
            arrays["levels"],
            arrays["groups"],
            out=folder / ADAPTER,
            settings=settings,
            options=options_of(task["options"]),
            snapshot=task["snapshot"],
            start=task["start"],
            progress=status.step,
            canceled=(folder / CANCEL).exists,
            reading=status.reading,
        )
    except RewardEngineError as error:
        state = "canceled" if error.code == "canceled" else "failed"
        outcome = Outcome(state, error.message, error.code)
    else:
        cuda = torch.cuda.is_available()
        outcome = Outcome(
            "finished",
            metrics=result.metrics,
            errors=result.errors,
            held_out=result.held_out,
            seconds_per_item=result.seconds_per_item,
            memory_bytes=torch.cuda.max_memory_allocated() if cuda else _peak_memory(),
            device=torch.cuda.get_device_name() if cuda else "CPU",
            processes=processes,
        )
        if first:
            _write(folder / HELD_OUT, save({"p_yes": np.ascontiguousarray(result.p_yes)}))
    if first:
        _write(folder / OUTCOME, json.dumps(vars(outcome)).encode())
    return outcome


def _items(folder: Path) -> Iterator[MediaInput]:
    with (folder / ITEMS).open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            row = json.loads(line)
            yield MediaInput(row["key"], row["media_type"], Path(row["path"]), row["prompt"])


class _Status:
    """Tells how far the training is, at most twice a second."""

    def __init__(self, folder: Path, items_per_step: int, *, enabled: bool) -> None:
        self.path, self.items_per_step, self.enabled = folder / STATUS, items_per_step, enabled
        self.said: dict[str, Any] = {"stage": "", "done": 0, "total": None, "item": "", "items_per_second": None}
        self.times: deque[tuple[int, float]] = deque(maxlen=RECENT_STEPS + 1)
        self.written = 0.0
        self.writing = threading.Lock()

    def stage(self, name: str) -> None:
        self.said |= {"stage": name, "done": 0, "total": None}
        self._flush(now=True)

    def step(self, done: int, total: int) -> None:
        if done >= total:
            self.stage("Measuring on held-out prompts")
            return
        self.times.append((done, time.monotonic()))
        (first, began), (last, now) = self.times[0], self.times[-1]
        speed = (last - first) * self.items_per_step / (now - began) if last > first and now > began else None
        self.said |= {"stage": "Training", "done": done, "total": total, "items_per_second": speed}
        self._flush(now=done <= 1)

    def reading(self, key: str) -> None:
        self.said["item"] = key
        self._flush()

    def _flush(self, now: bool = False) -> None:
        moment = time.monotonic()
        if not self.enabled or not (now or moment - self.written >= 0.5):
            return
        with self.writing:  # items are read by several threads
            self.written = moment
            _write(self.path, json.dumps(self.said).encode(), durable=False)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder. Each rank has a lock of its own, so that all of one launch may work together."""
    with (folder / f".lock-{os.environ.get('RANK', '0')}").open("w") as file:
        deadline = time.monotonic() + 30
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                # A worker that was killed leaves its training to end by itself, within moments.
                if time.monotonic() > deadline:
                    raise TrainingError(
                        f"{folder.name}: another process is training here. Wait for it, or end it.", code="busy"
                    ) from None
                time.sleep(0.2)
        yield


def watch_parent(seconds: float = 1.0) -> None:
    """End this process at once when the one that started it is gone.

    Checkpoints are kept.
    """
    parent = os.environ.get(PARENT, "")
    if not parent.isdecimal():
        return

    def watch() -> None:
        while True:
            try:
                os.kill(int(parent), 0)
            except ProcessLookupError:
                os._exit(1)
            except PermissionError:
                pass
            time.sleep(seconds)

    threading.Thread(target=watch, daemon=True).start()


def _peak_memory() -> int:
    unit = 1 if sys.platform == "darwin" else 1024  # macOS tells bytes, Linux kilobytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _write(path: Path, content: bytes, *, durable: bool = True) -> None:
    with written(path, durable=durable) as file:
        file.write(content)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def main() -> int:
    """Train the task of a folder."""
    watch_parent()
    outcome = run(Path(sys.argv[1]))
    if outcome.message:
        print(outcome.message, file=sys.stderr)
    return 0 if outcome.state in ("finished", "canceled") else 1


if __name__ == "__main__":
    sys.exit(main())
