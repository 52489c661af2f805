"""A judge that learned nothing: measured on everything people judged, and kept as a manifest that says how to open it.

No item was learned from, so all of them are held out. What one gets without looking (the baseline) is learned from the
other prompts, in rounds, as for a judge that was trained.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings as platform
from django.utils.translation import gettext, gettext_noop, ngettext
from numpy.typing import NDArray

from annotator.core.errors import ProblemError
from annotator.core.texts import items_text, joined, prompts_text
from annotator.jobs.services import JobRun
from annotator.rewards.judges.base import Ids, PYes, Trained, TrainingData
from annotator.rewards.judges.cost import peak_memory
from annotator.rewards.judges.inputs import inputs_of
from reward_engine.answers import ABSENT, harmonize
from reward_engine.calibration import Calibration
from reward_engine.checklist import Checklist
from reward_engine.errors import ArtifactError, RewardEngineError
from reward_engine.judges import artifact
from reward_engine.judges.base import Judge
from reward_engine.weights import Weights

FORMAT = 1
# The fewest that say anything about a judge, as for one that is trained.
MIN_ITEMS, MIN_PROMPTS = 8, 4


def measure_untrained(
    run: JobRun, data: TrainingData, judge: Judge, kind_name: str, save_extra: Mapping[str, Any], *, device: str = "CPU"
) -> Trained:
    """Let ``judge`` answer every judged item of ``data`` and measure it; nothing is learned.

    Args:
        kind_name: Of the kind of judge, for the manifest.
        save_extra: Plain data from which :func:`read_manifest` lets the kind open the judge again; it stands in the
            manifest under ``as_it_is``, so it must hold no secret.
        device: Where it ran, for the measured cost.

    Raises:
        ProblemError: If too few items can be judged, or none for a reason that lies in the judge.
    """
    levels = harmonize(data.checklist, data.levels)
    judged = np.flatnonzero((levels != ABSENT).any(axis=1))
    _require_enough(len(judged), len(np.unique(data.prompts[judged])))
    run.stage(gettext_noop("Asking the judge"), len(judged))
    start = time.perf_counter()
    seen, p_yes, left_out = _answers(run, judge, data.items[judged])
    seconds = time.perf_counter() - start
    rows = np.searchsorted(data.items, seen)
    _require_enough(len(rows), len(np.unique(data.prompts[rows])), left_out)
    metrics = {
        "validation": {
            "split": "nothing was learned",
            "items": len(rows),
            "prompts": len(np.unique(data.prompts[rows])),
            "folds": 1,
            "share": None,
        },
        "training": {"items": 0, "prompts": 0, "note": "The judge is used as is and does not learn."},
        **_measures(data.checklist, p_yes, levels[rows], data.prompts[rows], seed=int(run.params["seed"])),
        "cost": {"seconds_per_item": seconds / len(rows), "memory_bytes": peak_memory(), "device": device},
    }

    def predict(pks: Ids) -> tuple[Ids, PYes]:
        found, answers, _unread = _answers(run, judge, pks)
        return found, answers

    def save(folder: Path, calibration: Calibration | None, weights: Weights, record: Mapping[str, Any]) -> None:
        manifest = {
            "kind": kind_name,
            "format": FORMAT,
            "version": judge.version,
            "media_type": data.media_type,
            "checklist": {"id": data.checklist.id, "content_hash": data.checklist.content_hash},
            "as_it_is": dict(save_extra),
            "weights": {
                "coef": weights.coef.tolist(),
                "intercept": float(weights.intercept),
                "form": weights.form,
                "notes": list(weights.notes),
            },
            **({} if calibration is None else {"calibration": calibration.to_json()}),
            **record,
        }
        artifact.write_files(folder, manifest, {})

    return Trained(held_out=rows, p_yes=p_yes, metrics=metrics, left_out=left_out, predict=predict, save=save)


def read_manifest(folder: Path, kind_name: str, checklist: Checklist) -> dict[str, Any]:
    """The manifest of a version that is used as it is; ``as_it_is`` in it is what the kind saved.

    Raises:
        ArtifactError: If it is missing, altered, of another kind or made for another checklist.
    """
    manifest, _files = artifact.read_files(folder, (), kind=kind_name, format_version=FORMAT)
    if not isinstance(manifest.get("as_it_is"), dict):
        raise ArtifactError(f"{folder.name}: the manifest does not say how to open the judge. {artifact.RETRAIN}")
    made_for = manifest.get("checklist", {}).get("content_hash")
    if made_for != checklist.content_hash:
        raise ArtifactError(
            f"{folder.name}: it answers another checklist than “{checklist.name}”. Measure it on this one.",
            code="checklist",
        )
    return manifest


def _answers(run: JobRun, judge: Judge, pks: Ids) -> tuple[Ids, PYes, dict[int, str]]:
    """(ids that were judged, their P(yes) [n, q], why the others were not)."""
    inputs, left_out = inputs_of(pks)
    try:
        found = judge.predict(inputs, progress=run.progress, canceled=run.canceled)
    except RewardEngineError as error:
        run.check()  # where it was canceled, that is what happened
        raise ProblemError(error.message, code=error.code) from error
    run.check()
    unread = {int(key): reason for key, reason in found.errors.items()}
    return np.array([int(key) for key in found.keys], dtype=np.int64), found.p_yes, unread | left_out


def _require_enough(items: int, prompts: int, left_out: Mapping[int, str] | None = None) -> None:
    if items >= MIN_ITEMS and prompts >= MIN_PROMPTS:
        return
    text = gettext(
        "There are judgments of %(items)s of %(prompts)s. Measuring a judge takes at least %(min_items)s of "
        "%(min_prompts)s."
    ) % {
        "items": items_text(items),
        "prompts": prompts_text(prompts),
        "min_items": items_text(MIN_ITEMS),
        "min_prompts": prompts_text(MIN_PROMPTS),
    }
    why = ""
    if left_out:
        n = len(left_out)
        why = ngettext(
            "%(n)s could not be judged: %(reason)s", "%(n)s could not be judged; the first: %(reason)s", n
        ) % {"n": n, "reason": next(iter(left_out.values()))}
    raise ProblemError(joined([text, why]), code="too_few")


def _measures(
    checklist: Checklist, p_yes: PYes, levels: NDArray[np.int8], prompts: NDArray[np.int64], *, seed: int
) -> dict[str, Any]:
    from reward_engine.training.measure import Baseline, measure  # slow to import, and only this job needs it
    from reward_engine.training.splits import folds

    group = np.unique(prompts, return_inverse=True)[1].astype(np.int64)
    baseline, weight = Baseline.empty(checklist, len(levels)), np.ones(len(levels))
    for part in folds(group, max(2, platform.VALIDATION_FOLDS), seed):
        baseline.learn(checklist, levels[~part], weight[~part], part)
    return measure(checklist, p_yes, levels, baseline, group)
