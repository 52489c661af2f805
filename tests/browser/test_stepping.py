"""One press, one frame: also where the frames of a clip are not evenly spaced in time."""

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from annotator.accounts.models import Role, User
from annotator.campaigns.services import create_comparison_campaign, load_builtin_checklists
from annotator.library import services
from annotator.library.models import Item
from reward_engine.media import AllFrames, Frames, sample_frames
from tests.factories import make_generator, make_prompt
from tests.pictures import VIDEOS

SCRIPTS = Path(__file__).parents[2] / "static" / "js" / "annotate"
VIEWER = """<div id="viewer"><video id="media" data-frame-rate="{rate}" data-frame-times="{times}" muted></video>
<div class="tools"><input id="scrub" type="range"><output id="time"></output>
<select id="speed"><option value="1">1</option></select><button data-tool="ends"></button></div>
<div id="ends" hidden></div></div>"""
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
  stepper.frames.seek(stepper.frames.middle(0));
  await sought;
  await look();
  for (let i = 1; i < count; i++) await press(".");
  for (let i = 1; i < count; i++) await press(",");
  return seen;
}"""

# How often a playing clip is drawn in one refresh after it has looped five times, and how often once that is over.
DRAWN = """async (frames) => {
  const { Frames } = await import(frames);
  const video = document.querySelector("video");
  Object.defineProperty(video, "paused", { value: false });
  const refreshed = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const over = new AbortController();
  let drawn = 0;
  new Frames(video).watch(() => { drawn += 1; }, over.signal);
  for (let i = 0; i < 5; i++) video.dispatchEvent(new Event("seeked"));
  await refreshed();
  drawn = 0;
  await refreshed();
  const playing = drawn;
  over.abort();
  await refreshed();
  drawn = 0;
  await refreshed();
  return [playing, drawn];
}"""


@pytest.mark.parametrize("name", ["vfr.mp4", "plain.mp4"])
def test_every_frame_is_one_press_away(browser: Browser, tmp_path: Path, name: str) -> None:
    path = VIDEOS[name][0](tmp_path / name)
    frames = sample_frames(path, AllFrames())
    times = json.dumps([at / 1000 for at in frames.times_ms])
    told = times if name == "vfr.mp4" else ""
    page = player(browser, VIEWER.format(rate="7.27" if told else "10", times=told))
    clip = f"data:video/mp4;base64,{base64.b64encode(path.read_bytes()).decode()}"
    there_and_back(frames, page.evaluate(STEPS, ["/video.js", clip, frames.total]))
    page.close()


def test_a_clip_that_loops_is_drawn_once_a_refresh(browser: Browser) -> None:
    page = player(browser, VIEWER.format(rate="10", times=""))
    assert page.evaluate(DRAWN, "/frames.js") == [1, 0]
    page.close()


def player(browser: Browser, viewer: str) -> Page:
    """A page of this viewer alone, with the workspace's scripts beside it."""
    page = browser.new_page(reduced_motion="reduce")
    page.route("http://player/", lambda route: route.fulfill(body=viewer, content_type="text/html"))
    page.route("http://player/*.js", lambda route: route.fulfill(path=SCRIPTS / route.request.url.rsplit("/", 1)[1]))
    page.goto("http://player/")
    return page


def there_and_back(frames: Frames, seen: list[tuple[str, int]]) -> None:
    there = list(range(frames.total))
    path_taken = there + there[-2::-1]
    assert [counter for counter, _ in seen] == [f"{index + 1}/{frames.total}" for index in path_taken]
    expected = [int(frames.pixels[index][24, 8, 0]) for index in path_taken]
    assert [level for _, level in seen] == pytest.approx(expected, abs=6)


@pytest.fixture
def clips(transactional_db: None, files: Path, tmp_path: Path) -> tuple[Frames, list[Item]]:
    """Two items of one prompt, one unevenly and one evenly timed; and the frames of the first."""
    prompt, items = make_prompt(), []
    for name in ("vfr.mp4", "plain.mp4"):
        facts = services.store_media(VIDEOS[name][0](tmp_path / name), name)
        items.append(
            services.record_item(facts=facts, prompt=prompt, generator=make_generator(name), file_name=name)[0]
        )
    return sample_frames(tmp_path / "vfr.mp4", AllFrames()), items


