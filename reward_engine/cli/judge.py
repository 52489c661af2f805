"""``judge``: P(yes) of every question for every item."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from pathlib import Path
from typing import Any

from reward_engine.cli import items, predictions
from reward_engine.cli.progress import bar, say
from reward_engine.errors import JudgeError
from reward_engine.judges import artifact
from reward_engine.judges.artifact import MANIFEST
from reward_engine.judges.base import Judge

SOME_FAILED = 3
"""The exit status where something was written, but not for every item."""


def add(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("judge", help="answer a checklist about media", description=__doc__)
    parser.add_argument("items", type=Path, help=items.HELP)
    parser.add_argument("--model", required=True, help="an embedded judge, an adapter, a model's folder, or a hub id")
    parser.add_argument("--base", help="where the model lies that an adapter was trained on, if it has moved")
    parser.add_argument(
        "--checklist", help="image, video, or a file (.yaml, or published .txt); a trained judge knows its own"
    )
    parser.add_argument("--out", type=Path, required=True, help="predictions, a .parquet file")
    parser.add_argument("--alignment", action="store_true", help="ask also whether the media shows its prompt")
    parser.add_argument("--batch-size", type=int, default=16, help="most items in a pass (default: %(default)s)")
    parser.add_argument("--cache", type=Path, help="where features of the embedded judge are kept between runs")
    add_model_options(parser)
    parser.set_defaults(run=run)


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how a model is loaded and asked."""
    group = parser.add_argument_group("vision-language models")
    group.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 …")
    group.add_argument("--dtype", default="auto", choices=["auto", "float32", "bfloat16", "float16"])
    group.add_argument("--attention", default="sdpa", help="attn_implementation; packing needs sdpa or eager")
    group.add_argument("--quantize", choices=["4bit", "8bit"], help="needs bitsandbytes")
    group.add_argument("--compile", metavar="BACKEND", help="torch.compile, for example inductor")
    group.add_argument("--way", default="auto", choices=["auto", "packed", "cached", "loop"])
    group.add_argument(
        "--wording",
        default="auto",
        choices=["auto", "platform", "published"],
        help="published: the bare question; auto: as an adapter was trained, otherwise with an introduction",
    )
    group.add_argument("--token-budget", type=int, default=16_384, help="tokens in a pass (default: %(default)s)")
    group.add_argument("--frames", type=int, help="so many frames spread evenly, instead of one a second up to 24")


def options_of(arguments: argparse.Namespace) -> Any:
    """The options as :class:`VLMOptions`."""
    from reward_engine.judges.vlm import VLMOptions
    from reward_engine.media import EverySecond, Uniform

    return VLMOptions(
        device=arguments.device,
        dtype=arguments.dtype,
        attention=arguments.attention,
        quantize=arguments.quantize,
        compile=arguments.compile,
        way=arguments.way,
        wording=arguments.wording,
        token_budget=arguments.token_budget,
        sampler=Uniform(arguments.frames) if arguments.frames else EverySecond(),
    )


def open_judge(arguments: argparse.Namespace) -> Judge:
    """Open the judge that ``--model`` names, whatever its kind."""
    checklist = items.checklist_of(arguments.checklist) if arguments.checklist else None
    if (Path(arguments.model) / MANIFEST).is_file() and artifact.kind_of(Path(arguments.model)) == "probe":
        from reward_engine.judges.probe import ProbeJudge

        return ProbeJudge.load(arguments.model, checklist=checklist, cache_dir=getattr(arguments, "cache", None))
    from reward_engine.judges.vlm import VLMJudge

    return VLMJudge.load(
        arguments.model, checklist=checklist, options=options_of(arguments), base=getattr(arguments, "base", None)
    )


def run(arguments: argparse.Namespace) -> int:
    """Judge the items of a table."""
    if arguments.out.suffix != ".parquet":
        raise JudgeError(f"{arguments.out.name}: predictions are kept in .parquet files.", code="ending")
    judge = open_judge(arguments)
    if arguments.alignment and not hasattr(judge, "alignment"):
        raise JudgeError("Only a vision-language model can be asked whether media show their prompt.", code="alignment")
    listed = items.read(arguments.items, judge.checklist.media_type)
    with bar("Judging", "items") as progress:
        found = judge.predict(listed.items, batch_size=arguments.batch_size, progress=progress)
    for key, error in found.errors.items():
        say(f"{key}: {error}")
    if not found.keys:
        raise JudgeError("Not one item could be judged.", code="all_failed")
    aligned = _alignment(judge, listed, set(found.keys), arguments)
    predictions.write(arguments.out, judge, listed, found, aligned)
    reason = getattr(judge, "way_reason", "")
    say(
        f"{len(found.keys)} of {len(listed.items)} items judged by {judge.name} {judge.version} → {arguments.out}"
        + (f" (answered {getattr(judge, 'way', '')}: {reason})" if reason else "")
    )
    keys = set(found.keys)
    unaligned = [] if aligned is None else [i for i in listed.items if i.prompt and i.key in keys - aligned.keys()]
    if not found.errors and not unaligned:
        return 0
    say(f"{len(found.errors) + len(unaligned)} of {len(listed.items)} items could not be judged; each is named above.")
    return SOME_FAILED


def _alignment(
    judge: Any, listed: items.Listed, judged: Collection[str], arguments: argparse.Namespace
) -> dict[str, float] | None:
    """P(the media shows its prompt) by key, where it is asked for and there is a prompt."""
    if not arguments.alignment:
        return None
    asked = [item for item in listed.items if item.prompt and item.key in judged]
    found = judge.alignment(asked, batch_size=arguments.batch_size)
    for key, error in found.errors.items():
        say(f"{key}: {error}")
    return {key: float(p[0]) for key, p in zip(found.keys, found.p_yes, strict=True)}
