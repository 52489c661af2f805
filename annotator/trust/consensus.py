"""What several people's judgments of one item come to: the levels that count.

``majority`` is the plain rule, the same for everybody and easy to say to an annotator:

1. Where a ladder begins with "is there any at all?" (hands, a face, light), the majority decides on that first.
   Ladders that hang on another's presence follow that one's decision, and only those who saw something have a vote
   on how good it is.
2. Among the remaining votes the level chosen most often counts.
3. Levels chosen equally often: the middle one of them, and of two middle ones the lower. (An even split on presence
   therefore means "none".)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from annotator.campaigns.models import ChecklistVersion
from annotator.campaigns.queries import JudgmentTable
from annotator.trust.reliability import estimate
from reward_engine.answers import ABSENT, harmonize
from reward_engine.checklist import Checklist


@dataclass(frozen=True)
class ConsensusTable:
    """One row per item, in ascending order.

    ``items``, ``prompts``: int64 [i]. ``levels``: int8 [i, s], consistent, ABSENT where nobody judged.
    ``support``: int32 [i, s], how many people judged. ``agreement``: float64 [i, s], the share of them who chose the
    level that counts (by majority) or its probability (by reliability); NaN where there is none. ``annotations`` and
    ``judgments``: how many went in. ``adjudicated``: bool [i, s], decided by a reviewer. ``method``: how it was made.
    """

    version: ChecklistVersion
    checklist: Checklist
    items: NDArray[np.int64]
    prompts: NDArray[np.int64]
    levels: NDArray[np.int8]
    support: NDArray[np.int32]
    agreement: NDArray[np.float64]
    annotations: int
    judgments: int
    adjudicated: NDArray[np.bool_]
    method: str = "majority"


def by_reliability(table: JudgmentTable) -> ConsensusTable:
    """The most likely levels where answers weigh as much as their annotator is reliable (Dawid & Skene, see
    ``reliability``); ``agreement`` holds their probability."""
    rows = _one_vote_each(table)
    found = estimate(table.items[rows], table.annotators[rows], table.levels[rows])
    plain = majority(table)
    levels = harmonize(table.checklist, found.levels)
    # Where presence was decided otherwise than a dependent ladder assumed, the plain rule fills what is left open.
    open_ = (levels == ABSENT) & (plain.levels != ABSENT)
    levels = harmonize(table.checklist, np.where(open_, plain.levels, levels))
    certainty = np.where(levels == found.levels, found.certainty, np.nan)
    return replace(plain, levels=levels, agreement=certainty, method="reliability")


def overrule(
    consensus: ConsensusTable, items: NDArray[np.int64], columns: NDArray[np.int64], levels: NDArray[np.int8]
) -> ConsensusTable:
    """Put a reviewer's decisions in place: [n] items, columns of the checklist's ordinal ladders, and levels."""
    position = np.searchsorted(consensus.items, items)
    known = position < len(consensus.items)
    known[known] = consensus.items[position[known]] == items[known]
    rows, columns = position[known], columns[known]
    decided, agreement = consensus.levels.copy(), consensus.agreement.copy()
    adjudicated = consensus.adjudicated.copy()
    decided[rows, columns] = levels[known]
    agreement[rows, columns] = 1.0
    adjudicated[rows, columns] = True
    return replace(
        consensus, levels=harmonize(consensus.checklist, decided), agreement=agreement, adjudicated=adjudicated
    )


DISPUTED_BELOW = 2 / 3


def disputed(consensus: ConsensusTable) -> NDArray[np.bool_]:
    """Find what two or more people judged without a majority of two thirds: bool [i, s].

    Pass the consensus of the votes or the overruled one: a decision has full agreement.
    """
    shares: NDArray[np.bool_] = (consensus.support > 1) & (consensus.agreement < DISPUTED_BELOW - 1e-9)
    return shares


def open_questions(consensus: ConsensusTable) -> NDArray[np.bool_]:
    """Find what is disputed and no decision settles: bool [i, s].

    A decision that something is absent settles the ladders that hang on it, too.
    """
    open_, checklist = disputed(consensus) & ~consensus.adjudicated, consensus.checklist
    for column, sub in enumerate(checklist.ordinal):
        if sub.mask is not None and sub.masked_by_other:
            owner = checklist.ordinal_index(sub.mask.owner)
            absent = consensus.levels[:, owner] == checklist.ordinal[owner].lowest
            open_[:, column] &= ~(consensus.adjudicated[:, owner] & absent)
    return open_


def majority(table: JudgmentTable) -> ConsensusTable:
    """The levels most people chose, by the rule above. Somebody who judged an item in two campaigns has one vote on
    it: the later annotation."""
    rows = _one_vote_each(table)
    items, first, index = np.unique(table.items[rows], return_index=True, return_inverse=True)
    votes, checklist = table.levels[rows], table.checklist
    levels = np.full((len(items), len(checklist.ordinal)), ABSENT, dtype=np.int8)
    support = np.zeros(levels.shape, dtype=np.int32)
    agreement = np.full(levels.shape, np.nan)
    # Owners of a presence question come before the ladders that hang on them, whatever their order in the file.
    for column in sorted(range(len(checklist.ordinal)), key=lambda c: checklist.ordinal[c].masked_by_other):
        sub = checklist.ordinal[column]
        counts = _counts(index, votes[:, column], len(items), sub.lowest, len(sub.levels))
        total = counts.sum(axis=1)
        support[:, column] = total
        if not (sub.owns_presence or sub.masked_by_other):
            position = _chosen(counts)
        else:
            none = counts[:, 0] * 2 >= total
            if sub.mask is not None and sub.masked_by_other:
                owner = checklist.sub_dimension(sub.mask.owner)
                none = levels[:, checklist.ordinal_index(owner.id)] == owner.lowest
                total = np.where(none, np.maximum(total, 1), counts[:, 1:].sum(axis=1))
            position = np.where(none, 0, 1 + _chosen(counts[:, 1:]))
        judged = total > 0
        levels[judged, column] = sub.lowest + position[judged]
        same = counts[np.arange(len(items)), position]
        judged &= support[:, column] > 0  # implied by the owner alone: a level, but no share of votes
        agreement[judged, column] = same[judged] / support[judged, column]
    return ConsensusTable(
        version=table.version,
        checklist=checklist,
        items=items,
        prompts=table.prompts[rows][first],
        levels=levels,
        support=support,
        agreement=agreement,
        annotations=len(rows),
        judgments=int((votes != ABSENT).sum()),
        adjudicated=np.zeros(levels.shape, dtype=bool),
    )


def _one_vote_each(table: JudgmentTable) -> NDArray[np.int64]:
    """Rows of the table, one for each item and annotator: the last, which is the latest."""
    pairs = np.stack([table.items, table.annotators], axis=1)[::-1]
    _, last = np.unique(pairs, axis=0, return_index=True)
    return np.sort(len(pairs) - 1 - last)


def _counts(index: NDArray[np.int64], votes: NDArray[np.int8], items: int, lowest: int, size: int) -> NDArray[np.int64]:
    """int64 [items, size]: how many chose each level."""
    judged = votes != ABSENT
    flat = index[judged] * size + (votes[judged].astype(np.int64) - lowest)
    return np.bincount(flat, minlength=items * size).reshape(items, size)


def _chosen(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """int64 [n]: the position chosen most often; of several, the (lower) middle one."""
    tied = counts == counts.max(axis=1, keepdims=True)
    middle = (tied.sum(axis=1) + 1) // 2  # the how-manieth of the tied positions
    return np.asarray((np.cumsum(tied, axis=1) == middle[:, None]).argmax(axis=1))
