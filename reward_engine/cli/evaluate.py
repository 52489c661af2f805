"""``evaluate``: judges against people's levels, and against people's preferences, side by side, with intervals."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reward_engine.cli import items, predictions, tables
from reward_engine.cli.predictions import Stored
from reward_engine.cli.progress import say
from reward_engine.errors import DataError
from reward_engine.evaluation.compare import compare_judges
from reward_engine.evaluation.plots import plot_agreement, plot_comparison, plot_reliability
from reward_engine.evaluation.report import evaluate_answers
from reward_engine.evaluation.tables import answers_table, comparison_table
from reward_engine.reward import reward, soft_values
from reward_engine.weights import Weights, equal_weights

BETTER = {"a": 1, "first": 1, "1": 1, "b": -1, "second": -1, "2": -1, "-1": -1, "tie": 0, "same": 0, "0": 0}


def add(commands: Any) -> None:
    parser = commands.add_parser("evaluate", help="judges against people", description=__doc__)
    parser.add_argument("predictions", type=Path, nargs="+", help="what judge wrote: one file or several to compare")
    parser.add_argument("--judgments", type=Path, help="people's levels: a table as for train")
    parser.add_argument("--preferences", type=Path, help="a table with columns a, b (keys) and answer (A, B or tie)")
    parser.add_argument("--weights", type=Path, help="a weights file (default: every sub-dimension counts alike)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="a folder for report.json and plots")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    if arguments.judgments is None and arguments.preferences is None:
        raise DataError("Name people's levels with --judgments, their preferences with --preferences, or both.")
    judges = named([predictions.read(path) for path in arguments.predictions], arguments.predictions)
    arguments.out.mkdir(parents=True, exist_ok=True)
    report: dict[str, Any] = {"judges": {name: stored.judge for name, stored in judges.items()}}
    if arguments.judgments is not None:
        report["levels"] = _levels(arguments, judges)
    if arguments.preferences is not None:
        report["preferences"] = _preferences(arguments, judges)
    text = json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False, default=_plain)
    (arguments.out / "report.json").write_text(text + "\n", encoding="utf-8")
    say(f"→ {arguments.out}/report.json and plots")


def named(stored: list[Stored], paths: list[Path]) -> dict[str, Stored]:
    """Judges by the names of their files. Raises DataError where they answer different checklists."""
    for other in stored[1:]:
        if other.checklist.content_hash != stored[0].checklist.content_hash:
            raise DataError("The judges answer different checklists and cannot be compared.", code="checklist")
    if len({path.stem for path in paths}) < len(paths):
        raise DataError("Two files have the same name; the judges are told apart by it.", code="name")
    return {path.stem: one for path, one in zip(paths, stored, strict=True)}


def _levels(arguments: argparse.Namespace, judges: dict[str, Stored]) -> dict[str, Any]:
    checklist = next(iter(judges.values())).checklist
    listed = items.read(arguments.judgments, checklist.media_type)
    truth = items.levels(checklist, listed.rows, arguments.judgments.name)
    found = {}
    for name, stored in judges.items():
        row = {key: number for number, key in enumerate(stored.keys)}
        both = [(row[item.key], number) for number, item in enumerate(listed.items) if item.key in row]
        if not both:
            raise DataError(f"{name}: none of its items is among the judgments.", code="keys")
        mine, theirs = (list(side) for side in zip(*both, strict=True))
        groups = [listed.groups[number] for number in theirs]
        report = evaluate_answers(checklist, stored.p_yes[mine], truth[theirs], groups, seed=arguments.seed)
        print(f"\n{name} ({stored.judge}), {report.n} items\n\n{answers_table(checklist, report)}")
        plot_agreement(checklist, report, name).savefig(arguments.out / f"{name}-agreement.png", dpi=150)
        plot_reliability(report.reliability, name).savefig(arguments.out / f"{name}-reliability.png", dpi=150)
        found[name] = report.to_json()
    return found


def _preferences(arguments: argparse.Namespace, judges: dict[str, Stored]) -> dict[str, Any]:
    checklist = next(iter(judges.values())).checklist
    weights = Weights.load(arguments.weights, checklist) if arguments.weights else equal_weights(checklist)
    rows, _ = tables.read(arguments.preferences)
    scores = {
        name: dict(
            zip(stored.keys, reward(soft_values(stored.p_yes, checklist), checklist, weights).reward, strict=True)
        )
        for name, stored in judges.items()
    }
    pairs = [(str(row.get("a")), str(row.get("b")), answer(row, number)) for number, row in enumerate(rows, 1)]
    known = [pair for pair in pairs if all(pair[0] in its and pair[1] in its for its in scores.values())]
    if len(known) < len(pairs):
        say(f"{len(pairs) - len(known)} of {len(pairs)} pairs are left out: not every judge has answered both items.")
    if not known:
        raise DataError(f"{arguments.preferences.name}: no pair has both of its items answered.", code="keys")
    gaps: dict[str, NDArray[np.float64]] = {
        name: np.array([its[a] - its[b] for a, b, _ in known]) for name, its in scores.items()
    }
    any_judge = next(iter(judges.values()))
    prompt = dict(zip(any_judge.keys, any_judge.groups, strict=True))
    human = np.array([said for *_, said in known])
    found = compare_judges(gaps, human, [prompt[a] for a, _, _ in known], seed=arguments.seed)
    print(f"\n{comparison_table(found)}")
    plot_comparison(found).savefig(arguments.out / "preferences.png", dpi=150)
    return asdict(found)


def answer(row: tables.Row, number: int) -> int:
    """+1 the first is better, −1 the second, 0 a tie. Raises DataError."""
    said = str(row.get("answer", "")).strip().lower()
    if said not in BETTER or row.get("a") in (None, "") or row.get("b") in (None, ""):
        raise DataError(
            f"Preferences, row {number}: keys in a and b, and A, B or tie in answer are expected.", code="preferences"
        )
    return BETTER[said]


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} does not go into JSON")
