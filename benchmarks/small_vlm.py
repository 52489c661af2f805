"""A small vision-language model whose eyes see something before anything was taught.

    python -m benchmarks.small_vlm FOLDER

Qwen2-VL's class and processor, some two million weights, random but for what every trained model has as well:

- the vision tower begins with a filter bank (cosines of all frequencies, in brightness and two opponent colors), and
  its first layer rectifies it;
- the merger passes on what differs between pictures, each direction with the same variance;
- half of the attention heads of the language model look at what stands near, a few tokens or a sentence back; the
  others look at the picture, and bring the directions in which pictures differ to every word.

The variances are those of drawn pictures (:mod:`benchmarks.drawn_pictures`). On such pictures it is then taught, as
trained models have been, to see how light, sharp and colorful a picture is (:mod:`benchmarks.small_vlm_lesson`). No
photograph, none of the platform's checklists and no judgment goes into it.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.drawn_pictures import drawn
from benchmarks.models import Size, build
from benchmarks.small_vlm_lesson import teach
from reward_engine.checklist import builtin
from reward_engine.judges.base import MediaInput
from reward_engine.judges.vlm import VLMJudge, VLMOptions

SIZE = Size(
    hidden=128, layers=2, heads=4, key_value_heads=4, intermediate=320, vision_hidden=128, vision_layers=2,
    image_tokens=64, spread=0.04,
)  # fmt: skip
PICTURES = 240
KEPT = 64
"""Directions in which pictures differ that reach the language model."""
COLORS = {"luma": (0.3, 0.6, 0.1), "blue": (-0.3, -0.3, 0.6), "red": (0.6, -0.5, -0.1)}


def make(folder: Path, *, seed: int = 0, pictures: int = PICTURES, steps: int | None = None) -> Path:
    """Write the model into ``folder``, which then loads like a downloaded one.

    Args:
        steps: Of its lesson; 0 leaves it untaught.
    """
    build("qwen2_vl", folder, SIZE, seed=seed)
    judge = VLMJudge.load(folder, checklist=builtin("image"), options=VLMOptions(device="cpu", dtype="float32"))
    model = judge.backbone.model
    with torch.no_grad():
        tower, language = _part(model, "visual"), _part(model, "language_model")
        _see_frequencies(tower)
        _rectify(tower)
        _tell_apart(tower, _encoded(judge, pictures, seed))
        _look_near(language)
        _look_at_pictures(tower, language)
    model.save_pretrained(folder, safe_serialization=True)
    if steps != 0:
        teach(folder, steps=steps, seed=seed)
    return folder


def _part(model: Any, name: str) -> Any:
    return next(module for path, module in model.named_modules() if path.endswith(name))


def _see_frequencies(tower: Any) -> None:
    """A filter for each of many cosines: all low ones and every fourth high one, amplified as photographs lack them."""
    weight = tower.patch_embed.proj.weight  # [filters, colors, frames, side, side]
    side = weight.shape[-1]
    at = torch.arange(side)
    cosines = torch.cos(math.pi * (at[None] + 0.5) * at[:, None] / side)
    cosines = cosines / cosines.norm(dim=1, keepdim=True)
    order = sorted(((u, v) for u in range(side) for v in range(side)), key=lambda pair: pair[0] ** 2 + pair[1] ** 2)
    wanted = {"luma": order[:40] + order[40::4][:40], "blue": order[:24], "red": order[:24]}
    rows = [(name, u, v) for name, pairs in wanted.items() for u, v in pairs]
    for row, (name, u, v) in zip(weight, rows, strict=False):  # what is left stays random
        gain = 0.15 * (1 + math.hypot(u, v)) / weight.shape[2]
        row.copy_(torch.tensor(COLORS[name])[:, None, None, None] * torch.outer(cosines[u], cosines[v]) * gain)


def _rectify(tower: Any) -> None:
    """The first layer adds to each filter's answer about its absolute value, from which blur and noise can be read."""
    first, second = tower.blocks[0].mlp.fc1, tower.blocks[0].mlp.fc2
    width = first.in_features
    first.weight[:width] = 2 * torch.eye(width)
    first.weight[width : 2 * width] = -2 * torch.eye(width)
    first.bias.zero_()
    second.weight[:, :width] += torch.eye(width)
    second.weight[:, width : 2 * width] += torch.eye(width)


