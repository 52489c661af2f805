"""Reads of runs."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from django.core.cache import cache
from django.db.models import F, QuerySet
from django.utils.translation import gettext
from PIL import Image

from annotator.core.errors import ProblemError
from annotator.jobs.models import FINISHED
from annotator.mpo.models import MpoRun
from annotator.mpo.queries.pair_sets import ready_sets

if TYPE_CHECKING:
    from annotator.mpo.annotated import ReadySet

RUN_FILES = ("manifest.json", "README.md", "metrics.jsonl", "pairs.jsonl")
PREVIEW_SIDE = 1400
LORA = "lora/pytorch_lora_weights.safetensors"


def runs() -> QuerySet[MpoRun]:
    """Newest first, each with what a page says of it."""
    return MpoRun.objects.select_related("pair_set__reward_model__checklist_version", "job", "created_by").order_by(
        "-created_at"
    )


def finished_runs() -> QuerySet[MpoRun]:
    """List the runs that are finished."""
    return runs().filter(finished_at__isnull=False)


def any_unfinished() -> bool:
    """Tell whether a run is being trained or waits for its training."""
    return MpoRun.objects.filter(job__isnull=False).exclude(job__state__in=FINISHED).exists()


def trainable_sets() -> QuerySet[ReadySet]:
    """List pair sets with a pair that is not vetoed, newest first.

    What only their own pages show is loaded when asked for.
    """
    return ready_sets().select_related(None).filter(pairs_count__gt=F("vetoed")).defer("summary", "options")


@dataclass(frozen=True)
class Grid:
    """The samples of one step; ``name`` of its file."""

    step: int
    name: str


def grids(run: MpoRun) -> list[Grid]:
    """Sample grids, the earliest first."""
    found = []
    for path in sorted((run.folder / "samples").glob("step-*.png")):
        number = path.stem.removeprefix("step-")
        if number.isdecimal():
            found.append(Grid(int(number), path.name))
    return found


def grid_file(run: MpoRun, step: int) -> Path | None:
    """Find the file of a sample grid."""
    path = run.folder / "samples" / f"step-{step:08d}.png"
    return path if path.is_file() else None


def grid_preview(path: Path) -> Path:
    """Find or make a small WebP of a grid for pages.

    It is made when it is first asked for. The grid itself can be many megabytes.
    """
    small = path.parent / "small" / f"{path.stem}.webp"
    if not small.is_file():
        small.parent.mkdir(exist_ok=True)
        beside = small.with_name(f".{small.name}.{secrets.token_hex(4)}")
        with Image.open(path) as grid:
            grid.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
            grid.convert("RGB").save(beside, format="WEBP", quality=90)
        beside.replace(small)
    return small


def sample_prompts(run: MpoRun) -> list[str]:
    """Read the prompts of a grid's rows, in their order.

    They are read once and kept, as pages ask again and again.
    """
    key = f"mpo:sample-prompts:{run.path}"
    known: list[str] | None = cache.get(key)
    if known is None:
        known = _sample_prompts(run)
        cache.set(key, known, 24 * 3600)
    return known


def _sample_prompts(run: MpoRun) -> list[str]:
    prompts: dict[str, None] = {}
    trained: dict[str, None] = {}
    most = int(run.settings["sample_prompts"])
    try:
        with (run.folder / "pairs.jsonl").open() as file:
            for line in file:
                row = json.loads(line)
                (prompts if row["held_out"] else trained)[row["prompt"]] = None
    except (OSError, ValueError, KeyError):
        return []
    return list(prompts or trained)[:most]


def trained_prompts(run: MpoRun) -> tuple[set[str], list[str]]:
    """Read which prompts a run trains on and which it holds out.

    Returns the texts of both, the held-out ones in their order.

    Raises:
        ProblemError: The message says what is wrong.
    """
    trained: set[str] = set()
    held_out: dict[str, None] = {}
    try:
        with (run.folder / "pairs.jsonl").open() as file:
            for line in file:
                row = json.loads(line)
                if row["held_out"]:
                    held_out[row["prompt"]] = None
                else:
                    trained.add(row["prompt"])
    except (OSError, ValueError, KeyError) as error:
        raise ProblemError(
            gettext(
                "The training data of “%(run)s” cannot be read (%(error)s). Restore its folder from a "
                "backup, or train again."
            )
            % {"run": run, "error": error},
            code="file_missing",
            status=409,
        ) from error
    return trained, list(held_out)


def artifacts(run: MpoRun) -> list[tuple[str, Path]]:
    """List what a finished run leaves for downloads, as (name, file).

    Raises:
        ProblemError: If one is missing.
    """
    names = [*RUN_FILES, *run.manifest.get("sha256", {})]
    found = []
    for name in dict.fromkeys(names):
        path = run.folder / name
        if not path.is_file():
            raise ProblemError(
                gettext(
                    "The file %(name)s of “%(run)s” is missing on the server. Restore the artifact folder "
                    "from a backup."
                )
                % {"name": name, "run": run},
                code="file_missing",
                status=409,
            )
        found.append((name, path))
    return found
