"""Human-rated clips as a checklist: a folder with ``ratings.csv`` (file, prompt, and a column of means a rating)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from reward_engine.answers import ABSENT
from reward_engine.checklist import Checklist, loads
from reward_engine.features import FeatureExtractor, Features
from reward_engine.judges.base import MediaInput
from reward_engine.media import bitrates

LADDERS = ("static_quality", "temporal_quality", "alignment")
HIGHEST = 5


@dataclass(frozen=True)
class RatedClips:
    """``ratings`` float64 [n, s], NaN where not asked; ``levels`` int8 [n, s], the nearest; ``group`` int64 [n]."""

    checklist: Checklist
    features: Features
    ratings: NDArray[np.float64]
    levels: NDArray[np.int8]
    group: NDArray[np.int64]
    bitrate: NDArray[np.float64]


def read(folder: Path, cache: Path | None, ladders: tuple[str, ...] = LADDERS) -> RatedClips:
    """Measure the clips (a second each, once) and read what people said of them."""
    with (folder / "ratings.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if any(row[name] for name in ladders)]
    items = [MediaInput(row["file"], "video", folder / row["file"], row["prompt"]) for row in rows]
    features = FeatureExtractor("video", cache_dir=cache).extract(items)
    if features.errors:
        raise SystemExit(
            f"{len(features.errors)} clips cannot be read; the first: {next(iter(features.errors.items()))}"
        )
    ratings = np.array([[float(row[name]) if row[name] else np.nan for name in ladders] for row in rows])
    levels = np.where(np.isnan(ratings), ABSENT, np.floor(np.nan_to_num(ratings) + 0.5)).astype(np.int8)
    group = np.unique([row["prompt"] for row in rows], return_inverse=True)[1].astype(np.int64)
    return RatedClips(checklist(ladders), features, ratings, levels, group, bitrates([item.path for item in items]))


def checklist(ladders: tuple[str, ...] = LADDERS) -> Checklist:
    """One ladder of five levels a rating, each a dimension of its own."""
    return loads(
        yaml.safe_dump(
            {
                "id": "ratings", "media_type": "video", "name": "Ratings", "version": 1,
                "dimensions": [{"id": id, "name": id, "sub_dimensions": [_ladder(id)]} for id in ladders],
            }
        )
    )  # fmt: skip


def _ladder(id: str) -> dict[str, object]:
    name = id.replace("_", " ")
    levels: list[dict[str, object]] = [{"score": 1, "name": "1", "guidance": f"The lowest {name}."}]
    for score in range(2, HIGHEST + 1):
        question = {"id": f"{id}_{score}", "text": f"Is its {name} at least {score} of {HIGHEST}?"}
        levels.append({"score": score, "name": str(score), "guidance": f"A {name} of {score}.", "question": question})
    return {"id": id, "name": name, "description": f"People's mean rating of {name}.", "levels": levels}
