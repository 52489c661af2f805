"""``evaluate``: judges against people's levels, and against people's preferences, side by side, with intervals."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reward_engine.cli import items, predictions, preferences, rewards
from reward_engine.cli.predictions import Stored
from reward_engine.cli.progress import say
from reward_engine.comparisons import Comparisons
from reward_engine.errors import DataError
from reward_engine.evaluation.breakdown import by_dimension, by_generator
from reward_engine.evaluation.compare import compare_answers, compare_judges
from reward_engine.evaluation.report import evaluate_answers
from reward_engine.evaluation.tables import (
    answers_table,
    beside_table,
    breakdown_table,
    comparison_table,
    effects_table,
    shares_table,
)
from reward_engine.reward import soft_values

Levels = NDArray[np.int8]


def add(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("evaluate", help="judges against people", description=__doc__)
    parser.add_argument("predictions", type=Path, nargs="+", help="what judge wrote: one file or several to compare")
    parser.add_argument("--judgments", type=Path, help="people's levels: a table as for train")
    parser.add_argument("--preferences", type=Path, help=preferences.HELP)
    parser.add_argument("--weights", type=Path, help=rewards.HELP)
    parser.add_argument(
        "--baselines",
        action="store_true",
        help="look at the media of the judgments too, and put majority, sharpness, motion, bitrate and ridge beside",
    )
    parser.add_argument("--cache", type=Path, help="where features of the media are kept between runs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="a folder for report.json and plots")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Measure predictions against what people say."""
    if arguments.judgments is None and arguments.preferences is None:
        raise DataError("Name people's levels with --judgments, their preferences with --preferences, or both.")
    judges = named([predictions.read(path) for path in arguments.predictions], arguments.predictions)
    arguments.out.mkdir(parents=True, exist_ok=True)
    report: dict[str, Any] = {"judges": {name: stored.judge for name, stored in judges.items()}}
    if arguments.judgments is not None:
        checklist = next(iter(judges.values())).checklist
        listed = items.read(arguments.judgments, checklist.media_type)
        truth = items.levels(checklist, listed.rows, arguments.judgments.name)
        report["levels"] = _levels(arguments, judges, listed, truth)
        if len(judges) > 1:
            report["answers"] = _compared(arguments, judges, listed, truth)
        if arguments.baselines:
            report["beside_baselines"] = _beside(arguments, judges, listed, truth)
    if arguments.preferences is not None:
        report["preferences"] = _preferences(arguments, judges)
    text = json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False, default=_plain)
    (arguments.out / "report.json").write_text(text + "\n", encoding="utf-8")
    say(f"→ {arguments.out}/report.json and plots")


def named(stored: list[Stored], paths: list[Path]) -> dict[str, Stored]:
    """Name judges by their files.

    Raises:
        DataError: If they answer different checklists.
    """
    for other in stored[1:]:
        if other.checklist.content_hash != stored[0].checklist.content_hash:
            raise DataError("The judges answer different checklists and cannot be compared.", code="checklist")
    if len({path.stem for path in paths}) < len(paths):
        raise DataError("Two files have the same name; the judges are told apart by it.", code="name")
    return {path.stem: one for path, one in zip(paths, stored, strict=True)}


def _levels(
    arguments: argparse.Namespace, judges: dict[str, Stored], listed: items.Listed, truth: Levels
) -> dict[str, Any]:
    from reward_engine.evaluation.plots import plot_agreement, plot_reliability

    checklist = next(iter(judges.values())).checklist
    found: dict[str, Any] = {}
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


def _compared(
    arguments: argparse.Namespace, judges: dict[str, Stored], listed: items.Listed, truth: Levels
) -> dict[str, Any]:
    """Whose answers are more like people's, on the items that all judges and people have answered."""
    checklist = next(iter(judges.values())).checklist
    theirs = _in_common(judges, listed)
    if not theirs:
        raise DataError("No item is answered by every judge, so that they cannot be compared.", code="keys")
    p_yes = _answers(judges, [listed.items[n].key for n in theirs])
    groups = [listed.groups[n] for n in theirs]
    found = compare_answers(checklist, p_yes, truth[theirs], groups, seed=arguments.seed)
    print(f"\n{len(theirs)} items in common\n{shares_table(found)}")
    return asdict(found)


