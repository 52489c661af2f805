"""Many differences at once: what is left of their significance."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Correct p values [m] for their number (Holm 1979).

    NaN stays, and is no test. The smallest is multiplied by the number of tests, the next by one less, and none falls
    below one before it.
    """
    values = np.asarray(p, dtype=np.float64)
    tested = np.flatnonzero(~np.isnan(values))
    order = tested[np.argsort(values[tested], kind="stable")]
    found = np.full(values.shape, np.nan)
    factors = np.arange(len(order), 0, -1)
    found[order] = np.minimum(np.maximum.accumulate(values[order] * factors), 1.0) if len(order) else []
    return found
