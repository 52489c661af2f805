"""One press, one frame: also where the frames of a clip are not evenly spaced in time."""

import base64
import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from reward_engine.media import AllFrames, sample_frames
from tests.pictures import VIDEOS

PLAYER = Path(__file__).parents[2] / "static" / "js" / "annotate" / "video.js"
VIEWER = """<div id="viewer"><video id="media" data-frame-rate="7.27" muted></video>
<div class="tools"><input id="scrub" type="range"><output id="time"></output>
<select id="speed"><option value="1">1</option></select><button data-tool="ends"></button></div>
<div id="ends" hidden></div>{times}</div>"""
# Steps to the last frame and back again: what the counter says, and how bright the numbered half is.
STEPS = """async ([player, clip, count]) => {
  const { VideoPlayer } = await import(player);
  const viewer = document.getElementById("viewer");
  const video = viewer.querySelector("video");
  video.src = clip;
  await new Promise((resolve) => { video.onloadeddata = resolve; });
  const stepper = new VideoPlayer(viewer, new AbortController().signal);
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const seen = [];
  const look = async () => {
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    context.drawImage(video, 0, 0);
    seen.push([viewer.querySelector("#time").textContent.split(" ").at(-1), context.getImageData(8, 24, 1, 1).data[0]]);
  };
  const press = async (key) => {
    const sought = new Promise((resolve) => video.addEventListener("seeked", resolve, { once: true }));
    stepper.keys()[key]();
    await sought;
    await look();
  };
  stepper.showEnds(false);
  video.pause();
  const sought = new Promise((resolve) => video.addEventListener("seeked", resolve, { once: true }));
  stepper.seek(stepper.middle(0));
  await sought;
  await look();
  for (let i = 1; i < count; i++) await press(".");
  for (let i = 1; i < count; i++) await press(",");
  return seen;
}"""


@pytest.mark.parametrize("name", ["vfr.mp4", "plain.mp4"])
def test_every_frame_is_one_press_away(browser: Browser, tmp_path: Path, name: str) -> None:
    path = VIDEOS[name][0](tmp_path / name)
    frames = sample_frames(path, AllFrames())
    times = json.dumps([at / 1000 for at in frames.times_ms])
    told = f'<script id="frame-times" type="application/json">{times}</script>' if name == "vfr.mp4" else ""
    page = browser.new_page(reduced_motion="reduce")
    rate = "7.27" if told else "10"
    page.set_content(VIEWER.format(times=told).replace("7.27", rate))
    script = f"data:text/javascript;base64,{base64.b64encode(PLAYER.read_bytes()).decode()}"
    clip = f"data:video/mp4;base64,{base64.b64encode(path.read_bytes()).decode()}"
    seen = page.evaluate(STEPS, [script, clip, frames.total])
    page.close()
    there = list(range(frames.total))
    path_taken = there + there[-2::-1]
    assert [counter for counter, _ in seen] == [f"{index + 1}/{frames.total}" for index in path_taken]
    expected = [int(frames.pixels[index][24, 8, 0]) for index in path_taken]
    assert [level for _, level in seen] == pytest.approx(expected, abs=6)
