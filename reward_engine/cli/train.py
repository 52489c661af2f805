"""``train``: a judge from people's levels: an embedded one, or LoRA on a vision-language model."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from typing import Any

from reward_engine.cli import items
from reward_engine.cli.judge import add_model_options, options_of
from reward_engine.cli.progress import bar, say
from reward_engine.errors import TrainingError, WeightsError
from reward_engine.evaluation.tables import held_out_table
from reward_engine.training.limits import limits_of, without_limited
from reward_engine.weights import equal_weights

FEW_ITEMS, FOLDS = 2000, 5
"""Of so few items every prompt is held out once, so that all of them are measured on."""

SETTINGS = {
    "rank": int, "alpha": float, "dropout": float, "targets": str, "learning_rate": float, "epochs": float,
    "max_steps": int, "batch_size": int, "accumulate": int, "mixed_precision": str,
    "evaluate_every": int, "patience": int, "checkpoint_every": int,
}  # fmt: skip


def add(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("train", help="a judge from judgments", description=__doc__)
    parser.add_argument("judgments", type=Path, help=f"{items.HELP} And a column for each sub-dimension, with levels.")
    parser.add_argument("--model", required=True, help="“probe” for the embedded judge, or a model's folder or hub id")
    parser.add_argument("--checklist", required=True, help="image, video, or a file (.yaml, or published .txt)")
    parser.add_argument("--out", type=Path, required=True, help="a new folder for the trained judge")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--validation-share",
        type=float,
        metavar="SHARE",
        help="of the items, by whole prompts, kept apart to measure on",
    )
    parser.add_argument(
        "--no-calibration",
        dest="calibration",
        action="store_false",
        help="leave the embedded judge's P(yes) as its heads say it, instead of calibrating on the held-out prompts",
    )
    parser.add_argument(
        "--keep-limited",
        action="store_true",
        help="let sub-dimensions count that held-out prompts give no reason to trust (by default their weight is 0)",
    )
    parser.add_argument(
        "--prior", type=Path, metavar="FOLDER", help="an embedded judge of other data that the heads may build on"
    )
    parser.add_argument("--cache", type=Path, help="where features of the embedded judge are kept between runs")
    add_model_options(parser)
    group = parser.add_argument_group("LoRA (a killed training goes on when it is started again)")
    for name, kind in SETTINGS.items():
        group.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar=kind.__name__.upper())
    group.add_argument("--gradient-checkpointing", action="store_true", help="half the speed, far less memory")
    group.add_argument("--no-balance", dest="balance", action="store_false", help="draw answers as often as they occur")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Train a judge on people's levels."""
    checklist = items.checklist_of(arguments.checklist)
    listed = items.read(arguments.judgments, checklist.media_type)
    levels = items.levels(checklist, listed.rows, arguments.judgments.name)
    train = _embedded if arguments.model == "probe" else _adapter
    overall = train(arguments, checklist, listed, levels)
    say(
        f"Held-out prompts: accuracy {overall['accuracy']:.3f} (always the most frequent level: "
        f"{overall['baseline_accuracy']:.3f}), log loss {overall['log_loss']:.3f} "
        f"(majority baseline: {overall['baseline_log_loss']:.3f}) → {arguments.out}"
    )


