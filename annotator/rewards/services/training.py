"""Training: from submitted annotations to a new version of the reward model, as a job.

However often its worker is killed, a job makes one snapshot and one version: the snapshot's id is kept with the job
as soon as it is made, and the version is recorded together with everything that follows from it (its promotion, the
scoring job) in one transaction that only the run that holds the job can commit.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import Max
from django.urls import reverse
from django.utils.translation import override
from numpy.typing import NDArray

from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Campaign
from annotator.core.errors import ProblemError
from annotator.jobs.models import Job, Queue
from annotator.jobs.services import Run, enqueue
from annotator.rewards import judges
from annotator.rewards.measuring import add_order_and_people
from annotator.rewards.models import (
    BaseModel,
    RewardModel,
    RewardModelAction,
    RewardModelEvent,
    RewardModelState,
    Snapshot,
)
from annotator.rewards.services import artifacts, promotion, published, refining, snapshots
from annotator.rewards.services.gate import gate
from annotator.rewards.services.scoring import request_scoring
from annotator.trust.queries import ConsensusMethod, require_method
from reward_engine.calibration import Calibration
from reward_engine.checklist import Checklist
from reward_engine.errors import RewardEngineError
from reward_engine.judges.artifact import MANIFEST
from reward_engine.weights import Weights, equal_weights

TRAIN_TASK = "rewards.train"
LEFT_OUT_NAMED = 50


def request_training(
    *,
    campaigns: Iterable[Campaign],
    requested_by: Any = None,
    promote: bool = False,
    score_after: bool = True,
    mine_after: bool = False,
    seed: int = 0,
    consensus: str = ConsensusMethod.MAJORITY,
    comparisons: Iterable[Campaign] = (),
    automatic: bool = False,
    judge: str = "probe",
    settings: Mapping[str, Any] | None = None,
) -> Job:
    """Ask for a new version trained on these campaigns.

    ``promote``: promote it where it passes the gate (the first of a media type always does).
    ``score_after``: score all items with it; ``mine_after``: and mine pairs from the scores. ``consensus``: how
    several people's answers become one. ``comparisons``: campaigns in which people compared items; the weights are
    fitted on what they preferred, and without them they are those published with the checklist, or every sub-dimension
    counts alike. ``judge``: the kind of judge, with
    its own ``settings`` (defaults for those not given). Asking twice for the same gives
    the job that is under way. Raises ProblemError where there are no campaigns, they use different checklists, or no
    weights can be fitted on these comparisons.
    """
    campaigns = sorted(campaigns, key=lambda campaign: campaign.pk)
    require_one_checklist(campaigns)
    require_method(consensus)
    comparisons = sorted(comparisons, key=lambda campaign: campaign.pk)
    if comparisons:
        refining.require_preferences(comparisons, campaigns[0].media_type)
    kind = judges.kind_of(judge)
    chosen = kind.check_settings(settings or {}, campaigns[0].media_type)
    params = {
        "judge": kind.name,
        "settings": chosen,
        "campaigns": [campaign.pk for campaign in campaigns],
        "media_type": campaigns[0].media_type,
        "checklist_version": campaigns[0].checklist_version_id,
        "promote": promote,
        "score_after": score_after,
        "mine_after": mine_after,
        "seed": seed,
        "consensus": consensus,
        "comparisons": [campaign.pk for campaign in comparisons],
        "automatic": automatic,
    }
    key = hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()
    return enqueue(
        kind=TRAIN_TASK,
        title=_title(campaigns[0].media_type, kind),
        params=params,
        queue=Queue.GPU,
        requested_by=requested_by,
        dedupe_key=f"train:{key}",
    )


def require_one_checklist(campaigns: Sequence[Campaign]) -> None:
    """Raises ProblemError where there are no campaigns, or they use different checklist versions."""
    if not campaigns:
        raise ProblemError("Choose at least one campaign.", code="no_campaign")
    if len({campaign.checklist_version_id for campaign in campaigns}) > 1:
        raise ProblemError(
            "These campaigns use different checklist versions; their answers cannot be put together. "
            "Choose campaigns of one version.",
            code="mixed_checklists",
        )


def _title(media_type: str, kind: judges.JudgeKind) -> str:
    verb = "Train" if kind.learns else "Measure"
    with override("en"):  # titles are kept, and kept in one language
        return f"{verb} the {media_type} reward model" + ("" if kind.name == "probe" else f": {kind.label}")


def train(run: Run) -> dict[str, Any]:
    """The work of a training job. Raises ProblemError in words where there is too little to learn from."""
    made = RewardModel.objects.filter(job=run.job).first()
    if made is not None:  # an earlier attempt got as far as that and died before it could say so
        return result_of(made)
    artifacts.clean(own=run.job)
    run.stage("Freezing the judgments")
    snapshot = _snapshot(run)
    arrays = _load(snapshot)
    checklist = checklist_of(snapshot.checklist_version)
    kind = judges.kind_of(run.params.get("judge", "probe"))
    data = judges.TrainingData(snapshot, checklist, arrays.items, arrays.prompts, arrays.levels)
    trained = kind.train(run, data, run.params.get("settings", {}))
    run.stage("Measuring")
    held, p_yes = trained.held_out, trained.p_yes
    add_order_and_people(
        trained.metrics, checklist, p_yes, arrays.levels[held], arrays.support[held], arrays.agreement[held]
    )
    calibrated = refining.calibrate(
        checklist, p_yes, arrays.levels[held], arrays.prompts[held], seed=int(run.params["seed"])
    )
    weights, preferred = published.weights_for(snapshot.checklist_version) or equal_weights(checklist), {}
    if run.params.get("comparisons"):
        weights, report = _weights(run, checklist, trained, calibrated, arrays.items[held])
        preferred = {"preferences": report}
    run.stage("Saving")
    held_out = artifacts.pack(
        {
            "items": arrays.items[held],
            "prompts": arrays.prompts[held],
            "levels": arrays.levels[held],
            "p_yes": p_yes,
            "calibrated": calibrated.p_yes,
        }
    )
    record = {
        "metrics": trained.metrics,
        "settings": run.params.get("settings", {}),
        "seed": int(run.params["seed"]),
        "snapshot": snapshot.sha256,
        "data": _describe(snapshot, trained.left_out),
        "calibration_report": calibrated.report,
        **preferred,
        "held_out": {"file": artifacts.HELD_OUT, "sha256": artifacts.digest(held_out)},
        "job": str(run.job.pk),
    }
    return _save(run, snapshot, kind.name, trained, calibrated.calibration, weights, record, held_out)


@dataclass(frozen=True)
class Arrays:
    """The arrays of a snapshot; see :func:`annotator.rewards.services.artifacts.read_snapshot`."""

    items: NDArray[np.int64]
    prompts: NDArray[np.int64]
    levels: NDArray[np.int8]
    support: NDArray[np.int32]
    agreement: NDArray[np.float64]
    adjudicated: NDArray[np.bool_]


def _load(snapshot: Snapshot) -> Arrays:
    return Arrays(**artifacts.read_snapshot(snapshot))


def _snapshot(run: Run) -> Snapshot:
    """The job's snapshot: made by its first attempt, found again by later ones."""
    kept = Snapshot.objects.filter(pk=run.params.get("snapshot")).first()
    if kept is not None:
        return kept
    campaigns = list(
        Campaign.objects.filter(pk__in=run.params["campaigns"]).select_related("checklist_version").order_by("pk")
    )
    frozen = snapshots.freeze(campaigns, run.params.get("consensus", ConsensusMethod.MAJORITY))
    with run.commit():
        snapshot = snapshots.record(frozen, run.job.requested_by)
        run.job.params = {**run.job.params, "snapshot": snapshot.pk}
        Job.objects.filter(pk=run.job.pk).update(params=run.job.params)
    return snapshot


