"""Which pairs of the library a campaign of comparisons could have."""

import random
from itertools import combinations, groupby, product

from annotator.library.models import Generator, ImportBatch, Item

MOST_PAIRS = 10_000


def fitting_pairs(
    *,
    media_type: str,
    first: Generator | None = None,
    second: Generator | None = None,
    batch: ImportBatch | None = None,
    prompt: str = "",
    per_prompt: int = 1,
    seed: int = 0,
) -> list[tuple[Item, Item]]:
    """Draw pairs of two items of one prompt.

    Each prompt gives ``per_prompt`` pairs, drawn from the seed, and at most MOST_PAIRS are drawn in all.

    With two generators, a pair has one item of each. With one, it has an item of that generator and any other item.
    With none, it has any two.
    """
    items = Item.objects.filter(media_type=media_type).order_by("prompt_id", "pk")
    if batch:
        items = items.filter(batch=batch)
    if prompt:
        items = items.filter(prompt__text__icontains=prompt)
    if first and second:
        items = items.filter(generator__in=[first, second])
    pairs: list[tuple[Item, Item]] = []
    for prompt_id, group in groupby(items.iterator(chunk_size=2000), key=lambda item: item.prompt_id):
        fitting = _of_prompt(list(group), first, second)
        random.Random(f"{seed} {prompt_id}").shuffle(fitting)
        pairs += fitting[:per_prompt]
        if len(pairs) >= MOST_PAIRS:
            break
    return pairs[:MOST_PAIRS]


def _of_prompt(items: list[Item], first: Generator | None, second: Generator | None) -> list[tuple[Item, Item]]:
    one, other = (first, second) if first else (second, first)
    if one is None:
        return list(combinations(items, 2))
    left = [item for item in items if item.generator_id == one.pk]
    right = [item for item in items if item.generator_id == other.pk] if other else items
    if other == one:
        return list(combinations(left, 2))
    apart = [(a, b) for a, b in product(left, right) if a.pk != b.pk and (other or b.generator_id != one.pk)]
    return apart if first else [(b, a) for a, b in apart]
