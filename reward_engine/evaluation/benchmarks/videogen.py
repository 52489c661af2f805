"""VideoGen-RewardBench: 26.5k pairs of clips, compared in three dimensions and overall (Liu et al. 2025)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reward_engine.errors import DataError
from reward_engine.evaluation.benchmarks.base import Benchmark, Content, Floats, Pair, Published, Row
from reward_engine.evaluation.benchmarks.files import MediaFolder, first_of, read_csv
from reward_engine.evaluation.benchmarks.pairs import PairList, pair_report

NAMES = ("Overall", "VQ", "MQ", "TA")
ANSWERS = {"A": 1, "B": -1, "same": 0}
BOARD = "the leaderboard huggingface.co/spaces/KwaiVGI/VideoGen-RewardBench, February 2025"


def read(folder: Path, scratch: Path) -> Content:
    """Read the rows of the benchmark.

    Raises:
        DataError: Naming the row that does not fit.
    """
    path = first_of(folder, ("videogen-rewardbench.csv",))
    find, found = MediaFolder(folder, ("videos",)), PairList()
    for number, row in enumerate(read_csv(path), 1):
        try:
            sides = [
                found.row(Row(row[name], find(row[name]), row["prompt"], row["prompt"]))
                for name in ("path_A", "path_B")
            ]
            human = {name: ANSWERS[row[name]] for name in NAMES if row[name]}
        except (KeyError, TypeError) as error:
            raise DataError(f"{path.name}, row {number}: {error!r} is missing or unknown.", code="layout") from error
        found.pairs.append(Pair(sides[0], sides[1], row["prompt"], human))
    return found.content()


def report(content: Content, scores: Floats, seed: int) -> dict[str, Any]:
    """Measure accuracy without and with ties, overall and in each dimension.

    A judge gives one score, which is compared with each.
    """
    return pair_report(content, scores, NAMES, seed)


def _board(method: str, without: tuple[float, ...], with_ties: tuple[float, ...]) -> Published:
    figures = {f"{name}.without_ties": value for name, value in zip(NAMES, without, strict=True)}
    return Published(method, figures | {f"{n}.with_ties": v for n, v in zip(NAMES, with_ties, strict=True)}, BOARD)


BENCHMARK = Benchmark(
    "videogen-rewardbench",
    "video",
    "videogen-rewardbench.csv with the columns path_A, path_B, prompt, VQ, MQ, TA and Overall (A, B or same), and the "
    "clips that it names, below videos/.",
    "huggingface.co/datasets/KwaiVGI/VideoGen-RewardBench",
    read,
    report,
    (
        _board("VideoReward", (0.7359, 0.7566, 0.7470, 0.7220), (0.6126, 0.5968, 0.6603, 0.5380)),
        _board("VisionReward", (0.6759, 0.5903, 0.6098, 0.6115), (0.5677, 0.4743, 0.5903, 0.4656)),
        _board("LiFT", (0.5726, 0.5597, 0.5491, 0.5543), (0.3908, 0.4753, 0.5904, 0.3379)),
        _board("chance", (0.5030, 0.4986, 0.4964, 0.5040), (0.4186, 0.4742, 0.5907, 0.3725)),
    ),
)
