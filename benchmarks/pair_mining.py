"""How long do all dominating pairs of a million items take, beside the obvious ways?

    python benchmarks/pair_mining.py [--items 1000000] [--group 16] [--dimensions 9]

Prints seconds, ordered pairs a second and peak memory for: three kinds of scores; the double loop in Python;
Pareto fronts by peeling in NumPy; and, where pymoo is installed (it is not needed otherwise), its dominance
matrix and its fronts, group by group. Slow ways run on a sample of the groups, and their answers are checked
against ours on it.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from reward_engine.mpo import dominance

Values = NDArray[np.float64]
PairSet = set[tuple[int, int]]


def double_loop(values: Values) -> Iterator[tuple[int, int]]:
    rows = values.tolist()
    for i, a in enumerate(rows):
        for j, b in enumerate(rows):
            if all(x >= y for x, y in zip(a, b, strict=True)) and any(x > y for x, y in zip(a, b, strict=True)):
                yield i, j


def peel(values: Values) -> Iterator[NDArray[np.int64]]:
    """Fronts, best first: what nothing left dominates."""
    left = np.arange(len(values))
    while len(left):
        rest = values[left]
        no_worse = (rest[:, None] >= rest[None]).all(axis=2)
        dominated = (no_worse & ~no_worse.T).any(axis=0)
        yield left[~dominated]
        left = left[dominated]


def by_fronts(fronts: list[NDArray[np.int64]], values: Values) -> Iterator[tuple[int, int]]:
    """Who dominates stands in an earlier front: only those are compared."""
    for k, front in enumerate(fronts[:-1]):
        later = np.concatenate(fronts[k + 1 :])
        winner, loser = np.nonzero((values[front][:, None] >= values[later][None]).all(axis=2))
        yield from zip(front[winner].tolist(), later[loser].tolist(), strict=True)


def peeled(values: Values) -> Iterator[tuple[int, int]]:
    return by_fronts(list(peel(values)), values)


def ways() -> dict[str, tuple[Callable[[Values], Iterator[tuple[int, int]]], int]]:
    """Name → (pairs of one group, how many groups to try it on)."""
    found = {"double loop": (double_loop, 1000), "NumPy fronts": (peeled, 1000)}
    try:
        from pymoo.util.dominator import Dominator
        from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting
    except ImportError:
        print("pymoo is not installed: its two rows are left out")
        return found

    def matrix(values: Values) -> Iterator[tuple[int, int]]:
        winner, loser = np.nonzero(Dominator.calc_domination_matrix(-values) == 1)
        return zip(winner.tolist(), loser.tolist(), strict=True)

    def fronts(values: Values) -> Iterator[tuple[int, int]]:
        return by_fronts([np.asarray(front) for front in NonDominatedSorting().do(-values)], values)

    return found | {"pymoo matrix": (matrix, 1000), "pymoo fronts": (fronts, 1000)}


def scores(kind: str, items: int, dimensions: int, rng: np.random.Generator) -> Values:
    common, own = rng.normal(size=(items, 1)), rng.normal(size=(items, dimensions))
    return {
        "independent": lambda: own,
        "correlated": lambda: 0.8 * common + 0.6 * own,  # about what dimensions of one reward do
        "one order": lambda: np.repeat(common, dimensions, axis=1),  # the most pairs there can be
    }[kind]()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--group", type=int, default=16)
    parser.add_argument("--dimensions", type=int, default=9)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    groups = np.arange(options.items) // options.group
    ordered = options.items * (options.group - 1)
    print(f"{options.items:,} items in groups of {options.group}: {ordered:,} ordered pairs × {options.dimensions}")
    print(f"{'':28}{'pairs':>12}{'seconds':>10}{'ordered pairs/s':>18}{'peak GB':>9}")

    def row(name: str, pairs: int, seconds: float, compared: int) -> None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"{name:28}{pairs:12,}{seconds:10.2f}{compared / seconds:18,.0f}{peak:9.2f}", flush=True)

    for kind in ("independent", "correlated", "one order"):
        values = scores(kind, options.items, options.dimensions, rng)
        for limit in (8, None):
            start = time.perf_counter()
            found = dominance.pairs(values, groups, max_pairs_per_group=limit)
            name = f"{kind}, {'all' if limit is None else f'{limit} a group'}"
            row(name, len(found), time.perf_counter() - start, ordered)
            del found

    values = scores("correlated", options.items, options.dimensions, rng)
    for name, (way, count) in ways().items():
        start, slow = time.perf_counter(), set[tuple[int, int]]()
        for first in range(0, count * options.group, options.group):
            slow.update((first + i, first + j) for i, j in way(values[first : first + options.group]))
        row(f"{name} (sample)", len(slow), time.perf_counter() - start, count * options.group * (options.group - 1))
        head = count * options.group
        ours = dominance.pairs(values[:head], groups[:head])
        if slow != set(zip(ours.winner.tolist(), ours.loser.tolist(), strict=True)):
            raise SystemExit(f"{name} finds other pairs than reward_engine.mpo.dominance")


if __name__ == "__main__":
    main()
