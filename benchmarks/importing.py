"""How many images an import takes a second, now and as it was, in turn in one run.

    python benchmarks/importing.py [--images 300] [--side 256]

Imports so many JPEGs into a database of its own: as it is, and as it was (thumbnails by WebP's method 4 from a decode
at twice the size, two threads, each row recorded by itself). Prints milliseconds of a core and bytes of a thumbnail by
itself, then images a second by the clock and milliseconds of a core an image, which tell more where others use the
machine.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.servers import servers, set_up  # noqa: E402

WAYS = ("as it was", "as it is", "as it was", "as it is")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--side", type=int, default=256, help="pixels")
    options = parser.parse_args()
    with servers() as folder:
        run(options, folder)


def run(options: argparse.Namespace, folder: Path) -> None:
    set_up(folder, LOG_LEVEL="CRITICAL")
    from annotator.library import thumbnails
    from annotator.library.services import import_now
    from annotator.library.verify import verify_media

    warm = pictures(folder / "warm", 20, options.side, 0)
    import_now(warm)
    facts = {path: verify_media(path, path.name) for path in sorted(warm.glob("*.jpg"))}
    for way in WAYS:
        with as_it_was() if way == "as it was" else nullcontext():
            core = time.process_time()
            sizes = [len(thumbnails.make_thumbnail(path, known)) for path, known in facts.items()]
            busy = time.process_time() - core
        mean = sum(sizes) / len(sizes)
        print(f"{way:10} {1000 * busy / len(sizes):6.1f} ms of a core a thumbnail, {mean:.0f} bytes", flush=True)
    for turn, way in enumerate(WAYS):
        source = pictures(folder / str(turn), options.images, options.side, 1000 + turn)
        with as_it_was() if way == "as it was" else nullcontext():
            start, core = time.perf_counter(), time.process_time()
            report = import_now(source)
            clock, busy = time.perf_counter() - start, time.process_time() - core
        assert report.imported == options.images, report.message
        print(f"{way:10} {options.images / clock:6.1f} images/s, {1000 * busy / options.images:6.1f} ms of a core each",
              flush=True)  # fmt: skip


def pictures(folder: Path, n: int, side: int, seed: int) -> Path:
    """Soft shapes with grain, as photographs have."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "prompt", "generator"])
        for number in range(n):
            small = Image.fromarray(rng.integers(0, 255, (12, 12, 3), dtype=np.uint8))
            soft = np.asarray(small.resize((side, side), Image.Resampling.BICUBIC), dtype=np.int16)
            grain = np.clip(soft + rng.integers(-12, 12, soft.shape), 0, 255).astype(np.uint8)
            Image.fromarray(grain).save(folder / f"{number}.jpg", quality=90)
            writer.writerow([f"{number}.jpg", f"Soft shapes, number {seed} {number // 4}", "a benchmark"])
    return folder


@contextmanager
def as_it_was() -> Iterator[None]:
    """Put the former ways in place inside the block."""
    from annotator.library import thumbnails
    from annotator.library.services import import_rows, record_item
    from annotator.library.thumbnails import THUMBNAIL_SIDE
    from reward_engine.media import decode_image

    def thumbnail(path: Path, facts: Any) -> bytes:
        target = io.BytesIO()
        Image.fromarray(decode_image(path, max_side=THUMBNAIL_SIDE)).save(target, "WEBP", quality=80, method=4)
        return target.getvalue()

    def one_by_one(items: Any, batch: Any) -> int:
        return sum(
            record_item(facts=one.facts, prompt=one.prompt, generator=one.generator, file_name=one.file_name,
                        batch=batch)[1] for one in items
        )  # fmt: skip

    places = (
        (thumbnails, "make_thumbnail", thumbnail), (import_rows, "record_items", one_by_one),
        (import_rows, "VERIFIERS", 2), (import_rows, "ROWS_A_COMMIT", 20),
    )  # fmt: skip
    with ExitStack() as stack:
        for module, name, former in places:
            stack.enter_context(patch.object(module, name, former))
        yield


if __name__ == "__main__":
    main()
