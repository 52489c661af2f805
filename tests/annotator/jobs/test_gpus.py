"""A worker has a process per GPU, and each process sees its own only."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotator.jobs.gpus import gpu_processes, gpu_share, visible_gpus

ROOT = Path(__file__).resolve().parents[3]
TWO = """GPU 0: NVIDIA H200 (UUID: GPU-aaaa)
GPU 1: NVIDIA H200 (UUID: GPU-bbbb)
"""
DIVIDED = """GPU 0: NVIDIA H200 (UUID: GPU-aaaa)
  MIG 3g.71gb     Device  0: (UUID: MIG-1111)
  MIG 3g.71gb     Device  1: (UUID: MIG-2222)
GPU 1: NVIDIA H200 (UUID: GPU-bbbb)
"""
# A task of a worker that tells which GPUs its process sees, and waits until the other process has one as well.
TASKS = """
import os, time
from pathlib import Path
from annotator.celery import app

@app.task(name="gpus.tell", queue="gpu")
def tell(folder):
    Path(folder, str(os.getpid())).write_text(os.environ.get("CUDA_VISIBLE_DEVICES", "all"))
    deadline = time.monotonic() + 30
    while len(list(Path(folder).iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
"""


@pytest.fixture
def driver(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """``driver(listed)``: an environment in which ``nvidia-smi`` lists these GPUs."""

    def make(listed: str, code: int = 0) -> dict[str, str]:
        folder = tmp_path / "driver"
        folder.mkdir(exist_ok=True)
        (folder / "listed").write_text(listed)
        program = folder / "nvidia-smi"
        program.write_text(f'#!/bin/sh\ncat "{folder}/listed"\nexit {code}\n')
        program.chmod(0o755)
        environ = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
        environ.pop("CUDA_VISIBLE_DEVICES", None)
        return environ

    return make


def test_gpus_are_what_the_driver_lists(driver: Callable[..., dict[str, str]]) -> None:
    assert visible_gpus(driver(TWO)) == ["GPU-aaaa", "GPU-bbbb"]
    assert visible_gpus(driver(DIVIDED)) == ["MIG-1111", "MIG-2222", "GPU-bbbb"]
    assert visible_gpus(driver("No devices were found\n")) == []
    assert visible_gpus(driver(TWO, code=9)) == []  # the driver does not answer
    assert visible_gpus({"PATH": "/nowhere"}) == []


def test_the_environment_chooses_before_the_driver(driver: Callable[..., dict[str, str]]) -> None:
    assert visible_gpus({**driver(TWO), "CUDA_VISIBLE_DEVICES": "1, GPU-cccc"}) == ["1", "GPU-cccc"]
    assert visible_gpus({**driver(TWO), "CUDA_VISIBLE_DEVICES": ""}) == []
    assert visible_gpus({**driver(TWO), "CUDA_VISIBLE_DEVICES": "-1"}) == []


@given(st.integers(0, 16), st.integers(0, 40))
def test_every_process_has_a_gpu_and_every_gpu_a_process(count: int, wanted: int) -> None:
    gpus = [f"GPU-{number}" for number in range(count)]
    processes = gpu_processes(gpus, wanted)
    shares = [gpu_share(gpus, processes, index) for index in range(processes)]
    assert processes >= 1
    assert {gpu for share in shares for gpu in share} == set(gpus)
    assert all(share for share in shares) or not gpus
    if processes <= count:
        assert sum(map(len, shares)) == count  # no GPU is in two shares


@pytest.mark.django_db(transaction=True)
def test_worker_has_a_process_per_gpu(
    driver: Callable[..., dict[str, str]], process_env: dict[str, str], tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    import redis
    from celery import Celery

    redis.Redis.from_url(process_env["CELERY_BROKER_URL"]).flushdb()
    (tmp_path / "gpu_tasks.py").write_text(TASKS)
    seen = tmp_path / "seen"
    seen.mkdir()
    listed = driver(TWO)
    env = {**process_env, "PATH": listed["PATH"], "PYTHONPATH": f"{tmp_path}:{ROOT}", "GPU_WORKERS": "0"}
    env.pop("CUDA_VISIBLE_DEVICES", None)
    log = (tmp_path / "worker.log").open("wb")
    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "annotator", "worker", "-Q", "gpu", "-I", "gpu_tasks", "-n", "gpu@%h"],
        env=env, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        with Celery(broker=process_env["CELERY_BROKER_URL"]) as caller:
            for _ in range(2):
                caller.send_task("gpus.tell", args=[str(seen)], queue="gpu")
        wait_until(lambda: len(list(seen.iterdir())) == 2, "the worker did not do two tasks at once: worker.log")
    finally:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        log.close()
    assert sorted(file.read_text() for file in seen.iterdir()) == ["GPU-aaaa", "GPU-bbbb"]
