"""How much does packing save? The same questions about the same picture, three ways, in one run.

    python -m benchmarks.vlm_packing                       # Qwen2-VL's shape, 1,024 media tokens, 64 questions
    python -m benchmarks.vlm_packing --family llava --items 2
    python -m benchmarks.vlm_packing --device cuda --dtype bfloat16 --hidden 2048 --layers 24 --items 8

The loop is the published way: one full forward a question, the media encoded every time. Predicted is what the packed
pass should take by its tokens (prefix + all questions) at the rate of one long causal forward of the same model over
as many tokens. Random weights: answers mean nothing, times and agreement are real.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks.models import FAMILIES, Size, build
from reward_engine.checklist import builtin
from reward_engine.judges.base import MediaInput
from reward_engine.judges.vlm import VLMJudge, VLMOptions
from reward_engine.judges.vlm.inputs import TYPES, Encoded, collate
from reward_engine.judges.vlm.passes import PASSES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", choices=FAMILIES, default="qwen2_vl")
    parser.add_argument("--media-tokens", type=int, default=1024)
    parser.add_argument("--questions", type=int, default=64)
    parser.add_argument("--items", type=int, default=1, help="items in one packed batch")
    parser.add_argument("--hidden", type=int, default=512)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--dtype", choices=["float32", "bfloat16", "float16"], default="float32")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, help="CPU threads; with 1, CPU seconds do not depend on other work")
    parser.add_argument("--repeat", type=int, default=5, help="runs of each quick way; the median counts")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        figures = measure(options, Path(folder))
    show(figures)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2))


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    model = build(options.family, folder / "model", size_of(options))
    judge = opened(model, options)
    items = [encoded(judge, folder, number, options.questions) for number in range(options.items)]
    clock = Clock(judge.backbone.device)
    answers, loads = {}, [os.getloadavg()[0]]
    answers["packed"] = PASSES["packed"](judge.backbone, items)  # warm up
    long_forward(judge, items)
    looped = torch.zeros_like(answers["packed"])
    # In turn, and the loop in slices between them, so that a busy moment of the machine hits all ways alike.
    for start in range(options.repeat):
        clock.measure("long", lambda: long_forward(judge, items))
        for way in ("packed", "cached"):
            answers[way] = clock.measure(way, lambda way=way: PASSES[way](judge.backbone, items))  # type: ignore[misc]
        some = slice(start, None, options.repeat)
        part = [replace(item, questions=item.questions[some]) for item in items]
        looped[:, some] = clock.measure("loop", lambda part=part: PASSES["loop"](judge.backbone, part))  # type: ignore[misc]
    loads.append(os.getloadavg()[0])
    answers["loop"] = looped
    ways = {}
    for way in PASSES:
        seconds = clock.total(way) if way == "loop" else clock.median(way)
        ways[way] = {
            "seconds": seconds.wall,
            "cpu_seconds": seconds.cpu,
            "items_per_second": len(items) / seconds.wall,
            "tokens": sum(tokens_of(item, way) for item in items),
            "peak_mb": peak_mb(way, model, folder, options),
            "largest_difference": (answers[way].sigmoid() - looped.sigmoid()).abs().max().item(),
        }
    return {
        "family": options.family,
        "device": torch.cuda.get_device_name() if clock.gpu else f"CPU with {torch.get_num_threads()} threads",
        "dtype": options.dtype,
        "parameters": sum(parameter.numel() for parameter in judge.backbone.model.parameters()),
        "items": len(items),
        "prefix_tokens": len(items[0].prefix),
        "questions": len(items[0].questions),
        "question_tokens": items[0].question_tokens,
        "load": loads,
        "ways": ways,
        "long_forward": {"seconds": clock.median("long").wall, "cpu_seconds": clock.median("long").cpu},
    }


def size_of(options: argparse.Namespace) -> Size:
    hidden = options.hidden
    return Size(
        hidden=hidden,
        layers=options.layers,
        heads=hidden // 64,
        key_value_heads=max(1, hidden // 256),
        intermediate=3 * hidden,
        vision_hidden=hidden // 2,
        vision_layers=options.layers,
        image_tokens=options.media_tokens,
        spread=0.03,
    )


def opened(model: Path, options: argparse.Namespace) -> VLMJudge:
    settings = VLMOptions(device=options.device, dtype=options.dtype)
    return VLMJudge.load(model, checklist=builtin("video"), options=settings)


def tokens_of(item: Encoded, way: str) -> int:
    times = len(item.questions) if way == "loop" else 1
    return len(item.prefix) * times + item.question_tokens


def long_forward(judge: VLMJudge, items: Sequence[Encoded]) -> None:
    """Media, prefix, and as much text behind them as all questions together, under the usual causal mask."""
    backbone = judge.backbone
    for item in items:
        inputs = collate([item], backbone.pad_id).to(backbone.device)
        ids = torch.nn.functional.pad(inputs.ids, (0, item.question_tokens), value=50)
        extra = (
            {} if inputs.types is None else {TYPES: torch.nn.functional.pad(inputs.types, (0, item.question_tokens))}
        )
        backbone.body(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False, **inputs.media, **extra)


def encoded(judge: VLMJudge, folder: Path, number: int, questions: int) -> Encoded:
    noise = np.random.default_rng(number).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    path = folder / f"{number}.png"
    Image.fromarray(noise).resize((1200, 1200), Image.Resampling.BICUBIC).save(path)
    texts = [question.text for question in judge.checklist.questions][:questions]
    return judge.encoder.encode(MediaInput(str(number), "image", path, "a red kite over the sea at dawn"), texts)


@dataclass(frozen=True)
class Seconds:
    """By the clock, and by the processor: the latter is what counts on a CPU that others use as well."""

    wall: float
    cpu: float


class Clock:
    """Times calls by name."""

    def __init__(self, device: torch.device) -> None:
        self.gpu = device.type == "cuda"
        self.found: dict[str, list[Seconds]] = {}

    def measure(self, name: str, call: Callable[[], Any]) -> Any:
        self._wait()
        wall, cpu = time.perf_counter(), time.process_time()
        result = call()
        self._wait()
        self.found.setdefault(name, []).append(Seconds(time.perf_counter() - wall, time.process_time() - cpu))
        return result

    def median(self, name: str) -> Seconds:
        return Seconds(*(statistics.median(getattr(s, kind) for s in self.found[name]) for kind in ("wall", "cpu")))

    def total(self, name: str) -> Seconds:
        return Seconds(*(sum(getattr(s, kind) for s in self.found[name]) for kind in ("wall", "cpu")))

    def _wait(self) -> None:
        if self.gpu:
            torch.cuda.synchronize()


def peak_mb(way: str, model: Path, folder: Path, options: argparse.Namespace) -> float:
    """Memory above the loaded model, measured in a process of its own, since a process keeps what it once had."""
    process = multiprocessing.get_context("spawn").Pool(1)
    with process:
        return process.apply(_peak_mb, (way, str(model), str(folder), options))


def _peak_mb(way: str, model: str, folder: str, options: argparse.Namespace) -> float:
    judge = opened(Path(model), options)
    questions = options.questions if way != "loop" else 2  # each forward of the loop takes the same
    items = [encoded(judge, Path(folder), number, questions) for number in range(options.items)]
    with torch.inference_mode():
        if judge.backbone.device.type == "cuda":
            before = torch.cuda.memory_allocated()
            torch.cuda.reset_peak_memory_stats()
            PASSES[way](judge.backbone, items)
            return (torch.cuda.max_memory_allocated() - before) / 2**20
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts anew
        before = _high_water_mb()
        PASSES[way](judge.backbone, items)
        return _high_water_mb() - before


def _high_water_mb() -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def show(figures: dict[str, Any]) -> None:
    print(
        f"{figures['family']}, {figures['parameters'] / 1e6:.0f} M parameters, {figures['dtype']}, "
        f"{figures['device']}\n"
        f"{figures['items']} item(s), {figures['prefix_tokens']:,} prefix tokens, {figures['questions']} questions of "
        f"{figures['question_tokens']:,} tokens together; load {figures['load'][0]:.1f} to {figures['load'][1]:.1f}\n"
    )
    kinds = ("cpu_seconds", "seconds") if figures["device"].startswith("CPU") else ("seconds",)
    loop = figures["ways"]["loop"]
    print(f"{'way':8} {'seconds':>9} {'CPU s':>9} {'items/s':>9} {'tokens':>9} {'peak MB':>9}  loop ÷ way   difference")
    for way, row in figures["ways"].items():
        ratio = loop[kinds[0]] / row[kinds[0]]
        print(
            f"{way:8} {row['seconds']:9.3f} {row['cpu_seconds']:9.3f} {row['items_per_second']:9.3f} "
            f"{row['tokens']:9,} {row['peak_mb']:9.0f}  {ratio:9.1f}×   {row['largest_difference']:.1e}"
        )
    for kind in kinds:
        packed, predicted = figures["ways"]["packed"][kind], figures["long_forward"][kind]
        print(
            f"One long forward over as many tokens: {predicted:.3f} {kind.replace('_', ' ').replace('cpu', 'CPU')}; "
            f"packed takes {packed / predicted:.2f}× that."
        )


if __name__ == "__main__":
    main()
