"""``pairs``: winner and loser of each prompt where one is at least as good in every dimension and better in one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from reward_engine.cli import tables
from reward_engine.cli.progress import say
from reward_engine.cli.score import DIMENSION, HARD
from reward_engine.errors import DataError
from reward_engine.mpo import dominance


def add(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("pairs", help="preference pairs by dominance, for MPO", description=__doc__)
    parser.add_argument("scores", type=Path, help="what score wrote")
    parser.add_argument(
        "--soft",
        action="store_true",
        help="compare what the score counts, probabilities unless it was made with --hard, instead of answers yes and "
        "no (the published rule)",
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        default=0.0,
        help="with --soft: a difference of a dimension up to this counts as none",
    )
    parser.add_argument("--margin", type=float, default=0.0, help="by how much at least one dimension is better")
    parser.add_argument("--min-gap", type=float, default=0.0, help="smallest difference of the rewards")
    parser.add_argument("--most", type=int, help="most pairs of a prompt, those with the largest gap")
    parser.add_argument("--out", type=Path, required=True, help="pairs: .csv, .jsonl or .parquet")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Mine preference pairs from predictions."""
    tables.check_ending(arguments.out)
    rows, _ = tables.read(arguments.scores)
    dimensions = [name for name in (rows[0] if rows else {}) if name.startswith(DIMENSION)]
    if not dimensions or "reward" not in rows[0]:
        raise DataError(f"{arguments.scores.name}: this file was not written by the command score.", code="scores")
    compared = dimensions
    if not arguments.soft and any(name.startswith(HARD) for name in rows[0]):
        # An alignment score of a published reward is no answer; it is compared as it is.
        plain = [name for name in dimensions if f"{HARD}{name.removeprefix(DIMENSION)}" not in rows[0]]
        compared = [name for name in rows[0] if name.startswith(HARD)] + plain
    try:
        decided = np.array([[float(row[name]) for name in compared] for row in rows])
        values = np.array([[float(row[name]) for name in dimensions] for row in rows])
        total = np.array([float(row["reward"]) for row in rows])
    except (TypeError, ValueError, KeyError) as error:
        raise DataError(
            f"{arguments.scores.name}: a score is missing or no number ({error}).", code="scores"
        ) from error
    groups = np.unique([str(row["prompt_id"]) for row in rows], return_inverse=True)[1]
    found = dominance.pairs(
        decided,
        groups,
        total=total,
        margin=arguments.margin,
        tolerance=arguments.tolerance if arguments.soft else 0.0,
        min_total_gap=arguments.min_gap,
        max_pairs_per_group=arguments.most,
    )
    written: list[tables.Row] = []
    shown = values[found.winner] - values[found.loser]
    for winner, loser, gaps, gap in zip(found.winner, found.loser, shown, found.total_gap, strict=True):
        best, other = rows[int(winner)], rows[int(loser)]
        written.append(
            {"prompt_id": best["prompt_id"], "prompt": best["prompt"], "winner": best["key"], "loser": other["key"]}
            | {"gap": float(gap), **{name: float(part) for name, part in zip(dimensions, gaps, strict=True)}}
        )
    if not written:
        raise DataError(
            "No item dominates another of its prompt. What helps: compare by answers yes and no (without --soft), or "
            "with --soft and a --tolerance; leave sub-dimensions that the judge cannot tell out of the weights; score "
            "more items per prompt; lower --margin or --min-gap.",
            code="none",
        )
    tables.write(arguments.out, written)
    say(f"{len(written)} pairs of {len({row['prompt_id'] for row in written})} prompts → {arguments.out}")