def _embedded(arguments: argparse.Namespace, checklist: Any, listed: items.Listed, levels: Any) -> dict[str, Any]:
    from reward_engine.features import FeatureExtractor
    from reward_engine.judges.probe import ProbeJudge
    from reward_engine.media import bitrates
    from reward_engine.training import train_probe

    only = [name for name in SETTINGS if getattr(arguments, name) is not None]
    if only:
        raise TrainingError(
            f"--{only[0].replace('_', '-')} is a setting for vision-language models; the embedded judge has none of "
            "that name. Leave it out.",
            code="settings",
        )
    if arguments.out.exists():
        raise TrainingError(f"{arguments.out.name}: there is something already; choose a new folder.", code="exists")
    extractor = FeatureExtractor(checklist.media_type, cache_dir=arguments.cache)
    features, kept = items.look(listed, extractor)
    if features.errors:
        say(f"Warning: {len(features.errors)} of {len(listed.items)} items are not learned from; each is named above.")
    groups = [listed.groups[number] for number in kept]
    share = {} if arguments.validation_share is None else {"validation_share": arguments.validation_share}
    with bar("Learning", "heads") as progress:
        result = train_probe(
            checklist, features, levels[kept], groups, seed=arguments.seed, progress=progress,
            prior=None if arguments.prior is None else ProbeJudge.load(arguments.prior, extractor=extractor),
            measures={"bitrate": bitrates([listed.items[number].path for number in kept])},
            validation_folds=FOLDS if len(kept) <= FEW_ITEMS and arguments.validation_share is None else 1,
            **share,
        )  # fmt: skip
    calibration = _calibration(checklist, result, levels[kept], groups) if arguments.calibration else None
    print(held_out_table(result.metrics))
    judge = ProbeJudge.from_training(
        result,
        weights=_weights(checklist, result.metrics, arguments.keep_limited),
        extractor_version=extractor.version,
        snapshot=arguments.judgments.name,
        extractor=extractor,
        calibration=calibration,
    )
    judge.save(arguments.out)
    overall: dict[str, Any] = result.metrics["overall"]
    return overall


def _weights(checklist: Any, metrics: dict[str, Any], keep: bool) -> Any:
    """Equal weights, without untrusted sub-dimensions unless they are to be kept; says which and why."""
    limits = limits_of(checklist, metrics)
    for limit in limits:
        say(f"Warning: {limit.sub_dimension}: {limit.reason}")
    weights = equal_weights(checklist)
    if not limits or keep:
        return weights
    try:
        found = without_limited(weights, checklist, limits)
    except WeightsError as error:
        say(f"Warning: {error.message} All sub-dimensions are kept for now, with equal weights.")
        return weights
    say(
        f"{len(limits)} of {len(checklist.ordinal)} sub-dimensions have weight 0 for that; "
        "--keep-limited lets them count."
    )
    return found


def _calibration(checklist: Any, result: Any, levels: Any, groups: list[str]) -> Any:
    """What makes the held-out P(yes) truer on prompts that it was not fitted on; None where nothing does."""
    from reward_engine.answers import harmonize, to_answers
    from reward_engine.calibration import helpful_calibration

    rows = [int(row) for row in result.held_out.nonzero()[0]]
    answers = to_answers(checklist, harmonize(checklist, levels[rows]))
    found = helpful_calibration(
        checklist, result.held_out_p_yes[rows], answers, [groups[row] for row in rows], seed=result.seed
    )
    if found is None:
        say("Not calibrated: on prompts that a calibration has not seen, no question gets better by it.")
    else:
        changed = sum(not question.is_identity for question in found.questions)
        say(
            f"{changed} of {len(found.questions)} questions are calibrated on the held-out prompts: log loss "
            f"{found.log_loss_before:.3f}, then {found.log_loss_after:.3f} on prompts a fit had not seen."
        )
    return found


def _adapter(arguments: argparse.Namespace, checklist: Any, listed: items.Listed, levels: Any) -> dict[str, Any]:
    from reward_engine.training.vlm import TrainSettings, train_vlm

    known = {field.name for field in fields(TrainSettings)}
    given = {name: value for name, value in vars(arguments).items() if name in known and value is not None}
    with bar("Learning", "steps") as progress:
        result = train_vlm(
            arguments.model,
            checklist,
            listed.items,
            levels,
            listed.groups,
            out=arguments.out,
            settings=TrainSettings(**given),
            options=options_of(arguments),
            snapshot=arguments.judgments.name,
            progress=progress,
        )
    for key, error in result.errors.items():
        say(f"{key}: {error}")
    if not result.metrics:
        raise SystemExit(0)  # one of several processes; the first one reports
    for limit in limits_of(checklist, result.metrics):
        say(f"Warning: {limit.sub_dimension}: {limit.reason} Give it weight 0 where a reward is made of these answers.")
    overall: dict[str, Any] = result.metrics["overall"]
    return overall
