"""Published question and weight files, kept as a checklist version and its weights."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from django.db import transaction
from django.utils.translation import gettext, ngettext

from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import ChecklistVersion
from annotator.campaigns.services import store_checklist
from annotator.core.errors import ProblemError
from annotator.core.texts import joined
from annotator.library.models import MediaType
from annotator.rewards.models import PublishedWeights
from reward_engine.errors import RewardEngineError
from reward_engine.published import PublishedReward, load_questions, load_weights
from reward_engine.storage import sha256
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
        """A sentence on what was loaded, in the active language."""
        n = len(checklist_of(self.version).questions)
        text = ngettext("%(version)s has %(n)s question.", "%(version)s has %(n)s questions.", n)
        sentences = [text % {"version": self.version, "n": n}]
        if not self.new:
            sentences.append(gettext("It already existed."))
        if self.weights:
            sentences.append(gettext("Its weights are those of %(name)s.") % {"name": self.weights.weights_name})
        return joined(sentences)


def load_published(
    *, media_type: str, questions: NamedFile, weights: NamedFile | None = None, loaded_by: Any = None
) -> LoadedFiles:
    """Load published questions and weights; all or nothing.

    The question file becomes a checklist version, and a weight file that fits it becomes its weights. Loading the same
    files again returns what is there already.

    Raises:
        ProblemError: With ``field``: media_type, questions, weights.
    """
    if media_type not in MediaType.values:
        raise ProblemError(
            gettext("Unknown media type “%(media_type)s”. Choose image or video.") % {"media_type": media_type},
            field="media_type",
        )
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
    """Find the weights that were published with a checklist.

    Of several, they are those loaded last. Returns None where there are none.
    """
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
        sha256=sha256(weights.content),
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
            gettext("“%(name)s”: the name of a published file consists of letters and digits and ends in "
                    "%(ending)s.") % {"name": name[:100], "ending": ending},
            code="name", field=field,
        )  # fmt: skip
    if len(file.content) > LARGEST_FILE:
        raise ProblemError(
            gettext("%(name)s is larger than %(most)s bytes, so it is not a published file.")
            % {"name": name, "most": f"{LARGEST_FILE:,}"},
            code="size",
            field=field,
        )
    path = Path(folder) / name
    path.write_bytes(file.content)
    return path
