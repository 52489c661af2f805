"""How long it takes to train the embedded judge anew on a million judgments whose features are known already.

``python -m benchmarks.retraining`` makes features in the blocks, ranges and likenesses that FeatureExtractor gives
(items of a prompt resemble each other; the network's outputs are not negative; statistics have units of their own),
plants levels in them, trains, and measures on prompts kept apart from everything:

- all judgments, as the platform trains: one held-out round, then heads on all rows;
- the first ``--few`` items alone, once by the careful way for few rows and once by the way for many.

Loss and accuracy are means over sub-dimensions. A judge that knew the planted rule would still miss the noise of
people, which is why the rule itself is shown too.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_info, threadpool_limits

from reward_engine.answers import ABSENT, harmonize
from reward_engine.checklist import Checklist, builtin
from reward_engine.features import FeatureExtractor
from reward_engine.training import probe, train_probe
from reward_engine.training.measure import Baseline, measure

Floats = NDArray[np.float32]
NOISE = 0.7  # of people, in deviations of what they look at


@dataclass(frozen=True)
class Data:
    checklist: Checklist
    values: Floats
    names: tuple[str, ...]
    blocks: dict[str, slice]
    levels: NDArray[np.int8]
    groups: NDArray[np.int64]

    def take(self, rows: NDArray[np.int64] | slice) -> Data:
        return Data(self.checklist, self.values[rows], self.names, self.blocks, self.levels[rows], self.groups[rows])


def synthetic(media_type: Literal["image", "video"], items: int, seed: int) -> Data:
    """Items of 3 to 8 a prompt, with planted levels."""
    rng = np.random.default_rng(seed)
    extractor = FeatureExtractor(media_type)
    blocks, names = dict(extractor.blocks), extractor.names
    groups = np.repeat(np.arange(items), rng.integers(3, 9, items))[:items]
    values = np.empty((items, len(names)), dtype=np.float32)
    factors = {}
    for name, at in blocks.items():
        width = at.stop - at.start
        rank = min(width, {"network": 60, "prompt": 40}.get(name, width // 2 + 1))
        shared = 1.0 if name == "prompt" else 0.6 if name == "network" else 0.3
        scene = rng.standard_normal((groups[-1] + 1, rank), dtype=np.float32)[groups]
        own = rng.standard_normal((items, rank), dtype=np.float32)
        factor = np.sqrt(shared) * scene + np.sqrt(1 - shared) * own
        factors[name] = factor
        mixing = rng.standard_normal((rank, width), dtype=np.float32)
        mixing *= np.linspace(2, 0.3, rank, dtype=np.float32)[:, None]
        block = values[:, at]
        np.matmul(factor, mixing, out=block)
        if name == "prompt":
            block /= np.linalg.norm(block, axis=1, keepdims=True)
        else:
            block += 0.5 * rng.standard_normal(block.shape, dtype=np.float32)
            if name == "network":
                np.maximum(block, 0, out=block)
            else:
                block *= 10.0 ** rng.uniform(-3, 3, width).astype(np.float32)
    checklist = builtin(media_type)
    levels = np.empty((items, len(checklist.ordinal)), dtype=np.int8)
    for column, sub in enumerate(checklist.ordinal):
        score = NOISE * rng.standard_normal(items) + _quality(rng, factors)
        edges = np.quantile(score, np.sort(rng.uniform(0.05, 0.95, len(sub.scores) - 1)))
        levels[:, column] = np.array(sub.scores)[np.digitize(score, edges)]
    return Data(checklist, values, names, blocks, harmonize(checklist, levels), groups)


def _quality(rng: np.random.Generator, factors: dict[str, Floats]) -> NDArray[np.float64]:
    """What people look at: some statistics (one of them best in the middle), a little of the network and the match."""
    total = 0.0
    for name, share in (("statistics", 0.5), ("motion", 0.4), ("network", 0.35), ("match", 0.2)):
        if name in factors:
            factor = factors[name].astype(np.float64)
            picked = rng.choice(factor.shape[1], size=min(6, factor.shape[1]), replace=False)
            part = factor[:, picked] @ rng.normal(size=len(picked))
            if name == "statistics":
                part -= 0.7 * factor[:, picked[0]] ** 2
            total = total + np.sqrt(share) * (part - part.mean()) / part.std()
    return np.asarray(total / np.std(total))


def quality(result: probe.TrainResult, data: Data, baseline: Baseline) -> dict[str, Any]:
    p_yes = result.heads.p_yes(data.checklist, data.values)
    overall: dict[str, Any] = measure(data.checklist, p_yes, data.levels, baseline)["overall"]
    return overall


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--media-type", choices=("image", "video"), default="image")
    parser.add_argument("--judgments", type=int, default=1_000_000, help="of one sub-dimension of one item each")
    parser.add_argument("--few", type=int, default=400, help="items of the small trainings; 0: none")
    parser.add_argument("--threads", type=int, help="of the linear algebra; default: all cores")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.threads:
        threadpool_limits(arguments.threads)

    subs = len(builtin(arguments.media_type).ordinal)
    items = -(-arguments.judgments // subs)
    apart = max(500, items // 10)
    everything = synthetic(arguments.media_type, items + apart, arguments.seed)
    first_apart = int(np.searchsorted(everything.groups, everything.groups[items - 1], side="right"))
    data, test = everything.take(slice(0, first_apart)), everything.take(slice(first_apart, None))
    baseline = Baseline.empty(test.checklist, len(test.levels))
    baseline.learn(test.checklist, data.levels, np.ones(len(data.levels)), np.ones(len(test.levels), dtype=bool))
    judgments = int((data.levels != ABSENT).sum())
    print(
        f"{arguments.media_type}: {len(data.levels):,} items × {subs} sub-dimensions = {judgments:,} "
        f"judgments of {len(np.unique(data.groups)):,} prompts, {len(data.names):,} features "
        f"({data.values.nbytes / 1e6:,.0f} MB); {len(test.levels):,} items kept apart; "
        f"threads {max(pool['num_threads'] for pool in threadpool_info())}"
    )
    rows = [("all", data, None)]
    if arguments.few:
        few = data.take(slice(0, int(np.searchsorted(data.groups, data.groups[arguments.few], side="left"))))
        rows += [("few", few, 10**9), ("few, the way for many", few, 0)]
    for name, part, limit in rows:
        if limit is not None:
            probe.MANY_ROWS = limit
        before = peak(anew=True)
        started, processor = time.perf_counter(), time.process_time()
        result = train_probe(
            part.checklist, (part.values, part.names, part.blocks), part.levels, part.groups, seed=arguments.seed
        )
        seconds, processor = time.perf_counter() - started, time.process_time() - processor
        found = quality(result, test, baseline)
        print(
            f"{name:<22} {len(part.levels):>7,} items {seconds:7.1f} s ({processor:.1f} CPU s)  "
            f"peak {peak() - before:+6.0f} MB  held out: log loss {found['log_loss']:.4f}, accuracy "
            f"{found['accuracy']:.4f}, κ {found['kappa']:.4f}  "
            f"(without looking: {found['baseline_log_loss']:.4f}, {found['baseline_accuracy']:.4f})",
            flush=True,
        )


def peak(anew: bool = False) -> float:
    """MB that this process has held at most so far, or since it was last asked to count ``anew`` (Linux)."""
    if anew:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


if __name__ == "__main__":
    main()
