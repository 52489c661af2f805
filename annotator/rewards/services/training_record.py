"""What a training leaves: the version's files, its row, and all that follows from it."""

from __future__ import annotations

import json
import shutil
from typing import Any

from django.db.models import Max
from django.urls import reverse
from django.utils.translation import gettext, ngettext

from annotator.core.errors import ProblemError
from annotator.core.texts import in_all_languages, in_this_language, joined
from annotator.jobs.services import JobRun
from annotator.rewards import judges
from annotator.rewards.models import (
    BaseModel,
    RewardModel,
    RewardModelAction,
    RewardModelEvent,
    RewardModelState,
    Snapshot,
)
from annotator.rewards.services import artifacts, promotion
from annotator.rewards.services.gate import gate
from annotator.rewards.services.scoring import request_scoring
from reward_engine.calibration import Calibration
from reward_engine.errors import RewardEngineError
from reward_engine.judges.artifact import MANIFEST
from reward_engine.weights import Weights


def save_version(
    run: JobRun,
    snapshot: Snapshot,
    kind: str,
    trained: judges.Trained,
    calibration: Calibration | None,
    weights: Weights,
    record: dict[str, Any],
    held_out: bytes,
) -> dict[str, Any]:
    """Save a trained version with its files and its record."""
    folder = artifacts.model_folder(snapshot.media_type, run.job)
    try:
        trained.save(folder, calibration, weights, record)
        artifacts.write_file(folder / artifacts.HELD_OUT, held_out)
        content = (folder / MANIFEST).read_bytes()
        with run.commit():
            model = _record(run, snapshot, kind, weights, artifacts.below_root(folder), content)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, RewardEngineError):
            raise ProblemError(error.message, code=error.code) from error
        raise
    return result_of(model)


def _record(run: JobRun, snapshot: Snapshot, kind: str, weights: Weights, path: str, content: bytes) -> RewardModel:
    """The version and all that follows from it."""
    params, by = run.params, run.job.requested_by
    manifest = json.loads(content)
    metrics = manifest.pop("metrics")
    promotion.lock_register(snapshot.media_type)
    versions = RewardModel.objects.filter(media_type=snapshot.media_type)
    model = RewardModel.objects.create(
        media_type=snapshot.media_type,
        version=(versions.aggregate(last=Max("version"))["last"] or 0) + 1,
        judge=kind,
        base=BaseModel.objects.filter(pk=params.get("settings", {}).get("base")).first(),
        checklist_version=snapshot.checklist_version,
        snapshot=snapshot,
        path=path,
        manifest={**manifest, "manifest_sha256": artifacts.digest(content)},
        metrics=metrics,
        weights=weights.coef.tolist(),
        intercept=weights.intercept,
        job=run.job,
        created_by=by,
    )
    note = gettext("The dataset has grown.") if params.get("automatic") else ""
    RewardModelEvent.objects.create(reward_model=model, action=RewardModelAction.TRAINED, by=by, note=note)
    verdict = gate(model, versions.filter(state=RewardModelState.PROMOTED).first())
    model.gate = verdict.to_json(asked=bool(params["promote"]))
    model.save(update_fields=["gate"])
    if params["promote"] and verdict.passes:
        model = promotion.promote(reward_model=model, by=by, note=verdict.reason)
    # A candidate that nobody asked for and that does not pass is not worth the scoring of a whole library.
    wanted = model.state == RewardModelState.PROMOTED or not params.get("automatic")
    if params["score_after"] and wanted:
        request_scoring(reward_model=model, requested_by=by, mine_after=params["mine_after"])
    return model


def result_of(model: RewardModel) -> dict[str, Any]:
    """Make the result of the job that made a version."""
    return {
        "message": in_all_languages(lambda: _in_words(model)),
        "url": reverse("rewards:model", args=[model.pk]),
        "reward_model": model.pk,
        "version": model.version,
    }


def _in_words(model: RewardModel) -> str:
    overall = model.metrics["overall"]
    left_out = model.manifest["data"]["left_out"]
    n = overall["sub_dimensions"]
    better = ngettext(
        "%(model)s is trained: on held-out prompts it is better than the majority baseline on %(better)s of %(n)s "
        "sub-dimension.",
        "%(model)s is trained: on held-out prompts it is better than the majority baseline on %(better)s of %(n)s "
        "sub-dimensions.",
        n,
    )
    sentences = [better % {"model": model, "better": overall["better_than_baseline"], "n": n}]
    if model.state == RewardModelState.PROMOTED:
        sentences.append(gettext("It is promoted."))
    else:
        sentences.append(gettext("It stays a candidate."))
        if model.gate.get("asked") and not model.gate.get("passes"):
            sentences.append(in_this_language(model.gate["reason"]))
    return joined([*sentences, _say_limited(model), say_left_out(left_out) if left_out else ""])


def _say_limited(model: RewardModel) -> str:
    """How many sub-dimensions the version cannot be trusted on, and whether they count."""
    limits = model.metrics.get("limits", [])
    if not limits:
        return ""
    if model.manifest.get("limited", {}).get("left_out"):
        text = ngettext(
            "%(n)s sub-dimension cannot be trusted on held-out prompts and is left out of the reward: see the "
            "version’s page.",
            "%(n)s sub-dimensions cannot be trusted on held-out prompts and are left out of the reward: see the "
            "version’s page.",
            len(limits),
        )
    else:
        text = ngettext(
            "%(n)s sub-dimension cannot be trusted on held-out prompts but is still in the reward: see the version’s "
            "page.",
            "%(n)s sub-dimensions cannot be trusted on held-out prompts but are still in the reward: see the version’s "
            "page.",
            len(limits),
        )
    return text % {"n": len(limits)}


def say_left_out(left_out: int | dict[int, str]) -> str:
    """Say in words how many items were left out."""
    n = left_out if isinstance(left_out, int) else len(left_out)
    text = ngettext(
        "%(n)s item that could not be read was left out.", "%(n)s items that could not be read were left out.", n
    )
    return text % {"n": n}
