"""How quick the device of the GPU workers is: measured by a worker, shared with the pages through the cache."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from django.core.cache import cache

WORKER, HERE = "mpo:worker-device", "mpo:here"
KEPT_SECONDS = 90 * 24 * 3600


@dataclass(frozen=True)
class Device:
    """``flops``: of a large matrix product, a second. ``memory_bytes``: 0 where memory is not the device's own."""

    name: str
    flops: float
    memory_bytes: int


@dataclass(frozen=True)
class DeviceTime:
    """How long some work takes on a device, and whether it fits into the memory there."""

    device: str
    seconds: float
    fits: bool
    measured: bool


# Speeds of large matrix products in bf16, for orientation where no worker has measured its own device.
REFERENCE_DEVICES = (
    Device("NVIDIA RTX 4090", 150e12, 24 << 30),
    Device("NVIDIA A100", 250e12, 80 << 30),
    Device("NVIDIA H100", 600e12, 80 << 30),
)


def measure_worker() -> Device:
    """Measure this process's device, about half a second, and tell the pages. For workers."""
    import torch

    from reward_engine.mpo.estimate import measured_flops

    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        found = Device(properties.name, measured_flops(torch.device("cuda")), int(properties.total_memory))
    else:
        found = _processors()
    cache.set(WORKER, asdict(found), KEPT_SECONDS)
    return found


def known_device() -> tuple[Device, bool]:
    """The worker's device and True; until one has run, this server's processors and False.

    A web server never touches a GPU for this: that would take hundreds of megabytes of it for good.
    """
    cached: dict[str, Any] | None = cache.get(WORKER)
    if cached is not None:
        return Device(**cached), True
    here: dict[str, Any] | None = cache.get(HERE)
    if here is None:
        here = asdict(_processors())
        cache.set(HERE, here, 24 * 3600)
    return Device(**here), False


def _processors() -> Device:
    """This machine's processors, by a large matrix product. With NumPy, since web servers must not load torch."""
    side = 1024
    matrix = np.random.default_rng(0).standard_normal((side, side), dtype=np.float32)
    _ = matrix @ matrix  # the first one wakes the threads
    began, products = time.perf_counter(), 0
    while time.perf_counter() - began < 0.2:
        _ = matrix @ matrix
        products += 1
    return Device("CPU", 2.0 * side**3 * products / (time.perf_counter() - began), 0)
