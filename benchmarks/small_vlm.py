"""A small vision-language model that has learnt to see a little: what a real base model is to a fine-tuning.

    python -m benchmarks.small_vlm FOLDER                  # about ten minutes on two cores

Qwen2-VL's class and processor, some two million weights, taught on pictures that this file draws (dead leaves: discs
and bars of all sizes that cover each other, which have the statistics of photographs) whether they are dark, blurred,
pale, noisy and so on. No photograph, no checklist and no judgment goes into it; what a person would say of a
photograph, it has never been told.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from benchmarks.models import Size, build
from reward_engine.checklist import builtin
from reward_engine.judges.base import MediaInput
from reward_engine.judges.vlm import VLMJudge, VLMOptions
from reward_engine.judges.vlm.inputs import Encoded
from reward_engine.judges.vlm.passes import single

SIZE = Size(
    hidden=128, layers=2, heads=4, key_value_heads=2, intermediate=320, vision_hidden=128, vision_layers=2,
    image_tokens=64, spread=0.04,
)  # fmt: skip
BATCH = 8
AHEAD = 16


@dataclass(frozen=True)
class Look:
    """How a picture was drawn. ``blur`` in pixels; ``light``, ``colour``, ``contrast``: factors, 1 leaves it."""

    blur: float = 0.0
    light: float = 1.0
    colour: float = 1.0
    contrast: float = 1.0
    noise: float = 0.0
    blocks: int = 0
    tint: str = ""
    mirrored: bool = False


QUESTIONS = {
    "Is it sharp?": lambda look: look.blur < 0.2,
    "Is it a little blurred?": lambda look: look.blur > 0.5,
    "Is it blurred?": lambda look: look.blur > 1.0,
    "Is it very blurred?": lambda look: look.blur > 2.2,
    "Is it dark?": lambda look: look.light < 0.6,
    "Is it bright?": lambda look: look.light > 1.25,
    "Is it far too bright?": lambda look: look.light > 1.7,
    "Are the colours pale?": lambda look: look.colour < 0.5,
    "Are the colours strong?": lambda look: look.colour > 1.25,
    "Is the contrast low?": lambda look: look.contrast < 0.6,
    "Is there noise?": lambda look: look.noise > 0.03,
    "Is it made of blocks?": lambda look: look.blocks > 0,
    "Is it tinted?": lambda look: bool(look.tint),
    "Is it green?": lambda look: look.tint == "green",
    "Is the left half the right half mirrored?": lambda look: look.mirrored,
}
TINTS = {"green": (0.6, 1.1, 0.6), "magenta": (1.1, 0.6, 1.0), "cyan": (0.5, 1.0, 1.1), "yellow": (1.1, 1.0, 0.5)}


def drawn_look(rng: np.random.Generator) -> Look:
    """Each amount is left alone about every other time, so that all meet and none stands for another."""

    def some(low: float, high: float, usual: float, often: float = 0.5) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high)))) if rng.random() < often else usual

    return Look(
        blur=some(0.4, 6.0, 0.0, 0.6),
        light=some(0.25, 2.4, 1.0),
        colour=some(0.1, 2.0, 1.0),
        contrast=some(0.25, 1.3, 1.0, 0.4),
        noise=some(0.04, 0.15, 0.0, 0.15),
        blocks=int(rng.choice([16, 24, 32])) if rng.random() < 0.12 else 0,
        tint=str(rng.choice(list(TINTS))) if rng.random() < 0.25 else "",
        mirrored=rng.random() < 0.2,
    )


def drawn(look: Look, rng: np.random.Generator) -> Image.Image:
    """The picture, of 150 to 256 pixels a side."""
    width = height = 224
    image = leaves(width, height, rng)
    if look.mirrored:
        half = image.crop((0, 0, width // 2, height))
        image = Image.new("RGB", (width // 2 * 2, height))
        image.paste(half, (0, 0))
        image.paste(ImageOps.mirror(half), (width // 2, 0))
    if look.blocks:
        small = image.resize((look.blocks, max(1, look.blocks * height // width)), Image.Resampling.BOX)
        image = small.resize(image.size, Image.Resampling.NEAREST)
    if look.blur:
        image = image.filter(ImageFilter.GaussianBlur(look.blur))
    for enhance, amount in (
        (ImageEnhance.Color, look.colour),
        (ImageEnhance.Contrast, look.contrast),
        (ImageEnhance.Brightness, look.light),
    ):
        if amount != 1.0:
            image = enhance(image).enhance(amount)
    pixels = np.asarray(image, dtype=np.float32) / 255
    if look.tint:
        pixels = pixels * np.array(TINTS[look.tint], dtype=np.float32)
    if look.noise:
        pixels = pixels + rng.normal(0, look.noise, pixels.shape).astype(np.float32)
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


class _InMemory:
    """Encodes a drawn picture without a file."""

    def __init__(self, judge: VLMJudge, folder: Path) -> None:
        self.judge, self.folder = judge, folder

    def __call__(self, number: int, seed: int) -> tuple[Encoded, Tensor]:
        rng = np.random.default_rng([seed, number])
        look = drawn_look(rng)
        path = self.folder / f"{number}.png"
        drawn(look, rng).save(path, compress_level=1)
        item = self.judge.encoder.encode(MediaInput(str(number), "image", path, ""), list(QUESTIONS))
        path.unlink()
        return item, torch.tensor([float(holds(look)) for holds in QUESTIONS.values()])


def teach(folder: Path, *, steps: int = 1500, rate: float = 1e-3, seed: int = 0) -> dict[str, float]:
    """Write a model into ``folder``, teach all its weights, and return the share of right answers on new pictures."""
    import tempfile

    build("qwen2_vl", folder, SIZE, seed=seed)
    judge = VLMJudge.load(folder, checklist=builtin("image"), options=VLMOptions(device="cpu", dtype="float32"))
    model = judge.backbone.model.train()
    for weight in model.parameters():
        weight.requires_grad_(True)
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=rate, total_steps=steps, pct_start=0.05)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as pictures, ThreadPoolExecutor(2) as pool:
        make = _InMemory(judge, Path(pictures))
        coming = _ahead(pool, make, steps * BATCH, seed)
        recent: list[float] = []
        for step in range(steps):
            items, answers = zip(*(next(coming) for _ in range(BATCH)), strict=True)
            loss = binary_cross_entropy_with_logits(single(judge.backbone, items), torch.stack(answers))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad()
            plan.step()
            recent.append(float(loss.detach()))
            if (step + 1) % 50 == 0:
                took = time.monotonic() - began
                print(f"{step + 1} of {steps}: loss {np.mean(recent[-50:]):.3f}, {took:.0f} s", flush=True)
        model.eval()
        right = _right(judge, [make(number, seed + 1) for number in range(200)])
    model.save_pretrained(folder, safe_serialization=True)
    return dict(zip(QUESTIONS, right.tolist(), strict=True))


def _ahead(pool: ThreadPoolExecutor, make: _InMemory, count: int, seed: int) -> Iterator[tuple[Encoded, Tensor]]:
    waiting = [pool.submit(make, number, seed) for number in range(min(AHEAD, count))]
    for number in range(count):
        if number + AHEAD < count:
            waiting.append(pool.submit(make, number + AHEAD, seed))
        yield waiting.pop(0).result()


@torch.inference_mode()
def _right(judge: VLMJudge, items: list[tuple[Encoded, Tensor]]) -> NDArray[np.float64]:
    """Mean of the shares of right answers among yes and among no, by question: half where it only guesses."""
    said = torch.stack([single(judge.backbone, [item])[0] > 0 for item, _ in items]).numpy()
    true = torch.stack([answers > 0 for _, answers in items]).numpy()
    found = [
        np.mean([(said[true[:, column] == side, column] == side).mean() for side in (True, False)])
        for column in range(true.shape[1])
    ]
    return np.array(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=1500)
    options = parser.parse_args()
    print(json.dumps(teach(options.folder, steps=options.steps), indent=2))


if __name__ == "__main__":
    main()
