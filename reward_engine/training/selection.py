"""Heads of few rows: candidates are tried on prompts left out, and those that are equally good are averaged.

**The rule.** Every candidate scores each prompt without having seen it; what these scores are worth is given in nats
(:mod:`reward_engine.training.worth`), and each counts at its best strength. The best and all within one standard error
of it, over prompts, are averaged: with a few dozen rows, which of them comes first is mostly chance, and their mean is
steadier than any one. Half of the mean is plain ridge regression on everything, its strength by generalized
cross-validation, unless it is worse than the best by two standard errors: it is the same whatever the others look
like, so that their luck cannot carry the head away from it. Where one simple baseline is worth more than that mean
beyond the noise, the baseline is taken.
Where nothing beats the shares of the levels by more than trying so many candidates finds by chance, the head keeps to
the shares.

All of this sees training rows alone, so that what is measured on held-out prompts knows nothing of the choice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reward_engine.groups import total_over_groups
from reward_engine.training.candidates import (
    BETWEEN,
    Floats,
    HeadCandidate,
    Mask,
    Solver,
    cross_validated,
    known_heads,
    measure_candidate,
    pooled,
    prior_candidate,
)
from reward_engine.training.fitting import PENALTIES, ROUGH, Candidate, FittedHead, candidates_of, path
from reward_engine.training.ordinal import Ordinal, rates
from reward_engine.training.splits import folds
from reward_engine.training.worth import Worth, pairs_of, worth

CHANCE = 0.05
"""The odds that trying so many candidates finds by chance what a head is taken for."""

OVERLAP, ERRORS = 1.25, 2.0
"""Levels and order tell in part the same, so that their nats add up to more than there is: so much more is asked for
than chance finds, and so many standard errors over prompts. Both were measured on judgments of noise."""

STEADY, STEADY_SHARE = "ridge, cross-validated", 0.5
"""The candidate that is in the mean unless it is clearly worse, and its share of it."""

FEW = 200
"""Up to so many rows prompts are left out in more, smaller parts, for each row is worth learning from."""

PARTS, MANY_PARTS = 4, 10
RIDGES = PENALTIES[::2]
NAMED = 6


@dataclass(frozen=True)
class Tried:
    """One candidate at one strength.

    ``scores``: of left-out prompts [n of the head], standardized; ``worth``: what they are worth.
    """

    candidate: HeadCandidate
    strength: int
    scores: Floats
    spread: float
    worth: Worth


class FewRows:
    """A design matrix float64 [n, m] and all its heads. ``y`` float64 [n, heads]: steps answered with yes, NaN where a
    head does not apply. ``columns``: groups of columns; ``sets``: those a ridge may look at. ``measures``: classical
    measures by name, and their columns. ``prior`` [heads, m]: what another judge's heads of the same names do;
    ``others`` [k, m]: all of its heads.
    """

    def __init__(
        self,
        x: Floats,
        y: Floats,
        group: NDArray[np.int64],
        weight: Floats,
        columns: Mapping[str, slice],
        seed: int,
        *,
        sets: Mapping[str, NDArray[np.int64]] | None = None,
        measures: Mapping[str, int] | None = None,
        prior: Mapping[int, Floats] | None = None,
        others: Floats | None = None,
    ) -> None:
        self.x, self.y, self.weight, self.columns, self.seed = x, y, weight, dict(columns), seed
        self.group = np.unique(group, return_inverse=True)[1].astype(np.int64)
        self.measures, self.prior, self.others = measures or {}, prior or {}, others
        chosen = {"everything": np.arange(x.shape[1])} if sets is None else sets
        self.solvers = {name: Solver(x, at, self.group, weight) for name, at in chosen.items() if len(at)}
        parts = folds(self.group, MANY_PARTS if len(x) <= FEW else PARTS, seed)
        self.part: NDArray[np.int64] = np.argmax(parts, axis=0).astype(np.int64)  # the same for all heads

    def fit_head(self, name: str, head: int, steps: int) -> FittedHead:
        """Choose and fit one head from the rows it applies to."""
        judged = ~np.isnan(self.y[:, head])
        rows = np.flatnonzero(judged)
        y = self.y[rows, head].astype(np.int64)
        group, weight = self.group[rows], self.weight[rows]
        plain, prompts = rates(y, steps, weight, self.x.shape[1]), len(np.unique(group))
        if len(np.unique(y)) < 2:
            kind = "constant" if len(y) else "empty"
            return FittedHead(name, kind, plain, len(y), prompts, record={"why": _WHY[kind]})
        if prompts < 3:  # nothing to choose by
            return FittedHead(name, "rates", plain, len(y), prompts, record={"why": _WHY["few"]})
        candidates, related = self._candidates(head, steps, rows)
        pairs = pairs_of(y, np.unique(group, return_inverse=True)[1], weight)
        without = np.zeros(len(y))
        parts = list(np.unique(self.part[rows]))
        for part in parts:
            out = self.part[rows] == part
            shares = rates(y[~out], steps, weight[~out], 1)
            without[out] = shares.log_loss(np.zeros((int(out.sum()), 1)), y[out])

        def value_of(scores: Floats) -> Worth:
            return worth(scores, y, steps, weight, without, pairs)

        tried = [one for c in candidates for one in self._try(c, rows, parts, value_of)]
        best = _best_strengths(tried)
        taken, value = _choose(list(best.values()), value_of, group)
        record = _record(best, taken, value, related)
        needed = OVERLAP * float(np.log(len(tried) / CHANCE))
        gain, error = total_over_groups(value.by_row, group)
        if gain < max(needed, ERRORS * error):
            record["why"] = _WHY["chance"].format(gain=gain, needed=needed, tried=len(tried))
            return FittedHead(name, "rates", plain, len(y), prompts, record=record)
        coef = np.zeros(self.x.shape[1])
        whole = np.ones(len(self.x), dtype=bool)
        for one, share in zip(taken, _shares(taken), strict=True):
            coef += share * one.candidate.directions(whole)[one.strength] / one.spread
        record["why"] = _said(taken, gain)
        record["features"] = [
            group for group, at in self.columns.items() if not group.startswith("only ") and coef[at].any()
        ]
        model = Ordinal(coef * value.along.coef[0], value.along.thresholds)
        return FittedHead(name, "ordinal", model, len(y), prompts, gain=gain / float(weight.sum()), record=record)

    def _candidates(self, head: int, steps: int, rows: NDArray[np.int64]) -> tuple[list[HeadCandidate], list[int]]:
        target = self.y[:, head]
        judged = ~np.isnan(target)
        found = [measure_candidate(name, at, self.x, target, self.group) for name, at in self.measures.items()]
        common, related = pooled(self.y, head, self.group, judged)
        for name, solver in self.solvers.items():
            found.append(solver.candidate(f"ridge, {name}", target, simple=True))
            found.append(solver.candidate(f"ranking, {name}", target, between=BETWEEN))
            if related:
                found.append(solver.candidate(f"pooled, {name}", common, between=BETWEEN))
        found.append(cross_validated(STEADY, self.x, target, self.weight))
        found += [self._ordinal(one, head, steps) for one in candidates_of(self.columns) if one.focus]
        if head in self.prior:
            found.append(prior_candidate(self.prior[head]))
        if self.others is not None:
            found.append(known_heads(self.x, self.others, (self.group, self.weight), target))
        return found, related

    def _ordinal(self, candidate: Candidate, head: int, steps: int) -> HeadCandidate:
        judged = ~np.isnan(self.y[:, head])

        def directions(rows: Mask) -> Floats:
            used = np.flatnonzero(rows & judged)
            y = self.y[used, head].astype(np.int64)
            if len(np.unique(y)) < 2:
                return np.zeros((len(RIDGES), self.x.shape[1]))
            fits = path(
                self.x[used], y, steps, self.weight[used], self.columns, candidate, penalties=RIDGES, tolerance=ROUGH
            )
            return np.stack([fit.coef for fit in fits])

        return HeadCandidate(f"ordinal, {' + '.join(candidate.groups)}", False, directions)

    def _try(
        self,
        candidate: HeadCandidate,
        rows: NDArray[np.int64],
        parts: list[np.int64],
        value_of: Callable[[Floats], Worth],
    ) -> list[Tried]:
        scores: Floats | None = None
        for part in parts:
            coef = candidate.directions(self.part != part)
            out = self.part[rows] == part
            scores = np.zeros((len(coef), len(rows))) if scores is None else scores
            scores[:, out] = coef @ self.x[rows[out]].T
        found = []
        for strength, row in enumerate(scores if scores is not None else ()):
            spread = float(row.std())
            if spread > 1e-9:
                standard = (row - row.mean()) / spread
                found.append(Tried(candidate, strength, standard, spread, value_of(standard)))
        return found


def _best_strengths(tried: list[Tried]) -> dict[str, Tried]:
    """Each candidate once, by name, at the strength that is worth most."""
    best: dict[str, Tried] = {}
    for one in tried:
        if one.candidate.name not in best or one.worth.total > best[one.candidate.name].worth.total:
            best[one.candidate.name] = one
    return best


def _choose(
    candidates: list[Tried], value_of: Callable[[Floats], Worth], group: NDArray[np.int64]
) -> tuple[list[Tried], Worth]:
    """What is averaged, and its worth.

    Args:
        candidates: Each at one strength, or it would count twice.
    """
    best = max(candidates, key=lambda one: one.worth.total)
    top = [
        one for one in candidates
        if one is best or _as_good(one.worth, best.worth, group, ERRORS if _is_steady(one) else 1.0)
    ]  # fmt: skip
    value = value_of(np.average([one.scores for one in top], axis=0, weights=_shares(top)))
    simple = max((one for one in candidates if one.candidate.simple), key=lambda one: one.worth.total, default=None)
    if simple is not None and not _as_good(value, simple.worth, group):
        # Its own scores once more: the average's fit knows nothing of a single one's scale.
        return [simple], value_of(simple.scores)
    return top, value


def _is_steady(one: Tried) -> bool:
    return one.candidate.name == STEADY


def _shares(taken: list[Tried]) -> list[float]:
    """How much each counts in the mean; together 1."""
    others = sum(not _is_steady(one) for one in taken)
    if others in (0, len(taken)):
        return [1.0 / len(taken)] * len(taken)
    return [STEADY_SHARE if _is_steady(one) else (1.0 - STEADY_SHARE) / others for one in taken]


def _as_good(one: Worth, best: Worth, group: NDArray[np.int64], errors: float = 1.0) -> bool:
    """Within so many standard errors, over prompts, of the difference; and worth something itself."""
    if one.total <= 0:
        return False
    behind, error = total_over_groups(best.by_row - one.by_row, group)
    return behind <= errors * error


def _record(best: Mapping[str, Tried], taken: list[Tried], value: Worth, related: list[int]) -> dict[str, Any]:
    """Plain data: each candidate at its best strength, what was taken, and what it is worth on left-out prompts."""
    return {
        "taken": [one.candidate.name for one in taken],
        "gain": value.total,
        "ordered": value.ordered,
        "related": len(related),
        "tried": {
            name: {"gain": one.worth.total, "ordered": one.worth.ordered, "simple": one.candidate.simple}
            for name, one in best.items()
        },
    }


def _said(taken: list[Tried], gain: float) -> str:
    names = [one.candidate.name for one in taken]
    if len(names) == 1:
        return f"“{names[0]}” is best on left-out prompts, by {gain:.1f} nats beyond the shares of the levels."
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    half = f" “{STEADY}” counts half." if STEADY in names else ""
    return (
        f"The mean of {len(names)} candidates that left-out prompts cannot tell apart, {gain:.1f} nats beyond the "
        f"shares of the levels: {'; '.join(names[:NAMED])}{more}.{half}"
    )


_WHY = {
    "empty": "Nobody judged it.",
    "constant": "All judgments are of one level, so that there is nothing to tell apart.",
    "few": "Its judgments are of fewer than three prompts, so that nothing can be checked on another.",
    "chance": "On left-out prompts the best is {gain:.1f} nats better than the shares of the levels, which may be "
    "chance: trying {tried} candidates asks for {needed:.1f}, and for two standard errors over prompts.",
}
