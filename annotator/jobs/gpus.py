"""Which GPUs the processes of a worker use: each one a share of its own.

A worker of the queue ``gpu`` has one process per GPU of its machine, so that a scoring, which is cut into chunks, runs
on all of them at once. A process sees only its share, before it loads PyTorch; a training, which runs in processes of
its own, inherits that share. With ``GPU_WORKERS=1`` there is one process, which sees every GPU.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping

VISIBLE = "CUDA_VISIBLE_DEVICES"
LIST = ("nvidia-smi", "--list-gpus")
LIST_SECONDS = 20
_DEVICE = re.compile(r"^(?P<indent>\s*)(?:GPU|MIG) .*\(UUID: (?P<id>[^)\s]+)\)", re.MULTILINE)


def visible_gpus(environ: Mapping[str, str]) -> list[str]:
    """List the GPUs that a process with this environment may use, without loading PyTorch.

    Returns:
        The devices as ``CUDA_VISIBLE_DEVICES`` names them: what that variable holds where it is set, otherwise what
        ``nvidia-smi`` lists. Of a GPU that is divided (MIG), its parts. Empty where there is none.
    """
    if (chosen := environ.get(VISIBLE)) is not None:
        return [name.strip() for name in chosen.split(",") if name.strip() not in ("", "-1", "NoDevFiles")]
    try:
        listed = subprocess.run(
            LIST, env=dict(environ), capture_output=True, text=True, timeout=LIST_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):  # no driver, or one that does not answer
        return []
    found: list[str] = []
    whole = False  # the last of the list is a GPU whose parts, if any, follow
    for line in _DEVICE.finditer(listed.stdout):
        part = bool(line["indent"])
        if part and whole:
            found.pop()
        found.append(line["id"])
        whole = not part
    return found


def gpu_processes(gpus: list[str], wanted: int) -> int:
    """How many processes a worker has: those ``wanted``, with 0 one per GPU, and one where there is none."""
    return wanted or max(1, len(gpus))


def gpu_share(gpus: list[str], processes: int, index: int) -> list[str]:
    """List the GPUs of one process of several: every GPU has one process, or several where there are more of these.

    Args:
        gpus: What ``visible_gpus`` lists.
        processes: How many processes the worker has.
        index: Which of them, from 0.
    """
    if not gpus:
        return []
    return gpus[index::processes] or [gpus[index % len(gpus)]]
