"""Real little things for tests: prompts, generators, and items with a real file behind them.

Needs the fixtures ``db`` and ``files`` (which gives the test a media folder of its own).
"""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.services import load_builtin_checklists
from annotator.library import services
from annotator.library.models import Generator, Item, MediaType, Prompt
from annotator.rewards.models import RewardModel, Score
from reward_engine.reward import reward, soft_values
from reward_engine.weights import Weights, equal_weights

_number = itertools.count(1)


def make_prompt(text: str | None = None) -> Prompt:
    return services.record_prompt(text or f"A red kite over the sea, number {next(_number)}")


def make_generator(
    name: str | None = None, version: str = "", parameters: dict[str, object] | None = None
) -> Generator:
    return services.record_generator(name or f"generator-{next(_number)}", version, parameters)


def write_image(path: Path, *, width: int = 96, height: int = 64, seed: int | None = None, **save: object) -> Path:
    """A picture with coarse coloured patches; another one for each seed. Its format follows the extension."""
    rng = np.random.default_rng(next(_number) if seed is None else seed)
    patches = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    path.parent.mkdir(parents=True, exist_ok=True)
    patches.resize((width, height), Image.Resampling.BICUBIC).save(path, **save)  # type: ignore[arg-type]
    return path


def write_video(
    path: Path,
    *,
    width: int = 64,
    height: int = 48,
    frames: int = 10,
    rate: int = 10,
    seed: int | None = None,
    codec: str | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """A clip of a moving patchwork; another one for each seed. The container follows the extension."""
    rng = np.random.default_rng(next(_number) if seed is None else seed)
    base = np.asarray(
        Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize((width, height), Image.Resampling.BOX)
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    codec = codec or ("libvpx-vp9" if path.suffix == ".webm" else "libx264")
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.roll(base, 2 * index, axis=1)), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def make_item(
    media_type: str = MediaType.IMAGE,
    *,
    prompt: Prompt | str | None = None,
    generator: Generator | str | None = None,
    seed: int | None = None,
    width: int = 96,
    height: int = 64,
    **fields: object,
) -> Item:
    """An item with a real picture or clip in the store. ``fields`` go to the item (licence, extra, batch …)."""
    with tempfile.TemporaryDirectory() as folder:
        if media_type == MediaType.VIDEO:
            path = write_video(Path(folder) / "clip.mp4", width=width, height=height, seed=seed)
        else:
            path = write_image(Path(folder) / "picture.png", width=width, height=height, seed=seed)
        facts = services.store_media(path, path.name)
    item, _ = services.record_item(
        facts=facts,
        prompt=prompt if isinstance(prompt, Prompt) else make_prompt(prompt),
        generator=generator if isinstance(generator, Generator) else make_generator(generator),
        **{"file_name": path.name, **fields},  # type: ignore[arg-type]
    )
    return item


def make_reward_model(media_type: str = MediaType.IMAGE, **fields: object) -> RewardModel:
    """A promoted version with the built-in checklist and equal weights, as a row: it has no files to score with."""
    version = next(v for v, _ in load_builtin_checklists() if v.media_type == media_type)
    weights = equal_weights(checklist_of(version)).coef.tolist()
    number = RewardModel.objects.filter(media_type=media_type).count() + 1
    values = {"checklist_version": version, "version": number, "state": "promoted", "path": "", "weights": weights}
    return RewardModel.objects.create(media_type=media_type, **(values | fields))


def make_score(reward_model: RewardModel, item: Item, p_yes: float | list[float] | NDArray[np.float64]) -> Score:
    """What the version says of the item where its judge said ``p_yes`` (one number: the same to every question)."""
    checklist = checklist_of(reward_model.checklist_version)
    p = np.broadcast_to(np.asarray(p_yes, dtype=np.float64), (1, len(checklist.questions)))
    weights = Weights(np.asarray(reward_model.weights), reward_model.intercept)
    found = reward(soft_values(p, checklist), checklist, weights)
    return Score.objects.create(
        item=item, reward_model=reward_model, p_yes=p[0].tolist(), reward=float(found.reward[0]),
        by_dimension=found.by_dimension[0].tolist(),
    )  # fmt: skip
