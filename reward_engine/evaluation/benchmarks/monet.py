"""MonetBench's video preferences: pairs of clips of one prompt, as VisionReward was measured (Xu et al. 2024)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reward_engine.errors import DataError
from reward_engine.evaluation.benchmarks.base import Benchmark, Content, Floats, Pair, Published, Row
from reward_engine.evaluation.benchmarks.files import MediaFolder, parquet_rows
from reward_engine.evaluation.benchmarks.genai import VISIONREWARD
from reward_engine.evaluation.benchmarks.pairs import PairList, pair_report

ANSWERS = {"video1": 1, "video2": -1, "tie": 0}


def read(folder: Path, scratch: Path) -> Content:
    """Read the rows of the benchmark.

    Raises:
        DataError: Naming the row that does not fit.
    """
    find, found = MediaFolder(folder, ("videos",)), PairList()
    for number, row in enumerate(parquet_rows(folder, ("video1_path", "video2_path", "standard_answer"), "test"), 1):
        answer = ANSWERS.get(str(row["standard_answer"]))
        if answer is None:
            raise DataError(
                f"Row {number}: the answer is “{row['standard_answer']}”, none of {', '.join(ANSWERS)}.", code="layout"
            )
        names = [str(row[name]) for name in ("video1_path", "video2_path")]
        prompt = str(row.get("prompt") or "")
        group = prompt or " ".join(names)
        first, second = (found.row(Row(name, find(name), prompt, group)) for name in names)
        found.pairs.append(Pair(first, second, group, {"overall": answer}))
    return found.content()


def report(content: Content, scores: Floats, seed: int) -> dict[str, Any]:
    """Measure accuracy without and with ties."""
    return pair_report(content, scores, ("overall",), seed)


def _table(method: str, tau: float, diff: float) -> Published:
    return Published(method, {"overall.with_ties": tau, "overall.without_ties": diff}, VISIONREWARD)


BENCHMARK = Benchmark(
    "monetbench",
    "video",
    "test/test-00000-of-00001.parquet (earlier monetbench/…) with the columns video1_path, video2_path, "
    "standard_answer (video1, video2 or tie) and prompt, and the clips that it names, anywhere below the folder.",
    "huggingface.co/datasets/zai-org/VisionRewardDB-Video",
    read,
    report,
    (
        _table("VisionReward", 0.640, 0.721),
        _table("HPSv2", 0.593, 0.625),
        _table("PickScore", 0.577, 0.616),
        _table("VQAScore", 0.561, 0.595),
        _table("ImageReward", 0.558, 0.584),
        _table("VideoScore", 0.491, 0.549),
        _table("GPT-4o", 0.457, 0.483),
    ),
)
