"""Which generator made which item, by names that tell generators apart."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from annotator.library.models import Generator, Item

CHUNK = 5000


def makers_of(items: NDArray[np.int64]) -> tuple[dict[int, int], dict[int, str]]:
    """Find the generators of items: item → generator, and generator → name."""
    wanted = [int(pk) for pk in np.unique(items)]
    makers: dict[int, int] = {}
    for start in range(0, len(wanted), CHUNK):
        makers.update(Item.objects.filter(pk__in=wanted[start : start + CHUNK]).values_list("pk", "generator"))
    return makers, names_of(set(makers.values()))


def names_of(generators: set[int]) -> dict[int, str]:
    """Name generators; those that differ only in parameters get their number as well."""
    found = {one.pk: str(one) for one in Generator.objects.filter(pk__in=generators)}
    alike = Counter(found.values())
    return {pk: f"{name} #{pk}" if alike[name] > 1 else name for pk, name in found.items()}
