"""AGIQA-3K: mean opinion scores of quality and of alignment for 2,982 generated images (Li et al. 2023)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reward_engine.errors import DataError
from reward_engine.evaluation.benchmarks.base import Benchmark, Content, Floats, Row
from reward_engine.evaluation.benchmarks.files import MediaFolder, first_of, read_csv
from reward_engine.evaluation.rankings import opinion_report


def read(folder: Path, scratch: Path) -> Content:
    """Read the rows of the benchmark.

    Raises:
        DataError: Naming the row that does not fit.
    """
    path = first_of(folder, ("data.csv",))
    find, rows = MediaFolder(folder), []
    for number, row in enumerate(read_csv(path), 1):
        try:
            human = {"quality": float(row["mos_quality"]), "alignment": float(row["mos_align"])}
            rows.append(Row(row["name"], find(row["name"]), row["prompt"], row["prompt"], human))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path.name}, row {number}: {error!r}.", code="layout") from error
    return Content(tuple(rows))


def report(content: Content, scores: Floats, seed: int) -> dict[str, Any]:
    """Correlate scores with people's opinions of quality and of alignment.

    Gives Kendall's tau and Spearman's rho with each, with intervals over prompts.
    """
    prompts = [row.prompt_id for row in content.rows]
    return {
        name: opinion_report(scores, [row.human[name] for row in content.rows], prompts, seed=seed)
        for name in ("quality", "alignment")
    }


BENCHMARK = Benchmark(
    "agiqa-3k",
    "image",
    "data.csv with the columns name, prompt, mos_quality and mos_align, and the images that it names.",
    "github.com/lcysyzxdxc/AGIQA-3k-Database",
    read,
    report,
)
