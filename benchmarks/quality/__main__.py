"""Write docs/quality.md from human-rated data.

    python -m benchmarks.quality --data FOLDER [--cache FOLDER] [--out docs/quality.md]

``FOLDER`` holds ``generated-videos`` (clips and ratings.csv), and, where there, ``imagereward-test/test.json`` and
``agiqa-3k/data.csv``. About a second a clip for measuring them once, and some seconds a training; no GPU.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.quality import clips, eyes, left_out, published, report

DEFAULT = Path(__file__).resolve().parents[2] / "docs" / "quality.md"


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the human-rated data")
    parser.add_argument("--cache", type=Path, help="where measured features are kept between runs")
    parser.add_argument("--out", type=Path, default=DEFAULT)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rated = clips.read(given.data / "generated-videos", given.cache)
    found = left_out.judged(rated, given.seed, lambda line: print(line, file=sys.stderr, flush=True))
    whole = left_out.whole(rated, given.seed)
    page = report.page(
        rated, whole, left_out.orders(rated, found), left_out.mined(rated, found), eyes.worth(rated), given.seed
    )
    page += published.section(given.data)
    given.out.write_text(page, encoding="utf-8")
    print(f"→ {given.out}")


if __name__ == "__main__":
    main()
