"""How often each version of the reward model prefers what a person prefers, beside baselines and other people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from annotator.campaigns.queries.comparisons import Preferences
from annotator.insights.preferences.people import PeopleAgreement
from annotator.library.models import Item
from annotator.rewards.models import RewardModel, Score
from annotator.rewards.services import artifacts
from reward_engine.evaluation import Interval, preference_intervals
from reward_engine.groups import group_numbers

CHUNK = 5000
TIMES = 400
VERSIONS = 20
"""So many of the newest versions are measured."""


@dataclass(frozen=True)
class JudgeRow:
    """One judge against single answers of people.

    ``diff``: share of the ``decided`` answers that prefer a side of which the judge prefers the same; ``tau``: share of
    all ``answers`` with ties, gaps up to the best threshold being ties; both with 95 % intervals over prompts.
    ``seen``: share of the answers on prompts that the version was trained on; None where that is not recorded.
    """

    kind: Literal["people", "version", "baseline"]
    name: str
    version: int | None
    answers: int
    decided: int
    diff: Interval | None
    tau: Interval | None
    seen: float | None = None


def judge_rows(said: Preferences, media_type: str, people: PeopleAgreement, makers: dict[int, int]) -> list[JudgeRow]:
    """Measure people, the versions that scored both sides, and baselines.

    Args:
        said: What people preferred.
        media_type: Of the versions.
        people: How people agree among themselves.
        makers: Item → generator.
    """
    rows = [JudgeRow("people", "", None, people.twos, people.decided, people.same_side, people.same)]
    rows += _version_rows(said, media_type)
    sizes = _sizes(said)
    gaps = {
        "usual_winner": _usual_winner(said, makers),
        "larger_file": _gap(said, sizes),
        "left_side": np.ones(len(said.pairs)),
    }
    return rows + [_row("baseline", name, said, gap) for name, gap in gaps.items()]


def _version_rows(said: Preferences, media_type: str) -> list[JudgeRow]:
    models = RewardModel.objects.filter(media_type=media_type).select_related("snapshot").order_by("-version")
    found = []
    for model in models[:VERSIONS]:
        gap = _gap(said, _rewards(said, model))
        if not np.isnan(gap).all():
            row = _row("version", f"v{model.version}", said, gap, version=model.pk, seen=_seen(said, model, gap))
            found.append(row)
    return found


def _row(
    kind: Literal["version", "baseline"],
    name: str,
    said: Preferences,
    gap: NDArray[np.float64],
    *,
    version: int | None = None,
    seen: float | None = None,
) -> JudgeRow:
    known = ~np.isnan(gap)
    human = said.preferred[known]
    sure = preference_intervals(gap[known], human, said.prompts[known], times=TIMES)
    return JudgeRow(kind, name, version, len(human), int((human != 0).sum()), sure.diff, sure.tau, seen)


def _items(said: Preferences) -> list[int]:
    return [int(pk) for pk in np.unique(np.concatenate([said.left, said.right]))]


def _rewards(said: Preferences, model: RewardModel) -> dict[int, float]:
    items = _items(said)
    found: dict[int, float] = {}
    for start in range(0, len(items), CHUNK):
        scores = Score.objects.filter(reward_model=model, item__in=items[start : start + CHUNK])
        found.update(scores.values_list("item", "reward"))
    return found


def _sizes(said: Preferences) -> dict[int, float]:
    items = _items(said)
    found: dict[int, float] = {}
    for start in range(0, len(items), CHUNK):
        found.update(Item.objects.filter(pk__in=items[start : start + CHUNK]).values_list("pk", "size_bytes"))
    return found


def _gap(said: Preferences, values: dict[int, float]) -> NDArray[np.float64]:
    """Subtract the right item's value from the left one's, float64 [n], NaN where one has none."""
    left = np.array([values.get(int(pk), np.nan) for pk in said.left])
    right = np.array([values.get(int(pk), np.nan) for pk in said.right])
    return np.asarray(left - right, dtype=np.float64)


def _usual_winner(said: Preferences, makers: dict[int, int]) -> NDArray[np.float64]:
    """Guess the generator that won more often against the other one on other prompts, float64 [n]."""
    left = np.array([makers[int(pk)] for pk in said.left], dtype=np.int64)
    right = np.array([makers[int(pk)] for pk in said.right], dtype=np.int64)
    n = len(left)
    if not n:
        return np.zeros(0)
    turn = np.where(left <= right, 1, -1)
    both = np.stack([np.minimum(left, right), np.maximum(left, right)], axis=1)
    pair = np.unique(both, axis=0, return_inverse=True)[1].ravel()
    prompt = group_numbers(said.prompts, n)
    here = np.unique(np.stack([pair, prompt]), axis=1, return_inverse=True)[1].ravel()
    won = turn * said.preferred
    elsewhere = np.bincount(pair, won)[pair] - np.bincount(here, won)[here]
    asked = np.bincount(pair)[pair] - np.bincount(here)[here]
    guess = np.divide(elsewhere, asked, out=np.zeros(n), where=asked > 0)
    return np.asarray(np.where(left == right, 0.0, guess * turn))


def _seen(said: Preferences, model: RewardModel, gap: NDArray[np.float64]) -> float | None:
    if model.snapshot is None:
        return None
    try:
        trained_on = artifacts.read_snapshot(model.snapshot)["prompts"]
    except artifacts.BrokenArtifactError:
        return None  # the agreement page says what is wrong with it
    return float(np.isin(said.prompts[~np.isnan(gap)], trained_on).mean())
