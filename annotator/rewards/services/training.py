"""Training: from submitted annotations to a new version of the reward model, as a job.

However often its worker is killed, a job makes one snapshot and one version: the snapshot's id is kept with the job
as soon as it is made, and the version is recorded together with everything that follows from it (its promotion, the
scoring job) in one transaction that only the run that holds the job can commit.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.conf import settings
from django.db.models import Max
from django.urls import reverse
from numpy.typing import NDArray

from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Campaign
from annotator.core.errors import ProblemError
from annotator.jobs.models import Job, Queue
from annotator.jobs.services import Run, enqueue
from annotator.rewards.measuring import add_order_and_people
from annotator.rewards.models import RewardModel, RewardModelAction, RewardModelEvent, RewardModelState, Snapshot
from annotator.rewards.services import artifacts, promotion, refining, snapshots
from annotator.rewards.services.looking import look
from annotator.rewards.services.scoring import request_scoring
from annotator.trust.queries import ConsensusMethod, require_method
from reward_engine.errors import RewardEngineError
from reward_engine.judges.artifact import MANIFEST
from reward_engine.judges.probe import ProbeJudge
from reward_engine.weights import Weights

TRAIN_TASK = "rewards.train"
# With few items, every prompt is held out once, in rounds, so that all of them are measured on. With many, one part
# is enough and k times quicker.
FEW_ITEMS = 2000
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
) -> Job:
    """Ask for a new version trained on these campaigns.

    ``promote``: promote it where it passes the gate (the first of a media type always does).
    ``score_after``: score all items with it; ``mine_after``: and mine pairs from the scores. ``consensus``: how
    several people's answers become one. ``comparisons``: campaigns in which people compared items; the weights are
    fitted on what they preferred, and without them every sub-dimension counts alike. Asking twice for the same gives
    the job that is under way. Raises ProblemError where there are no campaigns, they use different checklists, or no
    weights can be fitted on these comparisons.
    """
    campaigns = sorted(campaigns, key=lambda campaign: campaign.pk)
    if not campaigns:
        raise ProblemError("Choose at least one campaign.", code="no_campaign")
    if len({campaign.checklist_version_id for campaign in campaigns}) > 1:
        raise ProblemError(
            "These campaigns use different checklist versions; their answers cannot be put together. "
            "Choose campaigns of one version.",
            code="mixed_checklists",
        )
    require_method(consensus)
    comparisons = sorted(comparisons, key=lambda campaign: campaign.pk)
    if comparisons:
        refining.require_preferences(comparisons, campaigns[0].media_type)
    params = {
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
        title=f"Train the {campaigns[0].media_type} reward model",
        params=params,
        queue=Queue.GPU,
        requested_by=requested_by,
        dedupe_key=f"train:{key}",
    )


def train(run: Run) -> dict[str, Any]:
    """The work of a training job. Raises ProblemError in words where there is too little to learn from."""
    made = RewardModel.objects.filter(job=run.job).first()
    if made is not None:  # an earlier attempt got as far as that and died before it could say so
        return _result(made)
    artifacts.clean(own=run.job)
    run.stage("Freezing the judgments")
    snapshot = _snapshot(run)
    data = _load(snapshot)
    checklist = checklist_of(snapshot.checklist_version)
    run.stage("Looking at the media", len(data.items))
    features, left_out = look(run, snapshot.media_type, data.items)
    rows = np.searchsorted(data.items, np.array([int(key) for key in features.keys], dtype=np.int64))
    run.stage("Fitting the heads")
    from reward_engine.training import train_probe  # slow to import, and only this job needs it

    folds = settings.VALIDATION_FOLDS if len(rows) < FEW_ITEMS else 1
    try:
        result = train_probe(
            checklist,
            features,
            data.levels[rows],
            data.prompts[rows],
            seed=int(run.params["seed"]),
            validation_folds=folds,
            progress=run.progress,
            cancelled=run.cancelled,
        )
    except RewardEngineError as error:
        run.check()  # where it was cancelled, that is what happened
        hint = f" {_say_left_out(left_out)}" if left_out else ""
        raise ProblemError(error.message + hint, code=error.code) from error
    run.stage("Measuring")
    held = rows[result.held_out]
    p_yes = result.held_out_p_yes[result.held_out]
    add_order_and_people(result.metrics, checklist, p_yes, data.levels[held], data.support[held], data.agreement[held])
    calibrated = refining.calibrate(
        checklist, p_yes, data.levels[held], data.prompts[held], seed=int(run.params["seed"])
    )
    judge = ProbeJudge.from_training(
        result, extractor_version=features.version, snapshot=snapshot.sha256, calibration=calibrated.calibration
    )
    preferred: dict[str, Any] = {}
    if run.params.get("comparisons"):
        weights, report = _weights(run, judge, data.items[held], calibrated.p_yes)
        judge, preferred = dataclasses.replace(judge, weights=weights), {"preferences": report}
    run.stage("Saving")
    held_out = artifacts.pack(
        {"items": data.items[held], "levels": data.levels[held], "p_yes": p_yes, "calibrated": calibrated.p_yes}
    )
    record = {
        **judge.record,
        "data": _describe(snapshot, left_out),
        "calibration_report": calibrated.report,
        **preferred,
        "held_out": {"file": artifacts.HELD_OUT, "sha256": artifacts.digest(held_out)},
        "job": str(run.job.pk),
    }
    return _save(run, snapshot, dataclasses.replace(judge, record=record), held_out)


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
    run: Run, judge: ProbeJudge, held: NDArray[np.int64], held_p_yes: NDArray[np.float32]
) -> tuple[Weights, dict[str, Any]]:
    """Weights from what people preferred. Of held-out items, it is what heads that had not seen their prompt say."""

    def p_yes_of(pks: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        known = np.isin(held, pks)
        others = np.setdiff1d(pks, held)
        if not len(others):
            return held[known], held_p_yes[known]
        run.stage("Looking at what was compared", len(others))
        features, _left_out = look(run, judge.checklist.media_type, others)
        seen = np.array([int(key) for key in features.keys], dtype=np.int64)
        return np.append(held[known], seen), np.vstack([held_p_yes[known], judge.predict_features(features.values)])

    campaigns = list(Campaign.objects.filter(pk__in=run.params["comparisons"]).order_by("pk"))
    run.stage("Fitting the weights")
    return refining.fit_on_comparisons(judge.checklist, campaigns, p_yes_of, seed=int(run.params["seed"]))


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


def _save(run: Run, snapshot: Snapshot, judge: ProbeJudge, held_out: bytes) -> dict[str, Any]:
    folder = artifacts.model_folder(snapshot.media_type, run.job)
    try:
        judge.save(folder)
        artifacts.write_file(folder / artifacts.HELD_OUT, held_out)
        content = (folder / MANIFEST).read_bytes()
        with run.commit():
            model = _record(run, snapshot, judge, artifacts.below_root(folder), content)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, RewardEngineError):
            raise ProblemError(error.message, code=error.code) from error
        raise
    return _result(model)


def _record(run: Run, snapshot: Snapshot, judge: ProbeJudge, path: str, content: bytes) -> RewardModel:
    """The version and all that follows from it."""
    params, by = run.params, run.job.requested_by
    manifest = json.loads(content)
    metrics = manifest.pop("metrics")
    promotion.lock_register(snapshot.media_type)
    versions = RewardModel.objects.filter(media_type=snapshot.media_type)
    model = RewardModel.objects.create(
        media_type=snapshot.media_type,
        version=(versions.aggregate(last=Max("version"))["last"] or 0) + 1,
        judge=judge.name,
        checklist_version=snapshot.checklist_version,
        snapshot=snapshot,
        path=path,
        manifest={**manifest, "manifest_sha256": artifacts.digest(content)},
        metrics=metrics,
        weights=judge.weights.coef.tolist(),
        intercept=judge.weights.intercept,
        job=run.job,
        created_by=by,
    )
    note = "The dataset had grown." if params.get("automatic") else ""
    RewardModelEvent.objects.create(reward_model=model, action=RewardModelAction.TRAINED, by=by, note=note)
    if params["promote"]:
        verdict = promotion.gate(model, versions.filter(state=RewardModelState.PROMOTED).first())
        if verdict.passes:
            model = promotion.promote(reward_model=model, by=by, note=verdict.reason)
    if params["score_after"]:
        request_scoring(reward_model=model, requested_by=by, mine_after=params["mine_after"])
    return model


def _result(model: RewardModel) -> dict[str, Any]:
    overall = model.metrics["overall"]
    left_out = model.manifest["data"]["left_out"]
    better = (
        f"{model} is trained: on held-out prompts better than the majority class on "
        f"{overall['better_than_baseline']} of {overall['sub_dimensions']} sub-dimensions."
    )
    state = " It is promoted." if model.state == RewardModelState.PROMOTED else " It waits as a candidate."
    lost = f" {_say_left_out(left_out)}" if left_out else ""
    return {
        "message": better + state + lost,
        "url": reverse("rewards:model", args=[model.pk]),
        "reward_model": model.pk,
        "version": model.version,
    }


def _say_left_out(left_out: int | dict[int, str]) -> str:
    count = left_out if isinstance(left_out, int) else len(left_out)
    which = "1 item that could not be read was" if count == 1 else f"{count} items that could not be read were"
    return f"{which} left out."
