"""FETV: clips of four generators and real ones, each rated by three people (Liu et al. 2023, arXiv 2311.01813)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reward_engine.errors import DataError
from reward_engine.evaluation.benchmarks.base import Benchmark, Content, Floats, Published, Row
from reward_engine.evaluation.benchmarks.files import first_of, read_json_lines
from reward_engine.evaluation.bootstrap import of_rows
from reward_engine.evaluation.rankings import opinion_report

NAMES = ("alignment", "static_quality", "temporal_quality")
RATINGS = "manual_eval_results_"
FOLDERS = {"damo-text2video": "modelscope-t2v", "ground-truth": "real_videos"}
"""Ratings name two generators otherwise than the folders of their clips."""

TABLE = "github.com/llyx97/FETV-EVAL, assets/corr_results.png (Kendall's τ-c and Spearman's ρ over all clips)"


def read(folder: Path, scratch: Path) -> Content:
    """Read prompts, ratings and the places of clips.

    Raises:
        DataError: Naming the file that is missing or does not fit.
    """
    prompts = [
        str(entry["prompt"]) for entry in read_json_lines(first_of(folder, ("datas/fetv_data.json", "fetv_data.json")))
    ]
    people = sorted((folder / "manual_eval_results").glob("human*"))
    if not people:
        raise DataError("manual_eval_results/human0, human1 and human2 are missing.", code="missing")
    rows = []
    for path in sorted(people[0].glob(f"{RATINGS}*.json")):
        generator = path.stem.removeprefix(RATINGS)
        told = [_ratings(person / path.name) for person in people]
        for id, first in told[0].items():
            every = [one[id] for one in told if id in one]
            human = {name: float(np.mean([one[name] for one in every])) for name in NAMES
                     if all(name in one for one in every)}  # fmt: skip
            if not id.isdigit() or int(id) >= len(prompts):
                raise DataError(f"{path.name}: there is no prompt {id}.", code="layout")
            clip = _clip(folder, generator, id, str(first.get("video_id", "")))
            rows.append(Row(f"{generator}/{id}", clip, prompts[int(id)], id, human))
    return Content(tuple(rows))


def _ratings(path: Path) -> dict[str, dict[str, Any]]:
    """One person's ratings of one generator: a line each, {"id": {"alignment": 1 to 5, …}}."""
    if not path.is_file():
        raise DataError(f"{path.parent.name}/{path.name} is missing.", code="missing")
    found: dict[str, dict[str, Any]] = {}
    for line in read_json_lines(path):
        found.update(line)
    return found


def _clip(folder: Path, generator: str, id: str, video_id: str) -> Path:
    """The clip of a prompt, or where it should be."""
    tried = list(_places(folder / "datas" / "videos" / FOLDERS.get(generator, generator), id, video_id))
    tried += _places(folder / "videos" / FOLDERS.get(generator, generator), id, video_id)
    return next((path for path in tried if path.is_file()), tried[0])


def _places(folder: Path, id: str, video_id: str) -> Iterator[Path]:
    names = [name for name in (id, video_id) if name]
    for place in (folder / "videos", folder):
        for name in names:
            for ending in (".mp4", ".gif"):
                yield place / f"{name}{ending}"


def report(content: Content, scores: Floats, seed: int) -> dict[str, Any]:
    """Correlate scores with people's mean ratings.

    Gives Kendall's τ-c (as published), τ-b and Spearman's ρ, with intervals over prompts.
    """
    prompts = np.array([row.prompt_id for row in content.rows])
    found: dict[str, Any] = {}
    for name in NAMES:
        opinions = np.array([row.human.get(name, np.nan) for row in content.rows])
        both = ~(np.isnan(opinions) | np.isnan(scores))
        a, b = scores[both], opinions[both]
        variant = of_rows(partial(_drawn, a, b), prompts[both], times=100, seed=seed)
        found[name] = opinion_report(scores, opinions, prompts, seed=seed)
        found[name]["kendall_c"] = None if variant is None else asdict(variant)
    return found


def _drawn(a: Floats, b: Floats, rows: NDArray[np.int64]) -> float | None:
    return _kendall_c(a[rows], b[rows])


def _kendall_c(a: Floats, b: Floats) -> float | None:
    from scipy.stats import kendalltau

    if len(a) < 3 or not np.ptp(a) > 0 or not np.ptp(b) > 0:
        return None
    return float(kendalltau(a, b, variant="c").statistic)


def _table(method: str, kendall: float, spearman: float) -> Published:
    return Published(method, {"alignment.kendall_c": kendall, "alignment.spearman": spearman}, TABLE)


BENCHMARK = Benchmark(
    "fetv",
    "video",
    "datas/fetv_data.json (a prompt a line), manual_eval_results/human0 to human2 with a file "
    "manual_eval_results_GENERATOR.json each, and the clips datas/videos/GENERATOR/videos/0.mp4 (or .gif) and so on, "
    "real ones datas/videos/real_videos/VIDEO_ID.mp4.",
    "github.com/llyx97/FETV-EVAL and huggingface.co/datasets/lyx97/FETV_gen_videos",
    read,
    report,
    (
        _table("UMTScore", 0.309, 0.425),
        _table("BLIPScore", 0.235, 0.322),
        _table("CLIPScore, fine-tuned", 0.224, 0.309),
        _table("CLIPScore", 0.177, 0.243),
        _table("Otter, questions", 0.081, 0.114),
    ),
)
