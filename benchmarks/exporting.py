"""How long an export takes beside the bare COPY, and against rows of the ORM, in one run.

    python benchmarks/exporting.py [--items 10000] [--keep FOLDER] [--orm 2000]

Writes the annotations of a campaign (as many as there are items) as JSON lines and Parquet, twice, and prints seconds
for that and for the bare COPY of its judgments; and for the same lines made one by one from rows of the ORM (``--orm``:
of so many, as they take several times as long). ``--keep``: see ``site_map``.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.servers import servers, set_up  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--orm", type=int, default=2000)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    with servers(options.keep) as folder:
        run(options, folder)


def run(options: argparse.Namespace, folder: Path) -> None:
    set_up(folder, LOG_LEVEL="CRITICAL")
    from django.db import connection

    from annotator.campaigns.checklists import checklist_of
    from annotator.campaigns.models import Campaign
    from annotator.datasets.files import TableFiles
    from annotator.datasets.rows import Annotations
    from annotator.datasets.schema import annotations_schema
    from tests.annotator.datasets.slow_rows import annotation_rows, line

    if not Campaign.objects.exists():
        from benchmarks.site_data import fill

        fill(options.items)
    campaign = Campaign.objects.order_by("pk").first()
    assert campaign is not None
    checklist = checklist_of(campaign.checklist_version)
    start, core = time.perf_counter(), time.process_time()
    size = 0
    with connection.cursor() as cursor, cursor.copy("COPY campaigns_judgment TO STDOUT (FORMAT BINARY)") as copy:
        for part in copy:
            size += len(part)
    told("bare COPY of the judgments", start, core, f"{size / 1e6:.0f} MB")
    for turn in ("first", "again"):
        with tempfile.TemporaryDirectory() as name:
            start, core, reading = time.perf_counter(), time.process_time(), 0.0
            annotations = Annotations(campaign.pk, checklist)
            with TableFiles(Path(name), "annotations", annotations_schema(checklist)) as table:
                chunks, before = annotations.chunks(), time.perf_counter()
                for chunk in chunks:
                    reading += time.perf_counter() - before
                    table.write_chunk(chunk)
                    before = time.perf_counter()
            written = sum(path.stat().st_size for path in table.paths) / 1e6
            told(f"columns from COPY, {turn}", start, core, f"{table.rows:,} annotations, {written:.0f} MB, reading "
                 f"and encoding {reading:.1f} s of it")  # fmt: skip
    start, core = time.perf_counter(), time.process_time()
    rows = annotation_rows(campaign.pk, checklist, options.orm)
    lines = [line(row) for row in rows]
    told("rows of the ORM, lines alone", start, core, f"{len(lines):,} annotations")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def told(what: str, start: float, core: float, more: str) -> None:
    clock, busy = time.perf_counter() - start, time.process_time() - core
    print(f"{what:32} {clock:7.2f} s by the clock, {busy:7.2f} s of a core; {more}", flush=True)


if __name__ == "__main__":
    main()
