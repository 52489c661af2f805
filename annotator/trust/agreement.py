"""How far the answers to one item agree."""

from collections import Counter, defaultdict
from collections.abc import Iterable


def agreement_share(rows: Iterable[tuple[str, int]]) -> float:
    """The mean, over sub-dimensions, of the share of answers that chose the most frequent level, 0..1.

    One answer agrees with itself: 1. No answers: 0.

    Args:
        rows: (sub-dimension, level) of every judgment of the item.
    """
    by_sub: dict[str, Counter[int]] = defaultdict(Counter)
    for sub, level in rows:
        by_sub[sub][level] += 1
    if not by_sub:
        return 0.0
    return sum(max(counts.values()) / counts.total() for counts in by_sub.values()) / len(by_sub)
