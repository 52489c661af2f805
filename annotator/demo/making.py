"""The demo's files, made in a folder with a manifest, ready to be imported like anybody else's."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from annotator.demo import clips, pictures
from annotator.demo.content import Version
from annotator.demo.photographs import BY_NAME, Photograph
from annotator.demo.recipes import ImageRecipe, VideoRecipe, generator_name
from annotator.demo.truth import NEUTRAL, Levels, image_truth, video_truth

IMAGE_SIDE = 448
MANIFEST = "manifest.jsonl"
NOTE = "Made by a script from a real photograph; how it was degraded is known."


def make(versions: Sequence[Version], folder: Path, report: Callable[[int, int], None]) -> None:
    """Write the files of these versions and the manifest that describes them. Pillow and x264 leave Python's lock."""
    rows = []
    with ThreadPoolExecutor(max_workers=2) as pool:
        for done, row in enumerate(pool.map(lambda version: _make(version, folder), versions), 1):
            rows.append(json.dumps(row, ensure_ascii=False))
            report(done, len(versions))
    (folder / MANIFEST).write_text("\n".join(rows) + "\n", encoding="utf-8")


def _make(version: Version, folder: Path) -> dict[str, Any]:
    shown = shown_in(version)
    # Noise and shake differ from version to version, and are the same at every start.
    seed = zlib.crc32(version.name.encode())
    stem = version.name.replace("/", "-")
    recipe = version.recipe
    if isinstance(recipe, VideoRecipe):
        file = f"{stem}.mp4"
        clips.write_clip(folder / file, version.photograph, recipe, seed)
    else:
        assert isinstance(recipe, ImageRecipe)
        file = f"{stem}.jpg"
        _shown, pixels = pictures.shown(version.photograph, recipe)
        image = pictures.degraded(pictures.fitted(pixels, IMAGE_SIDE), recipe, np.random.default_rng(seed))
        image.save(folder / file, quality=recipe.jpeg)
    coin = [BY_NAME["coins"]] if isinstance(recipe, VideoRecipe) and recipe.slide else []
    return {
        "file": file,
        "media_type": version.media_type,
        "prompt": version.prompt,
        "generator": generator_name(recipe),
        "source": "; ".join(photograph.source for photograph in [shown, *coin]),
        "license": "; ".join(dict.fromkeys(photograph.license for photograph in [shown, *coin])),
        "external_id": version.name,
        "truth": truth_of(version),
        "degradation": recipe.amounts,
        "synthetic": NOTE,
    }


def shown_in(version: Version) -> Photograph:
    return BY_NAME[version.recipe.other] if version.recipe.other else version.photograph


def truth_of(version: Version) -> Levels:
    """What is known of a version, by sub-dimension; see ``truth``."""
    if isinstance(version.recipe, VideoRecipe):
        return video_truth(version.photograph, shown_in(version), version.recipe, clips.FRAME_RATE)
    assert isinstance(version.recipe, ImageRecipe)
    return image_truth(version.photograph, shown_in(version), version.recipe)


def expected_answer(version: Version) -> Levels:
    """What an annotator without error says: the truth, else what is seen in the photograph, else the neutral level."""
    neutral = NEUTRAL[version.media_type]
    seen = {id: level for id, level in shown_in(version).seen.items() if id in neutral}
    return {**neutral, **seen, **truth_of(version)}
