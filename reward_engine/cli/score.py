"""``score``: rewards, their parts by dimension, and what cost the most, from predictions and weights."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from reward_engine.calibration import Calibration
from reward_engine.cli import predictions, rewards, tables
from reward_engine.cli.progress import say
from reward_engine.explain import explain
from reward_engine.reward import hard_values, soft_values

DIMENSION = "dimension:"
"""How columns of dimensions begin."""

HARD = "hard:"
"""How those begin that hold the same of answers ±1, which dominance compares."""


def add(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("score", help="rewards from predictions", description=__doc__)
    parser.add_argument("predictions", type=Path, help="what judge wrote")
    parser.add_argument("--weights", type=Path, help=rewards.HELP)
    parser.add_argument("--calibration", type=Path, help="what calibrate wrote (default: probabilities as they came)")
    parser.add_argument("--hard", action="store_true", help="answers ±1 as published, instead of probabilities")
    parser.add_argument("--out", type=Path, required=True, help="scores: .csv, .jsonl or .parquet")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Turn predictions into rewards."""
    tables.check_ending(arguments.out)
    stored = predictions.read(arguments.predictions)
    checklist = stored.checklist
    formula = rewards.read(arguments.weights, checklist)
    weights = formula.weights
    p_yes = stored.p_yes
    if arguments.calibration is not None:
        p_yes = Calibration.load(arguments.calibration, checklist=checklist).apply(checklist, p_yes)
    values = hard_values(p_yes, checklist) if arguments.hard else soft_values(p_yes, checklist)
    result, aligned = formula.apply(stored, values)
    answered, _ = formula.apply(stored, hard_values(p_yes, checklist))
    rows: list[tables.Row] = []
    for row, key in enumerate(stored.keys):
        parts = {
            f"{DIMENSION}{dimension.id}": float(value)
            for dimension, value in zip(checklist.dimensions, result.by_dimension[row], strict=True)
        }
        parts |= {
            f"{HARD}{dimension.id}": float(value)
            for dimension, value in zip(checklist.dimensions, answered.by_dimension[row], strict=True)
        }
        if formula.alignment is not None:
            parts[f"{DIMENSION}alignment"] = float(aligned[row])
        added = float(aligned[row])
        explained = explain(
            checklist, weights, p_yes[row], prompt=stored.prompts[row], hard=arguments.hard, added=added
        )
        rows.append(
            {"key": key, "prompt": stored.prompts[row], "prompt_id": stored.groups[row]}
            | {"reward": float(result.reward[row]) + added, **parts, "explanation": explained.text}
            | ({} if stored.alignment is None else {"alignment": float(stored.alignment[row])})
        )
    tables.write(arguments.out, rows, {"judge": stored.judge, "weights": weights.to_json(checklist)})
    say(f"{len(rows)} items scored with {weights.form} weights → {arguments.out}")
