"""How long does the first look at videos take in processes, beside threads, and the second look?

    python -m benchmarks.video_features FOLDER [--clips 24] [--repeat 3] [--processes N]

Measures the same clips in turn in threads and in processes, without a cache and from nothing (the processes' start
counts), then twice with a cache; checks that all give the same numbers. Run it where nothing else runs: both ways want
every core.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from reward_engine.features import FeatureExtractor, Features
from reward_engine.features.processes import IDLE_SECONDS, usable_processes
from reward_engine.judges.base import MediaInput


def main() -> None:
    """Print seconds a clip for each way, and how many times faster processes are."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.video_features", description=__doc__)
    parser.add_argument("folder", type=Path, help="where clips (.mp4) lie")
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--processes", type=int, help="default: as many as there are cores, up to eight")
    parser.add_argument("--warm", action="store_true", help="let the processes of one round go on in the next")
    given = parser.parse_args()
    items = [MediaInput(path.name, "video", path, path.stem) for path in sorted(given.folder.glob("*.mp4"))]
    items = items[: given.clips]
    if not items:
        raise SystemExit(f"{given.folder}: there is no .mp4.")
    FeatureExtractor("video", processes=1).extract(items[:1])  # the networks, and the imports of both ways
    ways = {"threads": 1, "processes": given.processes or usable_processes()}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    found: dict[str, Features] = {}
    for turn in range(given.repeat):
        for name, processes in list(ways.items())[:: 1 if turn % 2 == 0 else -1]:
            if name == "processes" and not given.warm and turn:
                time.sleep(IDLE_SECONDS + 5)  # until those of the last round have ended
            start = time.perf_counter()
            found[name] = FeatureExtractor("video", processes=processes).extract(items)
            seconds[name].append((time.perf_counter() - start) / len(items))
    same = np.array_equal(found["threads"].values, found["processes"].values)
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    print(f"{len(items)} clips, {given.repeat} times each; the same numbers: {'yes' if same else 'NO'}")
    for name, taken in seconds.items():
        print(f"{name} ({ways[name]}): {medians[name]:.3f} s a clip ({min(taken):.3f} to {max(taken):.3f})")
    print(f"processes over threads: {medians['threads'] / medians['processes']:.2f}×")
    with tempfile.TemporaryDirectory() as cache:
        for look in ("first", "second"):
            start = time.perf_counter()
            FeatureExtractor("video", cache_dir=cache).extract(items)
            print(f"{look} look with a cache: {(time.perf_counter() - start) / len(items):.4f} s a clip")


if __name__ == "__main__":
    main()
