"""How much does packing save in training? Forward and backward for all answers of one item, together and one by one.

python -m benchmarks.vlm_training                      # Qwen2-VL's shape, 1,024 media tokens, 32 answers drawn
python -m benchmarks.vlm_training --device cuda --dtype bfloat16 --hidden 2048 --layers 24
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.models import FAMILIES, build
from benchmarks.vlm_packing import Clock, encoded, opened, size_of
from reward_engine.judges.vlm.inputs import Encoded
from reward_engine.training.vlm.model import PackedAnswers
from reward_engine.training.vlm.settings import TrainSettings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", choices=FAMILIES, default="qwen2_vl")
    parser.add_argument("--media-tokens", type=int, default=1024)
    parser.add_argument("--questions", type=int, default=32)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--recompute", action="store_true", help="gradient checkpointing")
    parser.add_argument("--repeat", type=int, default=4)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        judge = opened(build(options.family, Path(folder) / "model", size_of(options)), options)
        item = encoded(judge, Path(folder), 0, options.questions)
    settings = TrainSettings(gradient_checkpointing=options.recompute, targets="language", dropout=0.0)
    model = PackedAnswers(judge.backbone, settings).train()
    clock = Clock(judge.backbone.device)

    def learn(parts: Sequence[Encoded]) -> None:
        for part in parts:
            torch.nn.functional.softplus(-model([part])).sum().backward()

    learn([item])  # warm up
    for start in range(options.repeat):  # the loop in slices between packed passes, so that both see the same machine
        clock.measure("packed", lambda: learn([item]))
        few = [replace(item, questions=(question,)) for question in item.questions[start :: options.repeat]]
        clock.measure("one by one", lambda few=few: learn(few))  # type: ignore[misc]
    packed, loop = clock.median("packed"), clock.total("one by one")
    ratio = loop.wall / packed.wall if clock.gpu else loop.cpu / packed.cpu
    print(
        f"{options.family}, {options.dtype}, {len(item.prefix):,} prefix tokens, {options.questions} answers: packed "
        f"{packed.wall:.2f} s ({packed.cpu:.2f} CPU s), one by one {loop.wall:.2f} s ({loop.cpu:.2f} CPU s): "
        f"{ratio:.1f}×; load {os.getloadavg()[0]:.1f}"
    )
    if options.json:
        figures = {"packed": vars(packed), "one_by_one": vars(loop), "ratio": ratio}
        options.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
