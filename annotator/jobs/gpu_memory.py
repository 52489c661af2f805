"""How full and how busy the GPUs of a worker are, without loading PyTorch."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from annotator.jobs.gpus import LIST_SECONDS, VISIBLE

QUERY = ("nvidia-smi", "--query-gpu=index,uuid,name,memory.used,memory.total,utilization.gpu",
         "--format=csv,noheader,nounits")  # fmt: skip
MIB = 1 << 20


@dataclass(frozen=True)
class Gpu:
    """``busy``: of the last moments, 0..1; None where the driver does not say (a divided GPU)."""

    index: int
    name: str
    used_bytes: int
    total_bytes: int
    busy: float | None


def read_gpus(environ: Mapping[str, str]) -> list[Gpu] | None:
    """Ask the driver about the GPUs that this environment may use; None where there is no driver."""
    try:
        said = subprocess.run(QUERY, capture_output=True, text=True, timeout=LIST_SECONDS, check=True)
    except FileNotFoundError:
        return None
    except (OSError, subprocess.SubprocessError):  # it does not answer now
        return []
    return parse(said.stdout, environ.get(VISIBLE))


def parse(text: str, visible: str | None = None) -> list[Gpu]:
    """Read the driver's answer; with ``visible``, keep the GPUs that it names by index or id.

    A part of a divided GPU has another id than its GPU: where nothing fits, all are kept.
    """
    found: list[tuple[set[str], Gpu]] = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) != 6 or not (cells[0].isdigit() and cells[3].isdigit() and cells[4].isdigit()):
            continue
        index, uuid, name, used, total, busy = cells
        gpu = Gpu(int(index), name, int(used) * MIB, int(total) * MIB, int(busy) / 100 if busy.isdigit() else None)
        found.append(({index, uuid}, gpu))
    wanted = None if visible is None else {name.strip() for name in visible.split(",")}
    if wanted == {""} or wanted == {"-1"}:
        return []
    chosen = [gpu for names, gpu in found if wanted is None or names & wanted]
    return chosen or [gpu for _names, gpu in found]
