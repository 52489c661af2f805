"""Reads of runs."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from django.core.cache import cache
from django.db.models import QuerySet
from PIL import Image

from annotator.core.errors import ProblemError
from annotator.jobs.models import FINISHED
from annotator.mpo.models import MpoRun, PairSet
from annotator.mpo.queries.pair_sets import ready_sets

RUN_FILES = ("manifest.json", "README.md", "metrics.jsonl", "pairs.jsonl")
PREVIEW_SIDE = 1400
LORA = "lora/pytorch_lora_weights.safetensors"


def runs() -> QuerySet[MpoRun]:
    """Newest first, each with what a page says of it."""
    return MpoRun.objects.select_related("pair_set__reward_model__checklist_version", "job", "created_by").order_by(
        "-created_at"
    )


def finished_runs() -> QuerySet[MpoRun]:
    return runs().filter(finished_at__isnull=False)


def any_unfinished() -> bool:
    """Whether a run is being trained or waits for it."""
    return MpoRun.objects.filter(job__isnull=False).exclude(job__state__in=FINISHED).exists()


def trainable_sets() -> list[PairSet]:
    """Pair sets with a pair that is not vetoed, newest first."""
    return [pair_set for pair_set in ready_sets() if pair_set.pairs_count > pair_set.vetoed]


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
    path = run.folder / "samples" / f"step-{step:08d}.png"
    return path if path.is_file() else None


def grid_preview(path: Path) -> Path:
    """A WebP of the grid for pages, made when it is asked for first: a grid of large pictures is many megabytes."""
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
    """The prompts that the rows of a grid were made for, in their order; read once, as pages ask again and again."""
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
    """(texts of the prompts the run is trained on, those it holds out in their order). Raises ProblemError."""
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
            f"What “{run}” was trained on cannot be read ({error}). Restore its folder from a backup, or train anew.",
            code="file_missing",
            status=409,
        ) from error
    return trained, list(held_out)


def artifacts(run: MpoRun) -> list[tuple[str, Path]]:
    """(name, file) of what a finished run leaves, for downloads. Raises ProblemError where one is missing."""
    names = [*RUN_FILES, *run.manifest.get("sha256", {})]
    found = []
    for name in dict.fromkeys(names):
        path = run.folder / name
        if not path.is_file():
            raise ProblemError(
                f"The file {name} of “{run}” is missing on the server. Restore the folder of artifacts from a backup.",
                code="file_missing",
                status=409,
            )
        found.append((name, path))
    return found
