"""The parts of ``benchmarks/on_gpu``: each returns plain figures; see there."""

from __future__ import annotations

import argparse
import gc
import json
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.models import MAKERS, Size, build, tokenizer_of
from benchmarks.mpo_training import SIZES, conditioning_of, policy_of
from benchmarks.vlm_packing import encoded
from reward_engine.checklist import builtin
from reward_engine.judges.vlm.backbone import Backbone
from reward_engine.judges.vlm.encoder import Encoder
from reward_engine.judges.vlm.families import family_of
from reward_engine.judges.vlm.judge import VLMJudge
from reward_engine.judges.vlm.options import VLMOptions
from reward_engine.judges.vlm.passes import PASSES
from reward_engine.judges.vlm.processors import load_processor
from reward_engine.judges.vlm.tokens import answer_tokens
from reward_engine.mpo.estimate import cost_of_pass, measured_flops
from reward_engine.mpo.training.objective import Batch, pair_loss
from reward_engine.training.vlm.model import PackedAnswers
from reward_engine.training.vlm.settings import TrainSettings

FAMILY = "qwen2_5_vl"
LOOP_QUESTIONS = 4  # the loop's forwards cost the same, so a few tell what all would take


@dataclass(frozen=True)
class Shape:
    """A model, the batch it is measured at, and the goals that hold for it."""

    size: Size
    items: int
    questions: int = 64


# The published shapes of Qwen2.5-VL-3B and -7B, with a small vocabulary: it costs memory and no time here.
SHAPES = {
    "3b": Shape(Size(hidden=2048, layers=36, heads=16, key_value_heads=2, intermediate=11008, vision_hidden=1280,
                     vision_layers=32, image_tokens=1024, spread=0.02), items=8),
    "7b": Shape(Size(hidden=3584, layers=28, heads=28, key_value_heads=4, intermediate=18944, vision_hidden=1280,
                     vision_layers=32, image_tokens=1024, spread=0.02), items=8),
}  # fmt: skip
SMALL = {
    "3b": Shape(Size(hidden=64, layers=2, heads=4, key_value_heads=2, intermediate=128), items=2, questions=8),
    "7b": Shape(Size(hidden=96, layers=2, heads=4, key_value_heads=2, intermediate=192), items=2, questions=8),
}
PARTS = ("3b", "7b", "sd15", "sdxl")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks/on_gpu", description=__doc__)
    parser.add_argument("--small", action="store_true", help="tiny shapes, on any machine")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--budget", type=float, default=100.0, help="seconds a part may take (default: %(default)s)")
    parser.add_argument("--json", type=Path, default=Path("on_gpu.json"))
    options = parser.parse_args(arguments)
    if not options.small and options.device == "cpu":
        parser.error("there is no GPU here; try it with --small, or name one with --device")
    device = torch.device(options.device)
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    began = time.monotonic()
    figures: dict[str, Any] = {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {platform.machine()}",
        "torch": torch.__version__,
        "dtype": str(dtype).removeprefix("torch."),
        "small": options.small,
        "matrix_flops": measured_flops(device, dtype),
        "parts": {},
    }
    for part in options.only:
        print(f"{part} …", file=sys.stderr, flush=True)
        if part in SHAPES:
            shape = (SMALL if options.small else SHAPES)[part]
            work = lambda shape=shape: judging(shape, device, dtype, figures["matrix_flops"], options.budget)  # noqa: E731
        else:
            size = "tiny" if options.small else part
            work = lambda size=size: mpo(size, device, dtype, figures["matrix_flops"], options.budget)  # noqa: E731
        figures["parts"][part] = guarded(work, device)
    figures["seconds"] = time.monotonic() - began
    options.json.write_text(json.dumps(figures, indent=2) + "\n")
    print(table(figures))
    print(f"\n{options.json}: all figures; {figures['seconds']:.0f} s in all.")
    return 0


def guarded(work: Callable[[], dict[str, Any]], device: torch.device) -> dict[str, Any]:
    """The figures of a part, or why there are none."""
    try:
        return work()
    except Exception as error:  # whatever a card or driver raises, the other parts go on
        said = str(error).splitlines()[0][:300] if str(error) else type(error).__name__
        memory = isinstance(error, torch.OutOfMemoryError)
        return {"failed": f"out of memory: {said}" if memory else f"{type(error).__name__}: {said}"}
    finally:
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()


