"""Annotators and judges see the same pixels: Chromium's are compared with the engine's, file by file."""

import base64
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page

from reward_engine.media import AllFrames, decode_image, probe_image, sample_frames, video_needs, write_image_view
from reward_engine.media.view import write_video_view
from tests.pictures import IMAGES, VIDEOS

CASES = Path(__file__).parents[3] / "shared" / "cases"
MIME = {"jpg": "jpeg"}
IMAGE_DIFFERENCE = 2.0
FRAME_DIFFERENCE = 2.0

_DATA = """
const data = (source, width, height) => {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.drawImage(source, 0, 0);
  const bytes = context.getImageData(0, 0, width, height).data;
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
};
"""
_IMAGE = f"""async (url) => {{ {_DATA}
  const image = new Image();
  image.src = url;
  await image.decode();
  return [image.naturalWidth, image.naturalHeight, [data(image, image.naturalWidth, image.naturalHeight)]];
}}"""
# A seek is over a moment before the frame is there to be drawn.
_VIDEO = f"""async ([url, times]) => {{ {_DATA}
  const video = Object.assign(document.createElement("video"), {{ muted: true, preload: "auto" }});
  document.body.append(video);
  video.src = URL.createObjectURL(await (await fetch(url)).blob());
  await new Promise((resolve, reject) => {{
    video.onloadeddata = resolve;
    video.onerror = () => reject(new Error(video.error.message));
  }});
  const frames = [];
  for (const time of times) {{
    await new Promise((resolve) => {{ video.onseeked = resolve; video.currentTime = time; }});
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    frames.push(data(video, video.videoWidth, video.videoHeight));
  }}
  return [video.videoWidth, video.videoHeight, frames];
}}"""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    yield page
    page.close()


def _url(path: Path, kind: str) -> str:
    suffix = path.suffix[1:]
    return f"data:{kind}/{MIME.get(suffix, suffix)};base64,{base64.b64encode(path.read_bytes()).decode()}"


def _pixels(answer: list[object]) -> NDArray[np.int16]:
    width, height, frames = answer
    raw = b"".join(base64.b64decode(frame) for frame in frames)  # type: ignore[attr-defined]
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 4)[..., :3].astype(np.int16)  # type: ignore[call-overload]


def _images(folder: Path) -> Iterator[tuple[Path, bool | None]]:
    for name, (make, plain) in IMAGES.items():
        yield make(folder / name), plain
    if (CASES / "images").is_dir():
        for path in sorted((CASES / "images").iterdir()):
            yield path, None


def test_images(page: Page, tmp_path: Path) -> None:
    for path, plain in _images(tmp_path):
        info = probe_image(path)
        assert plain is None or info.plain == plain, path.name
        shown = path
        if not info.plain:
            shown = tmp_path / f"{path.stem}.view.png"
            write_image_view(path, shown)
            assert probe_image(shown).plain, path.name
        judged = decode_image(path).astype(np.int16)
        np.testing.assert_array_equal(decode_image(shown), judged)  # imported or not, the same
        seen = _pixels(page.evaluate(_IMAGE, _url(shown, "image")))[0]
        assert seen.shape == judged.shape, path.name
        assert np.abs(seen - judged).mean() <= IMAGE_DIFFERENCE, path.name
        # The view is what a browser that knows these colors makes of the original; only turns it may not know.
        original = _pixels(page.evaluate(_IMAGE, _url(path, "image")))[0]
        if original.shape == judged.shape:
            assert np.abs(original - judged).mean() <= IMAGE_DIFFERENCE, path.name


def _videos(folder: Path) -> Iterator[tuple[Path, str | None]]:
    for name, (make, needed) in VIDEOS.items():
        yield make(folder / name), needed
    if (CASES / "videos").is_dir():
        for path in sorted((CASES / "videos").iterdir()):
            yield path, None


def test_videos_frame_by_frame(page: Page, tmp_path: Path) -> None:
    for path, needed in _videos(tmp_path):
        needs = video_needs(path)
        found = "frames" if needs.frames else "container" if needs.container else ""
        assert needed is None or found == needed, (path.name, needs)
        shown = path
        if not needs.plain:
            shown = tmp_path / f"{path.name}.view.mp4"
            write_video_view(path, shown, needs)
            assert video_needs(shown).plain, path.name
        original, judged = sample_frames(path, AllFrames()), sample_frames(shown, AllFrames())
        np.testing.assert_allclose(judged.times_ms, original.times_ms, atol=1, err_msg=path.name)
        assert judged.duration_ms == pytest.approx(original.duration_ms, abs=2), path.name
        coded = np.abs(judged.pixels.astype(np.int16) - original.pixels).mean(axis=(1, 2, 3))
        assert coded.max() <= (FRAME_DIFFERENCE if needs.frames else 0), path.name
        times = [*judged.times_ms, judged.duration_ms]
        middles = [(start + end) / 2000 for start, end in pairwise(times)]
        seen = _pixels(page.evaluate(_VIDEO, [_url(shown, "video"), middles]))
        assert seen.shape == judged.pixels.shape, path.name
        assert np.abs(seen - judged.pixels).mean(axis=(1, 2, 3)).max() <= FRAME_DIFFERENCE, path.name
