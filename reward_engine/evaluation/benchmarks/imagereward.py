"""ImageReward's test set: human rankings with ties over four to nine images of each prompt (Xu et al. 2023)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from reward_engine.evaluation.benchmarks.base import Benchmark, Content, Floats, Published
from reward_engine.evaluation.benchmarks.files import MediaFolder, first_of, read_rankings
from reward_engine.evaluation.rankings import ranking_report

HPS = "HPS v2, github.com/tgxs002/HPSv2, README, accuracy on the ImageReward test set"


def read(folder: Path, scratch: Path) -> Content:
    """Read the entries of the benchmark.

    Raises:
        DataError: Naming the entry that does not fit.
    """
    path = first_of(folder, ("test.json", "ImageReward_test.json"))
    return Content(read_rankings(path, MediaFolder(folder), files="generations", ranks="ranking", id="id"))


def report(content: Content, scores: Floats, seed: int) -> dict[str, Any]:
    """Measure how scores rank the images of a prompt.

    Gives accuracy with and without ties, Kendall's tau and Spearman's rho, with intervals over prompts.
    """
    known = np.flatnonzero(~np.isnan(scores))
    rows = [content.rows[int(i)] for i in known]
    ranks = np.array([row.human["rank"] for row in rows])
    return ranking_report(scores[known], ranks, [row.prompt_id for row in rows], times=200, seed=seed).to_json()


BENCHMARK = Benchmark(
    "imagereward-test",
    "image",
    "test.json, a list of {id, prompt, generations: files, ranking: the rank of each, 1 best, equal ranks being ties}, "
    "and these pictures.",
    "github.com/THUDM/ImageReward (data/test.json) and huggingface.co/datasets/THUDM/ImageRewardDB",
    read,
    report,
    (
        Published("HPS v2.1", {"without_ties": 0.668}, HPS),
        Published("HPS v2", {"without_ties": 0.657}, HPS),
        Published("one person", {"without_ties": 0.653}, HPS),
        Published("ImageReward", {"without_ties": 0.651}, HPS),
        Published("PickScore", {"without_ties": 0.629}, HPS),
        Published("Aesthetic predictor", {"without_ties": 0.574}, HPS),
    ),
)
