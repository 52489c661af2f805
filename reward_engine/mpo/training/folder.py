"""A run is a folder: what it was asked, its pairs, its states, its curves, its pictures, its result.

run.json         pipeline, settings, who asked                   state/step-00000100/   to resume from
pairs.jsonl      prompt, winner, loser, held_out                 samples/step-00000100.png
metrics.jsonl    one line per step                                 lora/  manifest.json  README.md   the result
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from reward_engine import storage
from reward_engine.errors import ArtifactError, DataError, TrainingError
from reward_engine.mpo.policies import folder as pipelines
from reward_engine.mpo.policies.families import family_of
from reward_engine.mpo.policies.folder import check_lora
from reward_engine.mpo.training.settings import Settings
from reward_engine.storage import sha256
from reward_engine.tables import json_lines

FORMAT = 1


@dataclass(frozen=True)
class TrainingPair:
    """Two media files of one prompt. Held-out pairs are measured, never trained on; keep their prompts apart."""

    prompt: str
    winner: Path
    loser: Path
    held_out: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "winner", Path(self.winner))  # a text is a path as well
        object.__setattr__(self, "loser", Path(self.loser))


@dataclass(frozen=True)
class RunFolder:
    """What :func:`prepare` wrote. ``fingerprint`` changes with anything that would change what is learned."""

    path: Path
    pipeline: str
    pipeline_fingerprint: str
    lora: Path | None
    cache: Path
    settings: Settings
    record: Mapping[str, Any]
    pairs: tuple[TrainingPair, ...]
    fingerprint: str

    @property
    def training(self) -> tuple[TrainingPair, ...]:
        return tuple(pair for pair in self.pairs if not pair.held_out)

    @property
    def held_out(self) -> tuple[TrainingPair, ...]:
        return tuple(pair for pair in self.pairs if pair.held_out)

    @property
    def states(self) -> Path:
        return self.path / "state"

    @property
    def samples(self) -> Path:
        return self.path / "samples"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def lora_folder(self) -> Path:
        return self.path / "lora"

    @property
    def manifest(self) -> Path:
        return self.path / "manifest.json"


def prepare(
    path: str | Path,
    *,
    pipeline: str | Path,
    pairs: Sequence[TrainingPair],
    settings: Settings,
    lora: str | Path | None = None,
    cache: str | Path | None = None,
    record: Mapping[str, Any] | None = None,
) -> RunFolder:
    """Check everything that can be checked without a GPU, and write the run's folder.

    A folder prepared for the same run is taken as it is.

    Args:
        lora: An adapter the start already wears.
        cache: Where encoded media are kept; runs over the same media share it (default: in the run's folder).
        record: Plain data for the manifest, e.g. which reward model and which checklist the pairs come from.

    Raises:
        TrainingError: The pipeline or LoRA is none.
        DataError: No pairs to train on, files that are missing, one file as winner and loser.
        ArtifactError: The folder holds another run.
    """
    path = Path(path)
    source = pipelines.resolve(pipeline)
    family_of(source)
    lora_file = check_lora(Path(lora)) if lora is not None else None
    check_pairs(pairs)
    content = {
        "format": FORMAT,
        "pipeline": str(pipeline),
        "pipeline_fingerprint": pipelines.fingerprint(source, *([lora_file] if lora_file else [])),
        "lora": str(lora_file) if lora_file else None,
        "cache": str(cache) if cache else None,
        "settings": settings.to_dict(),
        "record": dict(record or {}),
    }
    lines = [json.dumps({**asdict(pair), "winner": str(pair.winner), "loser": str(pair.loser)}) for pair in pairs]
    text = "".join(line + "\n" for line in lines).encode()
    if (path / "run.json").exists():
        if storage.read_json(path / "run.json") != content or (path / "pairs.jsonl").read_bytes() != text:
            raise ArtifactError(f"{path} holds another run; take a new folder.", code="exists")
        return open_run(path)
    storage.write_bytes(path / "pairs.jsonl", text)
    storage.write_json(path / "run.json", content)
    return open_run(path)


def open_run(path: str | Path) -> RunFolder:
    """Open the folder of a prepared run.

    Raises:
        ArtifactError: If the folder was not prepared, or by another version.
    """
    path = Path(path)
    content = storage.read_json(path / "run.json")
    if content.get("format") != FORMAT:
        raise ArtifactError(f"{path}: format {content.get('format')!r}; this version reads {FORMAT}.", code="format")
    try:
        text = (path / "pairs.jsonl").read_bytes()
        rows = [json.loads(line) for line in json_lines(text.decode())]
        pairs = tuple(TrainingPair(r["prompt"], Path(r["winner"]), Path(r["loser"]), r["held_out"]) for r in rows)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{path / 'pairs.jsonl'} cannot be read ({error}). Prepare the run again.") from error
    parts = [content["pipeline_fingerprint"], json.dumps(content["settings"], sort_keys=True), text.decode()]
    return RunFolder(
        path=path,
        pipeline=content["pipeline"],
        pipeline_fingerprint=content["pipeline_fingerprint"],
        lora=Path(content["lora"]) if content["lora"] else None,
        cache=Path(content["cache"]) if content["cache"] else path / "cache",
        settings=Settings.from_dict(content["settings"]),
        record=content["record"],
        pairs=pairs,
        fingerprint=sha256("\0".join(parts).encode()),
    )


def check_same_pipeline(run: RunFolder) -> Path:
    """Find the pipeline's folder, and check it is what the run was prepared with.

    Raises:
        TrainingError: It is another pipeline.
    """
    source = pipelines.resolve(run.pipeline)
    found = pipelines.fingerprint(source, *([run.lora] if run.lora else []))
    if found != run.pipeline_fingerprint:
        raise TrainingError(
            f"{run.pipeline} has changed since the run was prepared; a run goes on from the model it began with. "
            "Restore it or prepare a new run.",
            code="pipeline_changed",
        )
    return source


def check_pairs(pairs: Sequence[TrainingPair]) -> None:
    """Check that there are pairs to train on.

    Raises:
        DataError: If there is none, or a file is missing or on both sides.
    """
    if not any(not pair.held_out for pair in pairs):
        raise DataError(
            "There is no pair to train on. Mine with a smaller margin or total gap, generate more per prompt, "
            "or compare at a coarser level.",
            code="no_pairs",
        )
    for number, pair in enumerate(pairs, start=1):
        if not pair.prompt.strip():
            raise DataError(f"Pair {number} has no prompt.", code="no_prompt")
        if pair.winner == pair.loser:
            raise DataError(f"Pair {number}: {pair.winner.name} is winner and loser.", code="same_file")
    missing = sorted({path for pair in pairs for path in (pair.winner, pair.loser) if not path.is_file()})
    if missing:
        raise DataError(f"{len(missing)} media files are missing, {missing[0]} among them.", code="missing_media")
    trained = {pair.prompt for pair in pairs if not pair.held_out}
    shared = sorted({pair.prompt for pair in pairs if pair.held_out} & trained)
    if shared:
        raise DataError(
            f"{len(shared)} held-out prompts are trained on as well, “{shared[0]}” among them; "
            "what is measured on them would flatter the model.",
            code="held_out_trained",
        )
