"""The GPU benchmark runs where there is no GPU, on tiny shapes, and says what failed in words."""

import json
import subprocess
import sys
from pathlib import Path

import torch

from benchmarks import gpu

ROOT = Path(__file__).parents[2]


def test_it_measures_what_is_asked_for_and_writes_figures_and_a_table(tmp_path):
    done = subprocess.run(
        [sys.executable, "benchmarks/on_gpu", "--small", "--device", "cpu", "--budget", "0.1",
         "--only", "3b", "sd15", "--json", tmp_path / "figures.json"],
        cwd=ROOT, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "figures.json").read_text())
    assert set(found["parts"]) == {"3b", "sd15"}
    assert not [part for part in found["parts"].values() if "failed" in part]
    row = found["parts"]["3b"]
    assert row["packed_over_loop"] > 1
    assert row["largest_difference"] < 1e-4
    assert row["training"]["steps_per_second"] > 0
    assert "| 3b (0.00 B) |" in done.stdout
    assert "| sd15 (" in done.stdout


def test_a_part_that_fails_is_reported_and_the_others_stand():
    def full():
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")

    device = torch.device("cpu")
    failed = gpu.guarded(full, device)
    assert failed == {"failed": "out of memory: CUDA out of memory. Tried to allocate 20 GiB"}
    figures = {"device": "x", "dtype": "y", "torch": "z", "matrix_flops": 1e12, "small": False,
               "parts": {"7b": failed, "sd15": gpu.guarded(lambda: 1 / 0, device)}}  # fmt: skip
    table = gpu.table(figures)
    assert "| 7b | out of memory: CUDA" in table
    assert "| sd15 | ZeroDivisionError: division by zero |" in table
