"""``calibrate``: make a judge's P(yes) come true as often as it says, from people's levels it was not trained on."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from reward_engine.answers import harmonize, to_answers
from reward_engine.cli import items, predictions
from reward_engine.cli.progress import say
from reward_engine.errors import DataError
from reward_engine.evaluation.tables import percent


def add(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("calibrate", help="calibrate P(yes) on people's levels", description=__doc__)
    parser.add_argument("predictions", type=Path, help="what judge wrote")
    parser.add_argument("--judgments", type=Path, required=True, help="people's levels, not those of the training")
    parser.add_argument("--method", choices=("platt", "temperature"), default="platt")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="a calibration (.json), for score")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Fit a calibration and write it."""
    from reward_engine.calibration import fit_calibration

    stored = predictions.read(arguments.predictions)
    checklist = stored.checklist
    listed = items.read(arguments.judgments, checklist.media_type)
    row = {key: number for number, key in enumerate(stored.keys)}
    both = [(row[item.key], number) for number, item in enumerate(listed.items) if item.key in row]
    if not both:
        raise DataError(f"{arguments.judgments.name}: none of the items judged there was predicted.", code="keys")
    mine, theirs = (list(side) for side in zip(*both, strict=True))
    levels = harmonize(checklist, items.levels(checklist, listed.rows, arguments.judgments.name)[theirs])
    found = fit_calibration(
        checklist,
        stored.p_yes[mine],
        to_answers(checklist, levels),
        [listed.groups[number] for number in theirs],
        method=arguments.method,
        seed=arguments.seed,
    )
    found.save(arguments.out)
    for warning in found.warnings:
        say(f"Warning: {warning}")
    say(
        f"{len(mine)} items; expected calibration error {percent(found.ece_before)}, on prompts held out after "
        f"calibrating {percent(found.ece_after)} → {arguments.out}"
    )
