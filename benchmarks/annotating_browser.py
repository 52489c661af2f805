"""How long an annotator waits in the browser from submitting an item to seeing the next one, and how much they press.

    python benchmarks/annotating_browser.py [--items 50] [--media image] [--side 1024] [--pace 0.2]

Starts the web server as scripts/run does, on a database and a media store of its own, and lets Chromium answer the
items by keyboard: one key a ladder, one every ``pace`` seconds on average, and Enter. From the Enter key (the time of
its event) to the moment when the next item has been painted with its media decoded. Prints p50 and p95 in
milliseconds, and the keys and clicks an item took, counted in the page.
"""

import argparse
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.servers import servers, set_up  # noqa: E402

PORT = 8919
# Waits in the page for the swap, the media and the paint behind it; the promise's value is in ms.
MEASURE = """() => {
  const before = document.querySelector("#workspace");
  let pressed;
  addEventListener("keydown", (event) => { pressed = event.timeStamp; }, { capture: true, once: true });
  window.painted = new Promise((resolve) => new MutationObserver(async (_, observer) => {
    const workspace = document.querySelector("#workspace");
    if (!workspace || workspace === before) return;
    observer.disconnect();
    const swapped = performance.now();
    const media = workspace.querySelector("#media");
    if (media.tagName === "IMG") await media.decode();
    else if (media.readyState < 2) await new Promise((shown) => { media.onloadeddata = shown; });
    const ready = performance.now();
    requestAnimationFrame(() => {
      const channel = new MessageChannel(); // a task behind this frame's paint
      channel.port1.onmessage = () => resolve({
        total: performance.now() - pressed, swap: swapped - pressed, media: ready - swapped,
      });
      channel.port2.postMessage(null);
    });
  }).observe(document.querySelector("main"), { childList: true }));
}"""
COUNT = """() => {
  window.acts = { keys: 0, clicks: 0 };
  addEventListener("keydown", () => { window.acts.keys += 1; }, true);
  addEventListener("pointerdown", () => { window.acts.clicks += 1; }, true);
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=50)
    parser.add_argument("--media", choices=["image", "video"], default="image")
    parser.add_argument("--side", type=int, default=1024, help="pixels on the longer side")
    parser.add_argument("--pace", type=float, default=0.2, help="seconds between two answers")
    parser.add_argument("--bar", type=float, default=150.0, help="fails where p95 is above this many ms; 0: never")
    options = parser.parse_args()
    with servers() as folder:
        run(options, folder)


def run(options: argparse.Namespace, folder: Path) -> None:
    set_up(folder)
    from django.conf import settings
    from django.core.management import call_command

    from annotator.core.processes import commands

    call_command("collectstatic", verbosity=0, interactive=False)
    campaign, cookie, keys = fill(options, folder)
    _name, command, extra = commands("127.0.0.1", PORT, folder)[0]
    env = {**os.environ, **extra, "DATABASE_URL": settings.DATABASE_URL, "CELERY_BROKER_URL": settings.BROKER_URL}
    with (folder / "web.log").open("wb") as log:
        server = subprocess.Popen(command, env=env, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_for_server()
            rows, acts = annotate(campaign, cookie, keys, options)
        finally:
            server.terminate()
            server.wait()
    report(options, rows, acts, len(keys))


def fill(options: argparse.Namespace, folder: Path) -> tuple[int, str, list[str]]:
    """An open campaign over real media, a signed-in annotator, and the key of each ladder's highest level."""
    from django.contrib.auth.models import Group
    from django.test import Client

    from annotator.accounts.models import Role, User
    from annotator.campaigns.checklists import checklist_of
    from annotator.campaigns.models import CampaignState
    from annotator.campaigns.services import create_campaign, load_builtin_checklists
    from annotator.library.services import record_generator, record_item, record_prompt, store_media

    version = next(v for v, _ in load_builtin_checklists() if v.media_type == options.media)
    person = User.objects.create(username="annotator", password="!")
    person.groups.add(Group.objects.get_or_create(name=Role.ANNOTATOR.value)[0])
    items = []
    for number in range(options.items + 2):  # one behind the last, and one further ahead
        path = (write_image if options.media == "image" else write_clip)(folder, number, options.side)
        facts = store_media(path, path.name)
        items.append(
            record_item(
                facts=facts, prompt=record_prompt(f"A kite over the sea, number {number}, in late light"),
                generator=record_generator("benchmark"),
            )[0]
        )  # fmt: skip
    campaign = create_campaign(
        name="Browser", checklist_version=version, items=items, overlap=1, state=CampaignState.OPEN
    )
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    keys = [str(len(sub.levels) - sub.masked_by_other) for sub in checklist_of(version).ordinal]
    return campaign.pk, client.cookies["sessionid"].value, keys