def judging(shape: Shape, device: torch.device, dtype: torch.dtype, speed: float, budget: float) -> dict[str, Any]:
    """Packed, cached and loop on one batch, and steps of LoRA training on the same model."""
    with tempfile.TemporaryDirectory() as place:
        judge = made(shape, device, dtype, Path(place))
        items = [encoded(judge, Path(place), number, shape.questions) for number in range(shape.items)]
    few = [replace(item, questions=item.questions[:LOOP_QUESTIONS]) for item in items]
    count = len(items[0].questions)
    rows: dict[str, Any] = {}
    with torch.inference_mode():
        asked = (("packed", items, 1.0), ("cached", items, 1.0), ("loop", few, count / len(few[0].questions)))
        for way, given, times in asked:
            seconds, peak = timed(lambda way=way, given=given: PASSES[way](judge.backbone, given), device, budget / 6)
            rows[way] = {"items_per_second": len(items) / (seconds * times), "peak_bytes": peak}
        said = PASSES["packed"](judge.backbone, few).sigmoid()
        difference = (said - PASSES["loop"](judge.backbone, few).sigmoid()).abs().max().item()
    needed = sum(flops_of(judge, len(item.prefix) + item.question_tokens) for item in items)
    parameters = sum(weight.numel() for weight in judge.backbone.model.parameters())
    found = {
        "parameters": parameters,
        "items": len(items),
        "prefix_tokens": len(items[0].prefix),
        "questions": count,
        "question_tokens": items[0].question_tokens,
        "ways": rows,
        "packed_over_loop": rows["packed"]["items_per_second"] / rows["loop"]["items_per_second"],
        "packed_over_cached": rows["packed"]["items_per_second"] / rows["cached"]["items_per_second"],
        "share_of_matrix_speed": needed * rows["packed"]["items_per_second"] / len(items) / speed,
        "largest_difference": difference,
    }
    found["training"] = guarded(lambda: training(judge, items, device, budget / 4), device)
    return found


def made(shape: Shape, device: torch.device, dtype: torch.dtype, place: Path) -> VLMJudge:
    """A judge whose weights are drawn on the device; processor and tokenizer come from a tiny model of the family."""
    small = build(FAMILY, place / "small", Size(image_tokens=shape.size.image_tokens))
    options = VLMOptions(device=str(device))
    family = family_of(FAMILY)
    processor = load_processor(str(small), family, None)
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with device:
            model, _ = MAKERS[FAMILY](tokenizer_of(FAMILY), shape.size)
    finally:
        torch.set_default_dtype(before)
    model = model.to(device=device, dtype=dtype).eval().requires_grad_(False)
    model.set_attn_implementation(options.attention)
    yes, no = answer_tokens(processor.tokenizer)
    backbone = Backbone(model, tuple(yes), tuple(no), options.attention, processor.tokenizer.pad_token_id or 0)
    encoder = Encoder(processor, family, options, backbone.context)
    return VLMJudge(builtin("video"), backbone, encoder, family, options, "benchmark", ("packed", "cached", "loop"))


def flops_of(judge: VLMJudge, tokens: int) -> float:
    """Operations of the language model on so many tokens: two a weight and token, and attention."""
    text = judge.backbone.text
    weights = sum(weight.numel() for name, weight in text.named_parameters() if "embed" not in name)
    config = judge.backbone.model.config.get_text_config()
    return 2.0 * weights * tokens + 4.0 * config.num_hidden_layers * config.hidden_size * tokens**2 / 2


def training(judge: VLMJudge, items: list[Any], device: torch.device, budget: float) -> dict[str, Any]:
    """Steps a second of LoRA training, an item with all its questions a step, with gradient checkpointing."""
    settings = TrainSettings(rank=16, dropout=0.0, gradient_checkpointing=device.type == "cuda")
    model = PackedAnswers(judge.backbone, settings).train()
    optimizer = torch.optim.AdamW([weight for _, weight in model.learned], lr=1e-4)

    def step() -> None:
        torch.nn.functional.softplus(-model([items[0]]).float()).mean().backward()
        optimizer.step()
        optimizer.zero_grad()

    seconds, peak = timed(step, device, budget)
    return {"steps_per_second": 1 / seconds, "peak_bytes": peak}