def _weights(
    run: Run,
    checklist: Checklist,
    trained: judges.Trained,
    calibrated: refining.Calibrated,
    held: NDArray[np.int64],
) -> tuple[Weights, dict[str, Any]]:
    """Weights from what people preferred. Of held-out items, it is what a judge that had not seen their prompt says."""

    def p_yes_of(pks: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        known = np.isin(held, pks)
        others = np.setdiff1d(pks, held)
        if not len(others):
            return held[known], calibrated.p_yes[known]
        run.stage("Judging the compared items", len(others))
        seen, p_yes = trained.predict(others)
        if calibrated.calibration is not None:
            p_yes = calibrated.calibration.apply(checklist, p_yes).astype(np.float32)
        return np.append(held[known], seen), np.vstack([calibrated.p_yes[known], p_yes])

    campaigns = list(Campaign.objects.filter(pk__in=run.params["comparisons"]).order_by("pk"))
    run.stage("Fitting the weights")
    return refining.fit_on_comparisons(checklist, campaigns, p_yes_of, seed=int(run.params["seed"]))


def _describe(snapshot: Snapshot, left_out: dict[int, str]) -> dict[str, Any]:
    """What the manifest says about the data."""
    return {
        "snapshot": snapshot.pk,
        "sha256": snapshot.sha256,
        "consensus": snapshot.consensus,
        "campaigns": list(snapshot.campaigns.order_by("pk").values_list("name", flat=True)),
        "items": snapshot.items,
        "prompts": snapshot.prompts,
        "judgments": snapshot.judgments,
        "left_out": len(left_out),
        "left_out_items": {str(pk): left_out[pk] for pk in sorted(left_out)[:LEFT_OUT_NAMED]},
    }


def _save(
    run: Run,
    snapshot: Snapshot,
    kind: str,
    trained: judges.Trained,
    calibration: Calibration | None,
    weights: Weights,
    record: dict[str, Any],
    held_out: bytes,
) -> dict[str, Any]:
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


def _record(run: Run, snapshot: Snapshot, kind: str, weights: Weights, path: str, content: bytes) -> RewardModel:
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
    note = "The dataset had grown." if params.get("automatic") else ""
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
    """The result of the job that made a version, in words."""
    overall = model.metrics["overall"]
    left_out = model.manifest["data"]["left_out"]
    better = (
        f"{model} is trained: on held-out prompts better than the majority class on "
        f"{overall['better_than_baseline']} of {overall['sub_dimensions']} sub-dimensions."
    )
    if model.state == RewardModelState.PROMOTED:
        state = " It is promoted."
    elif model.gate.get("asked") and not model.gate.get("passes"):
        state = f" It waits as a candidate. {model.gate['reason']}"
    else:
        state = " It waits as a candidate."
    lost = f" {say_left_out(left_out)}" if left_out else ""
    return {
        "message": better + state + lost,
        "url": reverse("rewards:model", args=[model.pk]),
        "reward_model": model.pk,
        "version": model.version,
    }


def say_left_out(left_out: int | dict[int, str]) -> str:
    count = left_out if isinstance(left_out, int) else len(left_out)
    which = "1 item that could not be read was" if count == 1 else f"{count} items that could not be read were"
    return f"{which} left out."