def _beside(
    arguments: argparse.Namespace, judges: dict[str, Stored], listed: items.Listed, truth: Levels
) -> dict[str, Any]:
    """How judges and baselines order the items of a prompt, of those that all judges answered and that can be read."""
    from reward_engine.evaluation.beside import beside_baselines
    from reward_engine.features import FeatureExtractor
    from reward_engine.media import bitrates

    checklist = next(iter(judges.values())).checklist
    extractor = FeatureExtractor(checklist.media_type, cache_dir=arguments.cache)
    features, rows = items.look(listed, extractor, _in_common(judges, listed))
    found = beside_baselines(
        checklist,
        features,
        truth[rows],
        [listed.groups[n] for n in rows],
        _answers(judges, features.keys),
        bitrates([listed.items[n].path for n in rows]),
        seed=arguments.seed,
    )
    print(f"\n{beside_table(found)}")
    return found


def _in_common(judges: dict[str, Stored], listed: items.Listed) -> list[int]:
    """The rows of the items that every judge has answered."""
    answered = set.intersection(*(set(stored.keys) for stored in judges.values()))
    return [n for n, item in enumerate(listed.items) if item.key in answered]


def _answers(judges: dict[str, Stored], keys: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Each judge's P(yes) of these items [n, q]."""
    found = {}
    for name, stored in judges.items():
        row = {key: number for number, key in enumerate(stored.keys)}
        found[name] = stored.p_yes[[row[key] for key in keys]]
    return found


def _preferences(arguments: argparse.Namespace, judges: dict[str, Stored]) -> dict[str, Any]:
    from reward_engine.evaluation.plots import plot_comparison  # matplotlib takes its time, and only reports need it
    from reward_engine.preferences.effect import dimension_effects

    checklist = next(iter(judges.values())).checklist
    formula = rewards.read(arguments.weights, checklist)
    pairs, keys, left_out = preferences.comparisons(arguments.preferences, judges)
    if left_out:
        say(f"{left_out} of {left_out + len(pairs)} pairs are left out: not every judge has answered both items.")
    values = {name: soft_values(stored.p_yes, checklist) for name, stored in judges.items()}
    scored = {name: formula.apply(stored, values[name]) for name, stored in judges.items()}
    own = {name: _rows(stored, keys, pairs) for name, stored in judges.items()}
    gaps = {name: own[name].differences(found.reward + aligned) for name, (found, aligned) in scored.items()}
    found = compare_judges(gaps, pairs.outcome, pairs.prompts, seed=arguments.seed)
    print(f"\n{comparison_table(found)}")
    plot_comparison(found).savefig(arguments.out / "preferences.png", dpi=150)
    report = asdict(found) | {"by_dimension": {}, "by_generator": {}, "effects": {}}
    names = {dimension.id: dimension.name for dimension in checklist.dimensions}
    for name, stored in judges.items():
        dimensions, generators = by_dimension(checklist, scored[name][0], own[name]), {}
        if any(stored.generators):
            first, second = ([stored.generators[row] for row in rows] for rows in (own[name].first, own[name].second))
            generators = by_generator(gaps[name], pairs.outcome, first, second)
        print(f"\n{name}\n{breakdown_table(dimensions, generators, names)}")
        effects = dimension_effects(checklist, values[name], own[name], formula.weights, seed=arguments.seed)
        print(f"\n{effects_table(effects)}")
        report["effects"][name] = [effect.to_json() for effect in effects]
        report["by_dimension"][name] = {id: asdict(one) for id, one in dimensions.items()}
        report["by_generator"][name] = {generator: asdict(one) for generator, one in generators.items()}
    return report


def _rows(stored: Stored, keys: list[tuple[str, str]], pairs: Comparisons) -> Comparisons:
    """The same pairs as rows of this judge's file."""
    row = {key: number for number, key in enumerate(stored.keys)}
    first, second = ([row[key] for key in side] for side in zip(*keys, strict=True))
    return Comparisons.of(first, second, pairs.outcome, pairs.prompts, items=len(row))


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} does not go into JSON")