def _tell_apart(tower: Any, encoded: Sequence[Any]) -> None:
    """The merger gives the mean of its patches in the directions in which pictures differ, scaled to variance one."""
    seen: list[Tensor] = []
    hook = tower.merger.ln_q.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    means = []
    for item in encoded:
        seen.clear()
        tower(item.media["pixel_values"], grid_thw=item.media["image_grid_thw"])
        means.append(seen[0].reshape(-1, seen[0].shape[-1]).mean(0))
    hook.remove()
    all_means = torch.stack(means).double()
    values, vectors = torch.linalg.eigh(torch.cov(all_means.T))
    values, vectors = values.flip(0)[:KEPT], vectors.flip(1)[:, :KEPT]
    apart = (vectors / (values + 1e-6 * values[0]).sqrt()).T.float()
    shift = -(apart @ all_means.mean(0).float())
    first, second = tower.merger.mlp[0], tower.merger.mlp[2]
    patches = first.in_features // apart.shape[1]
    for start, sign in ((0, 1.0), (KEPT, -1.0)):  # gelu(x) - gelu(-x) is x
        first.weight[start : start + KEPT] = sign * apart.repeat(1, patches) / patches
        first.bias[start : start + KEPT] = sign * shift
        second.weight[:KEPT, start : start + KEPT] = sign * torch.eye(KEPT)
    second.weight[:, 2 * KEPT :] *= 0.1


def _look_near(language: Any, strength: float = 1.7, frequencies: int = 4) -> None:
    """Equal biases of query and key in quick rotations: the first head attends to the last few tokens, others further.

    Each later one takes slower rotations, up to the length of a sentence.
    """
    for layer in language.layers:
        attention = layer.self_attn
        wide = attention.head_dim
        for bias in (attention.q_proj.bias, attention.k_proj.bias):
            bias.zero_()
            for number, head in enumerate(bias.view(-1, wide)[: len(bias) // wide // 2]):
                first = 3 * number
                head[first : first + frequencies] = strength
                head[wide // 2 + first : wide // 2 + first + frequencies] = strength


def _look_at_pictures(tower: Any, language: Any, mark: float = 4.0, strength: float = 2.6, gain: float = 0.06) -> None:
    """The second half of the heads attends to media tokens, which carry a mark, and passes on what differs in them."""
    marked = language.embed_tokens.weight.shape[1] - 1  # this number of a token says whether it is of a picture
    language.embed_tokens.weight[:, marked] = 0
    tower.merger.mlp[2].weight[marked] = 0
    tower.merger.mlp[2].bias[marked] = mark
    for layer in language.layers:
        attention = layer.self_attn
        wide, size = attention.head_dim, attention.q_proj.out_features
        slowest = wide // 2 - 1  # hardly turned by distance
        for number, start in enumerate(range(size // 2, size, wide)):
            rows, passed = slice(start, start + wide), slice(number * wide, (number + 1) * wide)
            for projection in (attention.q_proj, attention.k_proj, attention.v_proj):
                projection.weight[rows] = 0
                projection.bias[rows] = 0
            attention.q_proj.bias[start + slowest] = strength
            attention.k_proj.weight[start + slowest, marked] = strength
            attention.v_proj.weight[rows, passed] = torch.eye(wide)
            attention.o_proj.weight[:, rows] = 0
            attention.o_proj.weight[passed, rows] = gain * torch.eye(wide)


def _encoded(judge: VLMJudge, count: int, seed: int) -> list[Any]:
    found = []
    with tempfile.TemporaryDirectory() as place:
        for number in range(count):
            path = Path(place) / f"{number}.png"
            drawn(np.random.default_rng([seed, number])).save(path, compress_level=1)
            found.append(judge.encoder.encode(MediaInput(str(number), "image", path, ""), ["Is it sharp?"]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(make(options.folder, seed=options.seed))


if __name__ == "__main__":
    main()
