"""HPDv2's test set: nine images of each prompt in an order averaged over ten people (Wu et al. 2023)."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from reward_engine.evaluation.benchmarks.base import Benchmark, Content, Floats, Published
from reward_engine.evaluation.benchmarks.files import MediaFolder, first_of, read_rankings
from reward_engine.evaluation.benchmarks.pairs import TIMES, plain
from reward_engine.evaluation.bootstrap import interval, of_counts
from reward_engine.evaluation.ranking import rank_intervals

HPS = "HPS v2, github.com/tgxs002/HPSv2, README, accuracy on the HPD v2 test set"


def read(folder: Path, scratch: Path) -> Content:
    """Read the entries of the benchmark.

    Raises:
        DataError: Naming the entry that does not fit.
    """
    path = first_of(folder, ("test.json",))
    return Content(read_rankings(path, MediaFolder(folder, ("test",)), files="image_path", ranks="rank"))


def report(content: Content, scores: Floats, seed: int) -> dict[str, Any]:
    """Measure how few pairs of a prompt are inverted.

    ``accuracy`` is 1 − inversions / pairs of each prompt, its mean over prompts, as ``inversion_score`` counts. Equal
    scores count half (published judges order them by chance). Kendall's tau and Spearman's rho are over all items.
    """
    known = np.flatnonzero(~np.isnan(scores))
    score = scores[known]
    rank = np.array([content.rows[int(i)].human["rank"] for i in known])
    prompt = np.array([content.rows[int(i)].prompt_id for i in known])
    shares = [
        share for p in np.unique(prompt) if (share := _agreement(score[prompt == p], rank[prompt == p])) is not None
    ]
    found: dict[str, Any] = {"prompts": len(shares), "accuracy": None}
    if shares:
        drawn = of_counts(
            np.stack([shares, np.ones(len(shares))], axis=1), np.arange(len(shares)), times=TIMES, seed=seed
        )
        value = float(np.mean(shares))
        found["accuracy"] = plain(interval(value, drawn[:, 0] / drawn[:, 1]), value)
    around = rank_intervals(score, -rank, prompt, times=100, seed=seed)
    return found | {name: None if one is None else asdict(one) for name, one in around.items()}


def _agreement(score: Floats, rank: Floats) -> float | None:
    """The share of pairs that are not the other way round; None for fewer than two items."""
    if len(score) < 2:
        return None
    first, second = np.triu_indices(len(score), 1)
    gap, people = score[first] - score[second], rank[second] - rank[first]
    return float(1.0 - ((gap * people < 0) + 0.5 * ((gap == 0) & (people != 0))).mean())


BENCHMARK = Benchmark(
    "hpdv2-test",
    "image",
    "test.json, a list of {prompt, image_path: files, rank: the place of each, smallest best}, and these pictures in "
    "test/.",
    "huggingface.co/datasets/ymhao/HPDv2",
    read,
    report,
    (
        Published("HPS v2.1", {"accuracy": 0.841}, HPS),
        Published("HPS v2", {"accuracy": 0.833}, HPS),
        Published("VisionReward", {"accuracy": 0.817}, "VisionReward, arXiv 2412.21059, preference accuracy"),
        Published("PickScore", {"accuracy": 0.798}, HPS),
        Published("one person", {"accuracy": 0.781}, HPS),
        Published("Aesthetic predictor", {"accuracy": 0.768}, HPS),
        Published("ImageReward", {"accuracy": 0.740}, HPS),
    ),
)