def compared(items: list[Item]) -> str:
    load_builtin_checklists()
    made = create_comparison_campaign(name="Clips", pairs=[tuple(items)], overlap=1, state="open")
    made.pairs.update(swapped=False)
    return f"/campaigns/{made.pk}/compare/"


@pytest.mark.django_db(transaction=True)
def test_two_clips_of_a_pair_are_stepped_scrubbed_and_played_together(
    open_page: Callable[..., Page], make_user: Callable[..., User], clips: tuple[Frames, list[Item]], look: Callable,
    wait_until: Callable,
) -> None:  # fmt: skip
    page = open_page(make_user("ann", Role.ANNOTATOR))
    page.emulate_media(reduced_motion="reduce")
    page.goto(compared(clips[1]))
    longest = page.evaluate(
        """() => Promise.all([...document.querySelectorAll("video")].map((video) => new Promise((resolve) => {
             if (video.readyState > 3) resolve(video.duration);
             else video.addEventListener("canplaythrough", () => resolve(video.duration), { once: true });
           }))).then((all) => Math.max(...all))"""
    )
    expect(page.locator("#time")).to_have_text(re.compile(r" · 1/\d+$"))
    look(page, "compare-clips")
    page.set_viewport_size({"width": 1366, "height": 768})
    expect(page.get_by_role("button", name="No difference")).to_be_in_viewport(ratio=1)
    page.keyboard.press(".")
    page.keyboard.press(".")
    expect(page.locator("#time")).to_have_text(re.compile(r" · 3/\d+$"))
    assert in_step(page, wait_until) > 0
    page.locator("#scrub").fill("500")
    assert in_step(page, wait_until) == pytest.approx(longest / 2, abs=0.01)
    page.locator("h1").click()
    page.keyboard.press(" ")
    playing = "[...document.querySelectorAll('video')].every((video) => !video.paused)"
    wait_until(lambda: page.evaluate(playing), "a clip does not play", 15)
    page.keyboard.press(" ")
    assert in_step(page, wait_until) != pytest.approx(longest / 2, abs=0.01)


def in_step(page: Page, wait_until: Callable) -> float:
    """Where both clips stand still, in seconds."""
    still = """() => {
      const [left, right] = document.querySelectorAll("video");
      return [left, right].every((video) => video.paused && !video.seeking)
        && Math.abs(left.currentTime - right.currentTime) < 0.002;
    }"""
    # Playwright's own wait_for_function needs eval, which the pages' policy forbids.
    wait_until(lambda: page.evaluate(still), "the clips do not stand still at one time", 15)
    return float(page.evaluate("document.querySelector('video').currentTime"))


@pytest.mark.django_db(transaction=True)
def test_every_frame_is_one_press_away_beside_the_browsers_own_player(
    open_page: Callable[..., Page], make_user: Callable[..., User], clips: tuple[Frames, list[Item]],
    look: Callable[..., None],
) -> None:  # fmt: skip
    frames, items = clips
    page = open_page(make_user("ann", Role.ADMIN))
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"/library/{items[0].pk}/")
    steps = page.locator(".frame-steps").first
    expect(steps.locator("output")).to_have_text(f"1/{frames.total}")
    look(page, "frame-steps")
    expect(steps.locator("output")).to_have_text(f"1/{frames.total}")
    seen = [step(page, ",")]  # there is no frame before the first
    seen += [step(page, ".") for _ in range(frames.total - 1)]
    seen += [step(page, ",") for _ in range(frames.total - 1)]
    there_and_back(frames, seen)
    steps.get_by_role("button", name="Next frame").click()
    expect(steps.locator("output")).to_have_text(f"2/{frames.total}")


def step(page: Page, key: str) -> tuple[str, int]:
    """One press: what the counter says then, and how bright the numbered half of the picture is."""
    page.evaluate(
        """() => {
             const video = document.querySelector("video");
             window.sought = new Promise((resolve) => video.addEventListener("seeked", resolve, { once: true }));
           }"""
    )
    page.keyboard.press(key)
    counter, level = page.evaluate(
        """async () => {
             await window.sought;
             await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
             const context = document.createElement("canvas").getContext("2d");
             context.drawImage(document.querySelector("video"), 0, 0);
             const counter = document.querySelector(".frame-steps output").textContent;
             return [counter, context.getImageData(8, 24, 1, 1).data[0]];
           }"""
    )
    return counter, level
