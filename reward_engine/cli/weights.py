"""``weights``: how much each answer counts, learned from which of two items people preferred."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from reward_engine.cli import predictions, preferences
from reward_engine.cli.progress import say
from reward_engine.evaluation.tables import effects_table, percent, weights_table
from reward_engine.reward import hard_values, soft_values


def add(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("weights", help="weights from people's preferences", description=__doc__)
    parser.add_argument("predictions", type=Path, help="what judge wrote")
    parser.add_argument("--preferences", type=Path, required=True, help=preferences.HELP)
    parser.add_argument("--hard", action="store_true", help="answers ±1 as published, instead of probabilities")
    parser.add_argument("--resamples", type=int, default=200, help="for intervals; 0: none (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--report", type=Path, help="where intervals, penalties tried and warnings go, as JSON")
    parser.add_argument("--out", type=Path, required=True, help="a weights file (.json), for score and evaluate")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Fit weights to comparisons and write them."""
    from reward_engine.preferences import fit_weights
    from reward_engine.preferences.effect import dimension_effects

    stored = predictions.read(arguments.predictions)
    checklist = stored.checklist
    pairs, _, left_out = preferences.comparisons(arguments.preferences, {arguments.predictions.stem: stored})
    if left_out:
        say(f"{left_out} of {left_out + len(pairs)} pairs are left out: their items are not among the predictions.")
    values = hard_values(stored.p_yes, checklist) if arguments.hard else soft_values(stored.p_yes, checklist)
    fit = fit_weights(checklist, values, pairs, resamples=arguments.resamples, seed=arguments.seed)
    fit.weights.save(arguments.out, checklist)
    effects = dimension_effects(checklist, values, pairs, fit.weights, seed=arguments.seed)
    if arguments.report is not None:
        record = {**fit.to_json(checklist), "effects": [effect.to_json() for effect in effects]}
        text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)
        arguments.report.write_text(text + "\n", encoding="utf-8")
    print(weights_table(checklist, fit))
    print(f"\n{effects_table(effects)}")
    for question, why in fit.dropped.items():
        say(f"{question} is left out: it {why}.")
    for warning in fit.warnings:
        say(f"Warning: {warning}")
    held_out = fit.held_out
    say(
        f"{fit.n_pairs} pairs ({fit.n_ties} ties) of {fit.n_prompts} prompts; on held-out prompts "
        f"{percent(held_out.diff)} in people's order (equal weights: {percent(held_out.equal_diff)}) → {arguments.out}"
    )
