"""Let the processes of one program add up their metrics: each writes into a folder that all of them know."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
MEMORY = "/dev/shm"
"""A slow disk must not slow requests down."""


def share_metrics() -> None:
    """Make the folder and name it to prometheus_client.

    Call it before anything imports that library, which decides then where values live, and before a process forks.
    """
    if VARIABLE in os.environ:
        return
    usable = os.path.isdir(MEMORY) and os.access(MEMORY, os.W_OK)
    folder = tempfile.mkdtemp(prefix="visionreward-metrics-", dir=MEMORY if usable else None)
    os.environ[VARIABLE] = folder
    atexit.register(_remove, folder, os.getpid())


def _remove(folder: str, owner: int) -> None:
    if os.getpid() == owner:  # a forked process ends earlier than the others
        shutil.rmtree(folder, ignore_errors=True)
