"""Protocols on published human data without media: what people say among themselves, and what chance gives."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np

from reward_engine.evaluation.bootstrap import Interval
from reward_engine.evaluation.rankings import RankingReport, opinion_report, ranking_report


def section(data: Path) -> str:
    """The part on these data; empty where the files are not there."""
    rankings, scores = data / "imagereward-test" / "test.json", data / "agiqa-3k" / "data.csv"
    lines = ["## Protocols on published data", "",
             "Neither set brings pictures here, so no judge is measured on them. What is shown is that the protocols "
             "count as published, and what one gets without looking."]  # fmt: skip
    if rankings.is_file():
        lines += _rankings(json.loads(rankings.read_text(encoding="utf-8")))
    if scores.is_file():
        with scores.open(encoding="utf-8", newline="") as file:
            lines += _opinions(list(csv.DictReader(file)))
    return "\n".join([*lines, ""]) if len(lines) > 3 else ""


def _rankings(prompts: list[dict[str, object]]) -> list[str]:
    ranks = np.concatenate([np.array(one["ranking"], dtype=np.float64) for one in prompts])
    group = np.repeat(np.arange(len(prompts)), [len(one["ranking"]) for one in prompts])  # type: ignore[arg-type]
    place = np.concatenate([np.arange(len(one["ranking"])) for one in prompts])  # type: ignore[arg-type]
    chance = np.random.default_rng(0).random(len(ranks))
    rows = {"people's own ranks": -ranks, "chance": chance, "the order in the file": -place.astype(np.float64)}
    lines = ["", f"ImageReward's test rankings: {len(ranks)} images of {len(prompts)} prompts.", "",
             "| score | pairs | of them ties | without ties | with ties | Kendall | Spearman |",
             "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"]  # fmt: skip
    for name, score in rows.items():
        lines.append(_row(name, ranking_report(score, ranks, group, times=200)))
    return lines


def _row(name: str, found: RankingReport) -> str:
    cells = [_percent(found.without_ties), _percent(found.with_ties), _number(found.kendall), _number(found.spearman)]
    return f"| {name} | {found.pairs} | {found.ties} | " + " | ".join(cells) + " |"


def _opinions(rows: list[dict[str, str]]) -> list[str]:
    quality, align = (np.array([float(row[name]) for row in rows]) for name in ("mos_quality", "mos_align"))
    prompts = [row["prompt"] for row in rows]
    words = np.array([len(prompt.split()) for prompt in prompts], dtype=np.float64)
    figures = {
        "alignment's scores for quality": opinion_report(align, quality, prompts, times=50),
        "words of the prompt for alignment": opinion_report(-words, align, prompts, times=50),
    }
    lines = ["", f"AGIQA-3K's mean opinion scores: {len(rows)} images of {len(set(prompts))} prompts.", "",
             "| score | n | Kendall | Spearman |", "| --- | ---: | ---: | ---: |"]  # fmt: skip
    for name, one in figures.items():
        cells = [_number(None if one[key] is None else Interval(**one[key])) for key in ("kendall", "spearman")]
        lines.append(f"| {name} | {one['n']} | " + " | ".join(cells) + " |")
    return lines


def _percent(one: Interval | None) -> str:
    return "–" if one is None else f"{one.value:.1%} ({one.low:.1%} to {one.high:.1%})"


def _number(one: Interval | None) -> str:
    return "–" if one is None else f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})"
