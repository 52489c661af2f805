"""Synthetic annotators: five scripts that answer like people who are more and less careful, at known error rates.

They are accounts marked ``is_synthetic``, can never sign in, and start from the truth (see ``truth``), or from the
neutral level where there is none. On each ladder, by itself, one of them errs with the probability of its error rate
and then answers one level too high or too low.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from annotator.accounts.models import Role, User
from annotator.accounts.services import ensure_user
from annotator.demo.truth import Levels
from reward_engine.checklist import Checklist, SubDimension


@dataclass(frozen=True)
class Synthetic:
    username: str
    error_rate: float


SYNTHETIC = (
    Synthetic("synthetic-1", 0.03),
    Synthetic("synthetic-2", 0.06),
    Synthetic("synthetic-3", 0.10),
    Synthetic("synthetic-4", 0.16),
    Synthetic("synthetic-5", 0.28),
)
OVERLAP = 3
TRIPLES = tuple(combinations(range(len(SYNTHETIC)), OVERLAP))
# Of so many items, in turn, one is left to people and one has a single answer still open.
CYCLE, UNTOUCHED_AT, ONE_SHORT_AT = 8, 3, 6
# No error: an error here would accuse a photograph of a cat.
CERTAIN = frozenset({"safety"})


def ensure_synthetic() -> list[User]:
    """The accounts, in the order of ``SYNTHETIC``; made where they are not there yet."""
    people = []
    for number, synthetic in enumerate(SYNTHETIC, 1):
        user, made = ensure_user(username=synthetic.username, roles=[Role.ANNOTATOR], is_synthetic=True)
        if made:
            user.first_name = "Synthetic annotator"
            user.last_name = f"{number} (errs in {100 * synthetic.error_rate:.0f}%)"
            user.save(update_fields=["first_name", "last_name"])
        people.append(user)
    return people


def assigned(position: int) -> tuple[int, ...]:
    """Which annotators (positions in ``SYNTHETIC``) answer the item at this position of the demo's list."""
    if position % CYCLE == UNTOUCHED_AT:
        return ()
    triple = TRIPLES[position % len(TRIPLES)]
    if position % CYCLE != ONE_SHORT_AT:
        return triple
    absent = position // CYCLE % OVERLAP  # each in turn
    return triple[:absent] + triple[absent + 1 :]


def answers(checklist: Checklist, base: Levels, synthetic: Synthetic, item_name: str, seed: int = 0) -> Levels:
    """The levels this annotator gives an item: all ordinal ladders, consistent between ladder and mask.

    Args:
        base: The level that is right or neutral, for each of them.
    """
    rng = np.random.default_rng([seed, zlib.crc32(synthetic.username.encode()), zlib.crc32(item_name.encode())])
    given: Levels = {}
    for sub in checklist.ordinal:
        errs, upwards = rng.random() < synthetic.error_rate, bool(rng.integers(2))
        level = base[sub.id]
        given[sub.id] = _beside(sub, level, upwards) if errs and sub.id not in CERTAIN else level
    for sub in checklist.ordinal:
        if sub.masked_by_other and sub.mask is not None:
            owner = checklist.sub_dimension(sub.mask.owner)
            if given[owner.id] == owner.lowest:
                given[sub.id] = sub.lowest
    return given


def _beside(sub: SubDimension, level: int, upwards: bool) -> int:
    """The next level up or down, or the other way at an end. Nobody mistakes whether something is there at all."""
    scores = sub.scores if sub.mask is None else sub.scores[1:]
    if level not in scores:
        return level
    at = scores.index(level) + (1 if upwards else -1)
    return scores[at] if 0 <= at < len(scores) else scores[scores.index(level) + (-1 if upwards else 1)]


def milliseconds(item_name: str, username: str, sub_dimension: str) -> int:
    """How long the answer is said to have taken: 0.7 to 3.2 s, the same at every start."""
    return 700 + zlib.crc32(f"{item_name} {username} {sub_dimension}".encode()) % 2500
