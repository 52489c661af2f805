"""The leaderboard of generators, worked out at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Campaign
from annotator.insights.generators.evidence import Rated, judged, preferred, scored
from annotator.insights.makers import names_of
from annotator.insights.preferences.choice import compared_campaigns
from annotator.rewards.models import RewardModel
from reward_engine.evaluation import Place, places

Basis = Literal["levels", "wins", ""]


@dataclass(frozen=True)
class GeneratorRow:
    """One generator: its places by the model and by people; None where they have nothing to say of any."""

    generator: int
    name: str
    model: Place | None
    people: Place | None


@dataclass(frozen=True)
class DimensionRows:
    """Places by one dimension's part of the reward, in the order of the leaderboard."""

    id: str
    name: str
    model: list[Place] | None
    people: list[Place] | None


@dataclass(frozen=True)
class GeneratorReport:
    """``rows``: best first. ``basis``: people's rating is the reward of their consensus "levels", or the share of
    comparisons that an item "wins"; "" without either."""

    rows: list[GeneratorRow]
    dimensions: list[DimensionRows]
    basis: Basis


def report(media_type: str, model: RewardModel | None, campaigns: list[Campaign], one_only: bool) -> GeneratorReport:
    """Place the generators of a media type.

    Args:
        media_type: Of the items.
        model: The version whose rewards count; None for people alone.
        campaigns: In which people judged; with ``one_only`` the items judged in them are all that counts.
        one_only: Whether one campaign was asked for.
    """
    by_model = scored(model) if model else None
    by_people, basis = _people(media_type, model, campaigns)
    if one_only and by_people is not None and by_model is not None:
        by_model = by_model.of(by_people.items)
    if by_model is not None and not len(by_model.items):
        by_model = None
    known = np.unique(np.concatenate([[], *(one.generators for one in (by_model, by_people) if one is not None)]))
    names = names_of({int(pk) for pk in known})
    places_model, places_people = _places(by_model, known, 0), _places(by_people, known, 0)
    order = sorted(range(len(known)), key=lambda one: _best_first(places_model, places_people, one))
    rows = [
        GeneratorRow(
            int(known[one]),
            names[int(known[one])],
            places_model[one] if places_model else None,
            places_people[one] if places_people else None,
        )
        for one in order
    ]
    return GeneratorReport(rows, _dimensions(model, by_model, by_people, known, order), basis)


def _people(media_type: str, model: RewardModel | None, campaigns: list[Campaign]) -> tuple[Rated | None, Basis]:
    if campaigns:
        found = judged(campaigns, model)
        return (found, "levels") if len(found.items) else (None, "")
    compared = [one for one in compared_campaigns() if one.media_type == media_type]
    won = preferred(compared) if compared else None
    return (won, "wins") if won is not None and len(won.items) else (None, "")


def _places(rated: Rated | None, known: np.ndarray, column: int) -> list[Place] | None:
    if rated is None or column >= rated.values.shape[1]:
        return None
    generators = np.searchsorted(known, rated.generators)
    return places(rated.values[:, column], generators, rated.prompts, count=len(known))


def _best_first(model: list[Place] | None, people: list[Place] | None, one: int) -> tuple[float, float]:
    means = [found[one].mean if found else None for found in (model, people)]
    first, second = (np.inf if mean is None else -mean for mean in means)
    return first, second


def _dimensions(
    model: RewardModel | None, by_model: Rated | None, by_people: Rated | None, known: np.ndarray, order: list[int]
) -> list[DimensionRows]:
    if model is None:
        return []
    found = []
    for index, dimension in enumerate(checklist_of(model.checklist_version).dimensions):
        sides = [_places(rated, known, 1 + index) for rated in (by_model, by_people)]
        if any(sides):
            of_model, of_people = ([side[one] for one in order] if side else None for side in sides)
            found.append(DimensionRows(dimension.id, dimension.name, of_model, of_people))
    return found
