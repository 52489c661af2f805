"""Short videos from photographs: a camera that moves over them, a coin that moves before them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from annotator.demo.photographs import BY_NAME, Photograph, pixels_of
from annotator.demo.pictures import blurred, degraded, fitted, shown
from annotator.demo.recipes import VideoRecipe

WIDTH, HEIGHT = 240, 180
FRAME_RATE = 16
SECONDS = 2.0
FRAMES = round(FRAME_RATE * SECONDS)
VIEW = 0.55  # share of the photograph's width that is seen; the rest is room for the camera to go
FREEZE_SECONDS = 0.25
# Coins of the photograph: center and radius in its pixels.
COINS = ((335, 44, 29), (270, 120, 24), (347, 187, 32), (46, 260, 28), (172, 261, 27), (213, 190, 24))


def write_clip(path: Path, photograph: Photograph, recipe: VideoRecipe, seed: int) -> None:
    """Render and encode (H.264, so that the same recipe gives the same bytes).

    One thread, and no macroblock tree: its AVX-512 code in x264 reads memory it never wrote, and then one and the
    same clip came out in several ways, with other figures for everything learned from it.
    """
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        options = {"crf": "19", "preset": "veryfast", "g": str(FRAME_RATE // 2), "threads": "1", "mbtree": "0"}
        stream = container.add_stream("libx264", rate=FRAME_RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for image in frames(photograph, recipe, np.random.default_rng(seed)):
            container.mux(stream.encode(av.VideoFrame.from_image(image)))
        container.mux(stream.encode(None))


def frames(photograph: Photograph, recipe: VideoRecipe, rng: np.random.Generator) -> Iterator[Image.Image]:
    """The frames of a clip, one after the other."""
    _photograph, pixels = shown(photograph, recipe)
    # Nothing is enlarged: at its nearest the camera sees the photograph in as many pixels as the clip has.
    whole = fitted(pixels, round(max(WIDTH / VIEW, HEIGHT / VIEW * pixels.shape[0] / pixels.shape[1])))
    coin = _coin(seed_of_coin(photograph)) if recipe.slide else None
    moments = moments_shown(recipe)
    drawn: dict[float, Image.Image] = {}
    for number in range(FRAMES):
        moment = moments[number]
        if moment not in drawn:
            drawn = {moment: _scene(whole, recipe, moment, rng, coin)}
        light = rng.uniform(0.5, 1.0) * rng.choice((-1, 1)) * recipe.flicker
        image = degraded(drawn[moment], replace(recipe, stops=recipe.stops + light) if light else recipe, rng)
        lost = recipe.blur_end * number / (FRAMES - 1)
        yield blurred(image, lost) if lost else image


def moments_shown(recipe: VideoRecipe) -> list[float]:
    """For each frame the moment, in seconds, of the picture it shows."""
    moments = [(number // recipe.hold) * recipe.hold / FRAME_RATE for number in range(FRAMES)]
    length = round(FREEZE_SECONDS * FRAME_RATE)
    for freeze in range(recipe.freezes):
        start = round((freeze + 0.6) * FRAMES / recipe.freezes) - length
        for number in range(max(0, start), min(FRAMES, start + length)):
            moments[number] = moments[max(0, start)]
    return moments


def seed_of_coin(photograph: Photograph) -> int:
    return sorted(BY_NAME).index(photograph.name) % len(COINS)


def _scene(
    whole: Image.Image, recipe: VideoRecipe, moment: float, rng: np.random.Generator, coin: Image.Image | None
) -> Image.Image:
    """What the camera sees at a moment, before lens and light."""
    passed = moment / SECONDS
    nearness = 1 + (recipe.zoom - 1) * passed
    width = min(VIEW * whole.width * recipe.zoom / nearness, whole.width, whole.height * WIDTH / HEIGHT)
    height = width * HEIGHT / WIDTH
    room = whole.width - width
    # Back and forth where the way is longer than the photograph.
    x = _bounce(recipe.travel * passed * VIEW * whole.width, room) if recipe.travel else room / 2
    y = (whole.height - height) / 2
    if recipe.shake:
        x += rng.normal(0, recipe.shake * width)
        y += rng.normal(0, recipe.shake * width)
    x, y = min(max(x, 0), room), min(max(y, 0), whole.height - height)
    image = whole.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC, box=(x, y, x + width, y + height))
    if coin is None:
        return image
    way = _bounce(recipe.slide * WIDTH * moment, WIDTH - coin.width)
    # A transform, not a paste: a slow coin moves by parts of a pixel.
    moved = coin.transform(
        image.size, Image.Transform.AFFINE, (1, 0, -way, 0, 1, -(HEIGHT - coin.height) / 2), Image.Resampling.BICUBIC
    )
    image.paste(moved, mask=moved.getchannel("A"))
    return image


def _bounce(way: float, room: float) -> float:
    """The place on a line of length ``room`` after going so far, turning at its ends."""
    if room <= 0:
        return 0.0
    rest = way % (2 * room)
    return rest if rest <= room else 2 * room - rest


@lru_cache(maxsize=len(COINS))
def _coin(number: int) -> Image.Image:
    """A coin cut out of the photograph of coins, its rim softened by a pixel."""
    x, y, radius = COINS[number]
    box = (x - radius, y - radius, x + radius, y + radius)
    coin = Image.fromarray(pixels_of(BY_NAME["coins"])).crop(box)
    mask = Image.new("L", coin.size, 0)
    ImageDraw.Draw(mask).ellipse((1, 1, coin.width - 2, coin.height - 2), fill=255)
    coin.putalpha(mask.filter(ImageFilter.GaussianBlur(0.7)))
    border = Image.new("RGBA", (coin.width + 4, coin.height + 4))
    border.paste(coin, (2, 2))
    return border
