"""``mpo``: tune a diffusion model on mined pairs (Diffusion-DPO on a LoRA adapter); killed, it goes on when started again."""  # noqa: E501

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from reward_engine.cli import items, tables
from reward_engine.cli.progress import bar, say
from reward_engine.errors import DataError
from reward_engine.judges.base import MediaType

SETTINGS = {
    "steps": int, "pairs_per_step": int, "batch_size": int, "beta": float, "learning_rate": float, "rank": int,
    "alpha": int, "precision": str, "width": int, "height": int, "frames": int, "save_every": int,
    "evaluate_every": int, "sample_every": int, "sampling_steps": int, "guidance_scale": float,
}  # fmt: skip


def add(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("mpo", help="tune a diffusion model on pairs", description=__doc__)
    parser.add_argument("pairs", type=Path, help="what pairs wrote")
    parser.add_argument("--items", type=Path, required=True, help=f"where the media lie, as for judge: {items.HELP}")
    parser.add_argument("--pipeline", required=True, help="a diffusers pipeline: a folder")
    parser.add_argument("--out", type=Path, required=True, help="the run's folder; its result is OUT/lora")
    parser.add_argument(
        "--held-out", type=float, default=0.1, metavar="SHARE", help="of the prompts (default: %(default)s)"
    )
    parser.add_argument("--lora", type=Path, help="an adapter that the pipeline already wears")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--prepare-only", action="store_true", help="write the run's folder, and how to train it elsewhere"
    )
    group = parser.add_argument_group(
        "settings (defaults by the pipeline's family; reasons in mpo/training/settings.py)"
    )
    for name, kind in SETTINGS.items():
        group.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar=kind.__name__.upper())
    group.add_argument(
        "--gradient-checkpointing", action=argparse.BooleanOptionalAction, help="a third more time, far less memory"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train a generator on preference pairs."""
    from reward_engine.mpo.policies import family_of
    from reward_engine.mpo.policies import folder as pipelines
    from reward_engine.mpo.training import Settings, prepare, train

    source = pipelines.resolve(arguments.pipeline)
    media_type: MediaType = family_of(source).media_type
    pairs = training_pairs(arguments, media_type)
    named = (*SETTINGS, "gradient_checkpointing", "seed")
    given = {name: getattr(arguments, name) for name in named if getattr(arguments, name) is not None}
    made = prepare(
        arguments.out,
        pipeline=arguments.pipeline,
        pairs=pairs,
        settings=Settings.for_family(pipelines.pipeline_class(source), **given),
        lora=arguments.lora,
        record={"pairs": arguments.pairs.name, "items": arguments.items.name},
    )
    say(f"{len(made.training)} pairs to train on, {len(made.held_out)} held out → {arguments.out}")
    if arguments.prepare_only:
        say(f"Train it here or on a machine with GPUs: python -m reward_engine.mpo.training {arguments.out}")
        return 0
    total = made.settings.steps
    with bar("Encoding", "media") as encoded, bar("Learning", "steps") as learned:
        outcome = train(arguments.out, progress=encoded, on_metrics=lambda metrics: learned(metrics.step, total))
    say(f"Finished after {outcome.step} steps → {made.lora_folder}")
    return 0


def training_pairs(arguments: argparse.Namespace, media_type: MediaType) -> list[Any]:
    """Read the pairs of a file with their media, whole prompts held out.

    Raises:
        DataError: Naming the row.
    """
    from reward_engine.mpo.run import is_held_out
    from reward_engine.mpo.training import TrainingPair

    rows, _ = tables.read(arguments.pairs)
    if not rows or not {"winner", "loser", "prompt"} <= rows[0].keys():
        raise DataError(f"{arguments.pairs.name}: this file was not written by the command pairs.", code="pairs")
    at = {item.key: item.path for item in items.read(arguments.items, media_type).items}
    found = []
    for number, row in enumerate(rows, 1):
        unknown = next((str(row[side]) for side in ("winner", "loser") if str(row[side]) not in at), None)
        if unknown is not None:
            raise DataError(
                f"{arguments.pairs.name}, row {number}: “{unknown}” is no key of {arguments.items.name}. Name the "
                "table or folder that was judged.",
                code="keys",
            )
        prompt = str(row["prompt"] or "")
        held_out = is_held_out(prompt, arguments.held_out, arguments.seed)
        found.append(TrainingPair(prompt, at[str(row["winner"])], at[str(row["loser"])], held_out))
    return found
