"""``benchmark``: a judge on a benchmark of the field, by its published protocol, from files that you have."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reward_engine.cli import rewards, tables
from reward_engine.cli.judge import add_model_options, open_judge
from reward_engine.cli.progress import bar, say
from reward_engine.errors import DataError
from reward_engine.evaluation.benchmarks import BENCHMARKS, Benchmark, Content
from reward_engine.evaluation.tables import NONE, table
from reward_engine.judges.base import MediaInput
from reward_engine.reward import reward, soft_values

NAMED = 5


def add(commands: Any) -> None:
    """Add the command and its options."""
    layouts = " ".join(one.expects for one in BENCHMARKS.values())
    parser = commands.add_parser(
        "benchmark", help="a judge on a published benchmark", description=f"{__doc__} {layouts}"
    )
    parser.add_argument("name", choices=sorted(BENCHMARKS))
    parser.add_argument("folder", type=Path, help="where its files lie, as published")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--judge", dest="model", help="an embedded judge, an adapter, a model's folder, or a hub id")
    source.add_argument("--scores", type=Path, help="or scores of your own: a table with the columns file and score")
    parser.add_argument("--weights", type=Path, help=rewards.HELP)
    parser.add_argument("--checklist", help="image, video, or a file; a trained judge knows its own")
    parser.add_argument("--cache", type=Path, help="where features of the embedded judge are kept between runs")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0, help="of the intervals")
    parser.add_argument("--save-scores", type=Path, help="where the judge's scores go, as a table for --scores")
    parser.add_argument("--json", "--out", dest="json", type=Path, help="the figures as JSON, to compare runs")
    add_model_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Measure a judge on a published benchmark."""
    benchmark = BENCHMARKS[arguments.name]
    with TemporaryDirectory(prefix="reward-engine-") as scratch:
        content = benchmark.load(arguments.folder, Path(scratch))
        if arguments.scores is not None:
            judge, scores = arguments.scores.name, _given(arguments.scores, content)
        else:
            judge, scores = _judged(arguments, benchmark, content)
    if arguments.save_scores is not None:
        listed = zip(content.rows, scores, strict=True)
        tables.write(
            arguments.save_scores,
            [{"file": row.file, "score": float(score)} for row, score in listed if not np.isnan(score)],
        )
    found = {
        "benchmark": benchmark.name, "judge": judge, "seed": arguments.seed,
        "figures": benchmark.measure(content, scores, seed=arguments.seed),
        "published": [
            {"method": one.method, "figures": dict(one.figures), "source": one.source} for one in benchmark.published
        ],
    }  # fmt: skip
    print(_shown(judge, found["figures"], benchmark))
    if arguments.json is not None:
        text = json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False)
        arguments.json.write_text(text + "\n", encoding="utf-8")
        say(f"→ {arguments.json}")


def _given(path: Path, content: Content) -> NDArray[np.float64]:
    listed, _about = tables.read(path)
    try:
        known = {str(row["file"]): float(row["score"]) for row in listed}
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path.name}: each row needs a file and a score ({error!r}).", code="scores") from error
    missing = [row.file for row in content.rows if row.file not in known]
    if len(missing) == len(content.rows):
        raise DataError(
            f"{path.name}: not one of its files is an item here; the first item is “{missing[0]}”.", code="scores"
        )
    if missing:
        say(f"Warning: {len(missing)} of {len(content.rows)} items have no score there, “{missing[0]}” for one.")
    return np.array([known.get(row.file, np.nan) for row in content.rows])


def _judged(arguments: argparse.Namespace, benchmark: Benchmark, content: Content) -> tuple[str, NDArray[np.float64]]:
    there = _there(arguments.folder, benchmark, content)
    judge = open_judge(arguments)
    checklist = judge.checklist
    if checklist.media_type != benchmark.media_type:
        raise DataError(
            f"{benchmark.name} holds {benchmark.media_type}s, and the judge is for {checklist.media_type}s.",
            code="media_type",
        )
    items = [MediaInput(str(n), benchmark.media_type, content.rows[n].path, content.rows[n].prompt) for n in there]
    with bar("Judging", "items") as progress:
        said = judge.predict(items, batch_size=arguments.batch_size, progress=progress)
    for key, error in list(said.errors.items())[:NAMED]:
        say(f"{content.rows[int(key)].file}: {error}")
    if len(said.errors) > NAMED:
        say(f"… and {len(said.errors) - NAMED} more items could not be judged.")
    own = getattr(judge, "weights", None) if arguments.weights is None else None
    weights = own if own is not None else rewards.read(arguments.weights, checklist).weights
    scores = np.full(len(content.rows), np.nan)
    if said.keys:
        at = [int(key) for key in said.keys]
        scores[at] = reward(soft_values(said.p_yes, checklist), checklist, weights).reward
    return f"{judge.name} {judge.version}", scores


def _there(folder: Path, benchmark: Benchmark, content: Content) -> list[int]:
    """Find the rows whose media are there; say which are not, and where they come from.

    Raises:
        DataError: None is there.
    """
    there = [number for number, row in enumerate(content.rows) if row.path.is_file()]
    if len(there) < len(content.rows):
        known = set(there)
        missing = [row.file for number, row in enumerate(content.rows) if number not in known]
        names = ", ".join(missing[:NAMED]) + (" …" if len(missing) > NAMED else "")
        text = f"{folder}: {len(missing)} of {len(content.rows)} {benchmark.media_type}s are missing: {names}."
        if not there:
            raise DataError(f"{text} {benchmark.expects}", code="missing")
        say(f"Warning: {text} They come from {benchmark.source}; the figures are of the others.")
    return there


def _shown(judge: str, figures: Mapping[str, Any], benchmark: Benchmark) -> str:
    mine = dict(_figures(figures))
    lines = [[name, *_cells(value)] for name, value in mine.items()]
    text = f"{judge}: {figures['judged']} of {figures['items']} items\n" + table(["figure", "value", "95 %"], lines)
    if benchmark.published:
        text += f"\n\n{_beside(judge, mine, benchmark)}"
    return text


def _beside(judge: str, mine: Mapping[str, Mapping[str, Any]], benchmark: Benchmark) -> str:
    """The judge's figures beside published ones, and where each of these stands."""
    names = list(dict.fromkeys(name for one in benchmark.published for name in one.figures))
    sources = list(dict.fromkeys(one.source for one in benchmark.published))
    rows = [[judge, *(f"{mine[name]['value']:.3f}" if name in mine else NONE for name in names), "here"]]
    for one in benchmark.published:
        cells = [f"{one.figures[name]:.3f}" if name in one.figures else NONE for name in names]
        rows.append([one.method, *cells, f"[{sources.index(one.source) + 1}]"])
    notes = [f"[{number}] {source}" for number, source in enumerate(sources, 1)]
    return "\n".join([table(["beside published figures", *names, "source"], rows), *notes])


def _figures(found: Mapping[str, Any], before: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Figures that have a value, nested ones as ``a.b``."""
    shown: list[tuple[str, dict[str, Any]]] = []
    for name, value in found.items():
        if isinstance(value, dict):
            full = f"{before}{name}"
            shown += [(full, value)] if "low" in value else _figures(value, f"{full}.")
    return shown


def _cells(value: Mapping[str, Any]) -> list[str]:
    sure = NONE if value["low"] is None else f"{value['low']:.3f} to {value['high']:.3f}"
    return [f"{value['value']:.3f}", sure]
