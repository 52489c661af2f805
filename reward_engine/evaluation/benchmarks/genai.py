"""GenAI-Bench: which of two pictures or clips people on GenAI-Arena voted for (Jiang et al. 2024, arXiv 2406.04485)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reward_engine.errors import DataError
from reward_engine.evaluation.benchmarks.base import Benchmark, Content, Floats, Pair, Published, Row
from reward_engine.evaluation.benchmarks.files import MediaFolder, parquet_rows
from reward_engine.evaluation.benchmarks.pairs import PairList, pair_report
from reward_engine.judges.base import MediaType

VOTES = {"leftvote": 1, "rightvote": -1, "tievote": 0, "bothbad_vote": 0}
SPLIT = "test_v1"
"""The split of the published leaderboard; where its files are there, others are left out."""

SOURCE = "huggingface.co/datasets/TIGER-Lab/GenAI-Bench"
LEADERBOARD = "github.com/TIGER-AI-Lab/GenAI-Bench, README, four answers asked for: A, B, both good, both bad"
VISIONREWARD = "VisionReward, arXiv 2412.21059, preference accuracy (tau, diff)"


def _read(folder: Path, scratch: Path, side: MediaType) -> Content:
    find, found = MediaFolder(folder, ("videos",)), PairList()
    for number, row in enumerate(parquet_rows(folder, (f"left_{side}", f"right_{side}", "prompt", "vote_type"), SPLIT)):
        vote = VOTES.get(str(row["vote_type"]))
        if vote is None:
            raise DataError(
                f"Row {number}: the vote is “{row['vote_type']}”, none of {', '.join(VOTES)}.", code="layout"
            )
        prompt = str(row["prompt"])
        sides = []
        for place in ("left", "right"):
            held = row[f"{place}_{side}"]
            name = f"{number:05d}-{place}"
            file, path = _kept(held, name, scratch) if isinstance(held, dict) else _named(row, place, str(held), find)
            sides.append(found.row(Row(file, path, prompt, prompt)))
        found.pairs.append(Pair(sides[0], sides[1], prompt, {"overall": vote}))
    return found.content()


def _kept(held: dict[str, Any], name: str, scratch: Path) -> tuple[str, Path]:
    """A picture that lies within the table, written to a file."""
    data = held.get("bytes")
    if not data:
        raise DataError(f"{name}: the table holds no picture here.", code="layout")
    path = scratch / f"{name}{Path(str(held.get('path') or '')).suffix or '.png'}"
    path.write_bytes(data)
    return name, path


def _named(row: dict[str, Any], place: str, held: str, find: MediaFolder) -> tuple[str, Path]:
    """A clip that the table names: its own file, or one that has its generator's name before it."""
    last = held.rsplit("/", 1)[-1]
    with_model = find(f"{row.get(f'{place}_model', '')}_{last}")
    return held, with_model if with_model.is_file() else find(held)


def read_images(folder: Path, scratch: Path) -> Content:
    """Read votes on pictures, and write the pictures into ``scratch``.

    Raises:
        DataError: The table is not as published.
    """
    return _read(folder, scratch, "image")


def read_videos(folder: Path, scratch: Path) -> Content:
    """Read votes on clips.

    Raises:
        DataError: The table is not as published.
    """
    return _read(folder, scratch, "video")


def report(content: Content, scores: Floats, seed: int) -> dict[str, Any]:
    """Measure accuracy without and with ties.

    “Both good” and “both bad” are ties for a judge that gives one number.
    """
    return pair_report(content, scores, ("overall",), seed)


IMAGE = Benchmark(
    "genai-bench-image",
    "image",
    "image_generation/test_v1-….parquet with the columns prompt, left_image and right_image (the pictures themselves), "
    "left_model, right_model and vote_type.",
    SOURCE,
    read_images,
    report,
    (
        Published("GPT-4o", {"four_answers": 0.4559}, LEADERBOARD),
        Published("Gemini 1.5 Pro", {"four_answers": 0.4467}, LEADERBOARD),
        Published("chance", {"four_answers": 0.2536}, LEADERBOARD),
    ),
)

VIDEO = Benchmark(
    "genai-bench-video",
    "video",
    "video_generation/test_v1-….parquet with the columns prompt, left_video and right_video (addresses), left_model, "
    "right_model and vote_type; and below videos/ the clips themselves, each named as its address ends (or GENERATOR_ "
    "and that).",
    SOURCE,
    read_videos,
    report,
    (
        Published("VisionReward", {"overall.with_ties": 0.518, "overall.without_ties": 0.744}, VISIONREWARD),
        Published("VideoScore", {"overall.with_ties": 0.478, "overall.without_ties": 0.714}, VISIONREWARD),
        Published("PickScore", {"overall.with_ties": 0.524, "overall.without_ties": 0.754}, VISIONREWARD),
        Published("ImageReward", {"overall.with_ties": 0.484, "overall.without_ties": 0.721}, VISIONREWARD),
        Published("GPT-4o", {"four_answers": 0.4846}, LEADERBOARD),
        Published("chance", {"four_answers": 0.2516}, LEADERBOARD),
    ),
)
