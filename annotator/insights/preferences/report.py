"""All that the preferences page says, worked out at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotator.campaigns.models import Campaign
from annotator.campaigns.queries.comparisons import Preferences, preferences
from annotator.insights.makers import makers_of
from annotator.insights.preferences.judges import JudgeRow, judge_rows
from annotator.insights.preferences.people import PeopleAgreement, PositionBias, people_agreement, position_bias
from reward_engine.evaluation import Interval, WinRate, win_rates
from reward_engine.preferences import rate


@dataclass(frozen=True)
class RatedGenerator:
    """One generator: its answers in all comparisons with others, and its rating (0: the mean of those rated).

    ``standing``: "rated", or why it has no rating: "won", "lost" or "apart". ``expected``: the share of wins, ties
    half, that the rating says against the average of the others.
    """

    generator: int
    name: str
    wins: int
    ties: int
    losses: int
    prompts: int
    standing: str
    rating: Interval | None
    expected: float | None

    @property
    def answers(self) -> int:
        return self.wins + self.ties + self.losses


@dataclass(frozen=True)
class PreferenceReport:
    """``generators``: the best first; ``matrix``: row against column, in the same order."""

    answers: int
    ties: int
    pairs: int
    prompts: int
    annotators: int
    within: int
    generators: list[RatedGenerator]
    matrix: list[list[WinRate]]
    position: PositionBias
    people: PeopleAgreement
    judges: list[JudgeRow]


def report(campaigns: list[Campaign], media_type: str) -> PreferenceReport | None:
    """Work out what people preferred in these campaigns; None where nobody compared."""
    said = preferences(campaigns)
    if not len(said.pairs):
        return None
    makers, names = makers_of(np.concatenate([said.left, said.right]))
    generators, matrix, within = _generators(said, makers, names)
    people = people_agreement(said)
    return PreferenceReport(
        answers=len(said.pairs),
        ties=int((said.preferred == 0).sum()),
        pairs=len(np.unique(said.pairs)),
        prompts=len(np.unique(said.prompts)),
        annotators=len(np.unique(said.annotators)),
        within=within,
        generators=generators,
        matrix=matrix,
        position=position_bias(said),
        people=people,
        judges=judge_rows(said, media_type, people, makers),
    )


def _generators(
    said: Preferences, makers: dict[int, int], names: dict[int, str]
) -> tuple[list[RatedGenerator], list[list[WinRate]], int]:
    """Rate the generators; comparisons of two items of one generator say nothing of it, and are counted."""
    left = np.array([makers[int(pk)] for pk in said.left], dtype=np.int64)
    right = np.array([makers[int(pk)] for pk in said.right], dtype=np.int64)
    across = left != right
    known = np.unique(np.concatenate([left[across], right[across]]))
    first, second = np.searchsorted(known, left[across]), np.searchsorted(known, right[across])
    outcome, prompts = said.preferred[across], said.prompts[across]
    ratings = rate(first, second, outcome, prompts, generators=len(known))
    rates = win_rates(first, second, outcome, prompts, generators=len(known))
    rows = []
    for index, generator in enumerate(known):
        cells = rates[index]
        sure = Interval(float(ratings.rating[index]), float(ratings.low[index]), float(ratings.high[index]))
        rows.append(
            RatedGenerator(
                generator=int(generator),
                name=names[int(generator)],
                wins=sum(one.wins for one in cells),
                ties=sum(one.ties for one in cells),
                losses=sum(one.losses for one in cells),
                prompts=len(np.unique(prompts[(first == index) | (second == index)])),
                standing=ratings.standing[index],
                rating=sure if ratings.standing[index] == "rated" else None,
                expected=ratings.win_share(index),
            )
        )
    order = sorted(range(len(rows)), key=lambda index: _best_first(rows[index]))
    matrix = [[rates[one][other] for other in order] for one in order]
    return [rows[index] for index in order], matrix, int((~across).sum())


def _best_first(row: RatedGenerator) -> tuple[int, float]:
    """By rating; what always won stands above, what always lost below, and what is apart last."""
    place = ("won", "rated", "lost", "apart").index(row.standing)
    return place, -row.rating.value if row.rating else 0.0