def write_image(folder: Path, number: int, side: int) -> Path:
    """A photograph's worth of detail, as JPEG."""
    from PIL import Image

    rng = np.random.default_rng(number)
    coarse = Image.fromarray(rng.integers(0, 256, (side // 8, side // 8, 3), dtype=np.uint8))
    path = folder / f"{number}.jpg"
    coarse.resize((side, side), Image.Resampling.BICUBIC).save(path, quality=90)
    return path


def write_clip(folder: Path, number: int, side: int) -> Path:
    """Two seconds of a moving pattern, H.264."""
    import av

    rng = np.random.default_rng(number)
    width, height = side // 2 * 2, side * 9 // 16 // 2 * 2
    patches = rng.integers(0, 256, (height // 16 + 1, width // 16 + 1, 3), dtype=np.uint8)
    base = np.repeat(np.repeat(patches, 16, 0), 16, 1)
    path = folder / f"{number}.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for step in range(48):
            picture = np.ascontiguousarray(np.roll(base, 3 * step, axis=1)[:height, :width])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def wait_for_server() -> None:
    import http.client

    for _ in range(300):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=2)
            connection.request("GET", "/healthz")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit("The web server did not come up.")


def annotate(
    campaign: int, cookie: str, keys: list[str], options: argparse.Namespace
) -> tuple[list[dict[str, float]], dict[str, int]]:
    """Answer the items in Chromium; one row per item, and what was pressed in all."""
    from playwright.sync_api import sync_playwright

    from tests.conftest import chromium_path

    rows: list[dict[str, float]] = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=chromium_path(), args=["--no-sandbox", "--disable-gpu", "--no-first-run"]
        )
        context = chromium.new_context(base_url=f"http://127.0.0.1:{PORT}", viewport={"width": 1280, "height": 800})
        context.add_cookies([{"name": "sessionid", "value": cookie, "url": f"http://127.0.0.1:{PORT}"}])
        page: Any = context.new_page()
        page.goto(f"/campaigns/{campaign}/work/")
        page.wait_for_selector("#workspace.scripted")
        page.evaluate(COUNT)
        for _ in range(options.items):
            for key in keys:
                page.wait_for_timeout(1000 * random.expovariate(1 / options.pace))
                page.keyboard.press(key)
            page.wait_for_selector("#workspace.complete")
            page.wait_for_timeout(1000 * random.expovariate(1 / options.pace))
            page.evaluate(MEASURE)
            page.keyboard.press("Enter")
            rows.append(page.evaluate("window.painted"))
        acts = page.evaluate("window.acts")
        chromium.close()
    return rows, acts


def report(options: argparse.Namespace, rows: list[dict[str, float]], acts: dict[str, int], ladders: int) -> None:
    load = os.getloadavg()[0]
    print(f"{len(rows)} {options.media}s of {options.side} pixels, one answer every {options.pace} s; "
          f"{os.cpu_count()} cores, load {load:.1f}, server and browser on the same machine")  # fmt: skip
    print("| from Enter to | p50 ms | p95 ms | longest ms |\n|---|---|---|---|")
    for name, label in (("swap", "the next item in the page"), ("media", "… its media decoded"),
                        ("total", "the next item painted")):  # fmt: skip
        values = [row[name] for row in rows]
        p50, p95 = np.percentile(values, [50, 95])
        print(f"| {label} | {p50:.0f} | {p95:.0f} | {max(values):.0f} |")
    print(f"per item: {acts['keys'] / len(rows):.2f} keys, {acts['clicks'] / len(rows):.2f} clicks; "
          f"{ladders} ladders + Enter = {ladders + 1}")  # fmt: skip
    slow = float(np.percentile([row["total"] for row in rows], 95))
    if options.bar and slow > options.bar:
        raise SystemExit(f"p95 is {slow:.0f} ms, above {options.bar:.0f} ms.")


if __name__ == "__main__":
    main()
