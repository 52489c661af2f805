"""A small vision-language model whose eyes see something before anything was taught.

    python -m benchmarks.small_vlm FOLDER

Qwen2-VL's class and processor, some two million weights, random but for what every trained model has as well:

- the vision tower begins with a filter bank (cosines of all frequencies, in brightness and two opponent colours), and
  its first layer rectifies it;
- the merger passes on what differs between pictures, each direction with the same variance;
- half of the attention heads of the language model look at what stands near.

The variances are those of pictures that this file draws: dead leaves, discs and bars of all sizes that cover each
other, which have the statistics of photographs. No photograph, no checklist and no judgment goes into it. It answers
at random until it is fine-tuned.
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
from PIL import Image, ImageEnhance, ImageFilter
from torch import Tensor

from benchmarks.models import Size, build
from reward_engine.checklist import builtin
from reward_engine.judges.base import MediaInput
from reward_engine.judges.vlm import VLMJudge, VLMOptions

SIZE = Size(
    hidden=128, layers=2, heads=4, key_value_heads=2, intermediate=320, vision_hidden=128, vision_layers=2,
    image_tokens=64, spread=0.04,
)  # fmt: skip
SIDE = 224
PICTURES = 240
KEPT = 64
"""Directions in which pictures differ that reach the language model."""
COLOURS = {"luma": (0.3, 0.6, 0.1), "blue": (-0.3, -0.3, 0.6), "red": (0.6, -0.5, -0.1)}


def make(folder: Path, *, seed: int = 0, pictures: int = PICTURES) -> Path:
    """Write the model into ``folder``, which then loads like a downloaded one."""
    build("qwen2_vl", folder, SIZE, seed=seed)
    judge = VLMJudge.load(folder, checklist=builtin("image"), options=VLMOptions(device="cpu", dtype="float32"))
    model = judge.backbone.model
    with torch.no_grad():
        tower, language = _part(model, "visual"), _part(model, "language_model")
        _see_frequencies(tower)
        _rectify(tower)
        _tell_apart(tower, _encoded(judge, pictures, seed))
        _look_near(language)
    model.save_pretrained(folder, safe_serialization=True)
    return folder


def _part(model: Any, name: str) -> Any:
    return next(module for path, module in model.named_modules() if path.endswith(name))


def _see_frequencies(tower: Any) -> None:
    """A filter for each of many cosines: all low ones and every fourth high one, amplified as photographs lack them."""
    weight = tower.patch_embed.proj.weight  # [filters, colours, frames, side, side]
    side = weight.shape[-1]
    at = torch.arange(side)
    cosines = torch.cos(math.pi * (at[None] + 0.5) * at[:, None] / side)
    cosines = cosines / cosines.norm(dim=1, keepdim=True)
    order = sorted(((u, v) for u in range(side) for v in range(side)), key=lambda pair: pair[0] ** 2 + pair[1] ** 2)
    wanted = {"luma": order[:40] + order[40::4][:40], "blue": order[:24], "red": order[:24]}
    rows = [(name, u, v) for name, pairs in wanted.items() for u, v in pairs]
    for row, (name, u, v) in zip(weight, rows, strict=False):  # what is left stays random
        gain = 0.15 * (1 + math.hypot(u, v)) / weight.shape[2]
        row.copy_(torch.tensor(COLOURS[name])[:, None, None, None] * torch.outer(cosines[u], cosines[v]) * gain)


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
    """Equal biases of query and key in the quickest rotations: these heads attend to the last few tokens."""
    for layer in language.layers:
        attention = layer.self_attn
        wide = attention.head_dim
        for bias in (attention.q_proj.bias, attention.k_proj.bias):
            bias.zero_()
            for head in bias.view(-1, wide)[: len(bias) // wide // 2]:
                head[:frequencies] = strength
                head[wide // 2 : wide // 2 + frequencies] = strength


def _encoded(judge: VLMJudge, count: int, seed: int) -> list[Any]:
    found = []
    with tempfile.TemporaryDirectory() as place:
        for number in range(count):
            path = Path(place) / f"{number}.png"
            drawn(np.random.default_rng([seed, number])).save(path, compress_level=1)
            found.append(judge.encoder.encode(MediaInput(str(number), "image", path, ""), ["Is it sharp?"]))
    return found


def drawn(rng: np.random.Generator) -> Image.Image:
    """Leaves that are blurred, darkened, faded, noisy or as they are, each every other time."""

    def some(low: float, high: float, usual: float) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high)))) if rng.random() < 0.5 else usual

    image = leaves(SIDE, SIDE, rng).filter(ImageFilter.GaussianBlur(some(0.4, 6.0, 0.0)))
    for enhance, low, high in (
        (ImageEnhance.Color, 0.1, 2.0),
        (ImageEnhance.Contrast, 0.25, 1.3),
        (ImageEnhance.Brightness, 0.25, 2.4),
    ):
        image = enhance(image).enhance(some(low, high, 1.0))
    pixels = np.asarray(image, dtype=np.float32) / 255 * rng.uniform(0.7, 1.1, 3).astype(np.float32)
    if rng.random() < 0.15:
        pixels = pixels + rng.normal(0, 0.08, pixels.shape).astype(np.float32)
    return Image.fromarray((np.clip(pixels, 0, 1) * 255).round().astype(np.uint8))


def leaves(width: int, height: int, rng: np.random.Generator) -> Image.Image:
    """Discs and bars that cover each other, many small and few large ones, each with a fine grain and a slope."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    count, cast = int(rng.integers(4, 12)), rng.normal(0, 0.05, 3)
    grey, chroma = rng.beta(1.5, 1.8, (count, 1)), rng.normal(0, rng.uniform(0.02, 0.14), (count, 3))
    palette = np.clip(grey + (chroma + cast) * (0.3 + grey), 0.01, 0.98).astype(np.float32)
    slope = 1 + rng.uniform(-0.4, 0.4) * (rows / height - 0.5) + rng.uniform(-0.3, 0.3) * (columns / width - 0.5)
    pixels = palette[0] * slope[..., None]
    for _ in range(int(rng.integers(20, 70))):
        radius = float(np.clip(8 * rng.pareto(0.9) + 5, 5, 130))
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        left, right = int(max(0, x - radius)), int(min(width, x + radius + 1))
        top, bottom = int(max(0, y - radius)), int(min(height, y + radius + 1))
        near_x, near_y = columns[top:bottom, left:right] - x, rows[top:bottom, left:right] - y
        angle = rng.uniform(0, np.pi)
        along, across = near_x * np.cos(angle) + near_y * np.sin(angle), near_y * np.cos(angle) - near_x * np.sin(angle)
        inside = along**2 + (across * rng.choice([1.0, 1.0, 2.0, 5.0])) ** 2 <= radius**2
        shade = 1 + rng.uniform(-0.4, 0.4) * along / radius
        if rng.random() < 0.3:
            shade = shade * (1 + 0.25 * np.sin(along * rng.uniform(0.3, 2.0)))
        colour = palette[rng.integers(len(palette))] * shade[..., None]
        pixels[top:bottom, left:right][inside] = colour[inside]
    grain = rng.normal(0, 1, (height, width, 1)).astype(np.float32)
    pixels = pixels * (1 + rng.uniform(0.01, 0.08) * grain)
    image = Image.fromarray((np.clip(pixels, 0, 1) * 255).astype(np.uint8))
    return image.filter(ImageFilter.GaussianBlur(0.4))  # edges as a lens draws them


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(make(options.folder, seed=options.seed))


if __name__ == "__main__":
    main()
