"""Published question and weight files, kept as a checklist version and its weights."""

from __future__ import annotations

import hashlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from django.db import transaction

from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import ChecklistVersion
from annotator.campaigns.services import store_checklist
from annotator.core.errors import ProblemError
from annotator.library.models import MediaType
from annotator.rewards.models import PublishedWeights
from reward_engine.errors import RewardEngineError
from reward_engine.published import PublishedReward, load_questions, load_weights
from reward_engine.weights import Weights

LARGEST_FILE = 1_000_000  # bytes; the published ones have a few thousand
NAME = re.compile(r"[\w.()+ -]{1,100}")


@dataclass(frozen=True)
class NamedFile:
    """A file as it was sent: its name and its bytes."""

    name: str
    content: bytes


@dataclass(frozen=True)
class LoadedFiles:
    """``new``: whether the checklist was not known before. ``weights``: None where no weight file was given."""

    version: ChecklistVersion
    new: bool
    weights: PublishedWeights | None

    @property
    def message(self) -> str:
        known = "" if self.new else " It was there already."
        kept = f" Its weights are those of {self.weights.weights_name}." if self.weights else ""
        return f"{self.version} has {len(checklist_of(self.version).questions)} questions.{known}{kept}"


def load_published(
    *, media_type: str, questions: NamedFile, weights: NamedFile | None = None, loaded_by: Any = None
) -> LoadedFiles:
    """Keep a question file as a checklist version, and a weight file that fits it as its weights; all or nothing.

    The same files give what is there already. Raises ProblemError (with ``field``: media_type, questions, weights).
    """
    if media_type not in MediaType.values:
        raise ProblemError(f"“{media_type}” is no kind of media; choose image or video.", field="media_type")
    with tempfile.TemporaryDirectory() as folder:
        try:
            field = "questions"
            checklist = load_questions(_put(folder, questions, ".txt", field), media_type)  # type: ignore[arg-type]
            field = "weights"
            scorer = None if weights is None else load_weights(_put(folder, weights, ".json", field), checklist)
        except RewardEngineError as error:
            raise ProblemError(error.message, code=error.code, field=field) from error
    with transaction.atomic():
        version, new = store_checklist(checklist=checklist)
        kept = None
        if scorer is not None and weights is not None:
            kept = _keep(version, scorer, questions.name, weights, loaded_by)
    return LoadedFiles(version, new, kept)


def weights_for(version: ChecklistVersion) -> Weights | None:
    """The weights that were published with a checklist, those loaded last; None where there are none."""
    found = version.published_weights.first()
    if found is None:
        return None
    return Weights(np.array(found.coef, dtype=np.float64), found.intercept, "published", tuple(found.notes))


def _keep(
    version: ChecklistVersion, scorer: PublishedReward, questions_name: str, weights: NamedFile, loaded_by: Any
) -> PublishedWeights:
    plain = scorer.weights()
    kept, _new = PublishedWeights.objects.get_or_create(
        checklist_version=version,
        sha256=hashlib.sha256(weights.content).hexdigest(),
        defaults={
            "coef": plain.coef.tolist(),
            "intercept": plain.intercept,
            "alignment_coef": scorer.alignment_coef,
            "notes": list(plain.notes),
            "questions_name": questions_name,
            "weights_name": weights.name,
            "created_by": loaded_by,
        },
    )
    return kept


def _put(folder: str, file: NamedFile, ending: str, field: str) -> Path:
    """The file in a folder of ours, under its own name, which refusals and the checklist bear."""
    name = Path(file.name).name
    if not NAME.fullmatch(name) or not name.endswith(ending):
        raise ProblemError(
            f"“{name[:100]}”: a published file of this kind is named with letters and digits and ends in {ending}.",
            code="name", field=field,
        )  # fmt: skip
    if len(file.content) > LARGEST_FILE:
        raise ProblemError(
            f"{name} is larger than {LARGEST_FILE:,} bytes, so it is no published file.", code="size", field=field
        )
    path = Path(folder) / name
    path.write_bytes(file.content)
    return path