def mpo(size: str, device: torch.device, dtype: torch.dtype, speed: float, budget: float) -> dict[str, Any]:
    """Steps a second of MPO on one pair, with gradient checkpointing, at the model's own size."""
    side = SIZES[size]["sample_size"]
    meta = torch.device("meta")
    skeleton = policy_of(size, meta, dtype)
    cost = cost_of_pass(
        skeleton, torch.empty(1, 4, side, side, device=meta, dtype=dtype), conditioning_of(size, 1, meta, dtype)
    )
    policy = policy_of(size, device, dtype)
    policy.denoiser.enable_gradient_checkpointing()
    named = policy.attach_lora(rank=16)
    optimizer = torch.optim.AdamW([weight for _, weight in named], lr=1e-5)
    winner, loser, noise = (torch.randn(1, 4, side, side) for _ in range(3))
    batch = Batch(winner, loser, conditioning_of(size, 1, device, dtype), noise, torch.randint(1000, (1,))).to(device)

    def step() -> None:
        pair_loss(policy, batch, beta=2000.0, autocast=dtype if device.type == "cuda" else None).loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    seconds, peak = timed(step, device, budget)
    return {
        "parameters": sum(weight.numel() for weight in policy.denoiser.parameters()),
        "steps_per_second": 1 / seconds,
        "peak_bytes": peak,
        "share_of_matrix_speed": 2 * 4 * cost.flops / seconds / speed,
    }


def timed(work: Callable[[], Any], device: torch.device, budget: float, most: int = 20) -> tuple[float, int | None]:
    """(median seconds, peak bytes on the device) of repeated calls, one to warm up, within the budget."""
    gpu = device.type == "cuda"

    def wait() -> None:
        if gpu:
            torch.cuda.synchronize(device)

    work()
    wait()
    if gpu:
        torch.cuda.reset_peak_memory_stats(device)
    found: list[float] = []
    began = time.monotonic()
    while not found or (len(found) < most and time.monotonic() - began < budget):
        start = time.perf_counter()
        work()
        wait()
        found.append(time.perf_counter() - start)
    return statistics.median(found), torch.cuda.max_memory_allocated(device) if gpu else None


def table(figures: dict[str, Any]) -> str:
    """The figures as Markdown, for docs/performance.md."""
    lines = [
        f"{figures['device']}, {figures['dtype']}, torch {figures['torch']}; matrix products at "
        f"{figures['matrix_flops'] / 1e12:.3g} TFLOP/s" + (" (tiny shapes)" if figures["small"] else ""),
        "",
        "| model | packed, items/s | loop | packed ÷ loop | packed ÷ cached | share of matrix speed | peak | "
        "LoRA steps/s |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for part in ("3b", "7b"):
        row = figures["parts"].get(part)
        if row is None:
            continue
        if "failed" in row:
            lines.append(f"| {part} | {row['failed']} | | | | | | |")
            continue
        train = row["training"]
        lines.append(
            f"| {part} ({row['parameters'] / 1e9:.2f} B) | {row['ways']['packed']['items_per_second']:.2f} | "
            f"{row['ways']['loop']['items_per_second']:.3f} | {row['packed_over_loop']:.1f}× | "
            f"{row['packed_over_cached']:.2f}× | {row['share_of_matrix_speed']:.0%} | "
            f"{gigabytes(row['ways']['packed']['peak_bytes'])} | "
            f"{train.get('failed') or format(train['steps_per_second'], '.2f')} |"
        )
    lines += ["", "| MPO | steps/s | peak | share of matrix speed |", "|---|---:|---:|---:|"]
    for part in ("sd15", "sdxl"):
        row = figures["parts"].get(part)
        if row is not None and "failed" in row:
            lines.append(f"| {part} | {row['failed']} | | |")
        elif row is not None:
            lines.append(
                f"| {part} ({row['parameters'] / 1e6:,.0f} M) | {row['steps_per_second']:.2f} | "
                f"{gigabytes(row['peak_bytes'])} | {row['share_of_matrix_speed']:.0%} |"
            )
    return "\n".join(lines)


def gigabytes(count: int | None) -> str:
    return "–" if count is None else f"{count / 1e9:.1f} GB"
