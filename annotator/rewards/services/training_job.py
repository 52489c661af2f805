"""Training: from submitted annotations to a new version of the reward model, as a job.

However often its worker is killed, a job makes one snapshot and one version: the snapshot's id is kept with the job
as soon as it is made, and the version is recorded together with everything that follows from it (its promotion, the
scoring job) in one transaction that only the run that holds the job can commit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from django.utils.translation import gettext_noop
from numpy.typing import NDArray

from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Campaign
from annotator.jobs.models import Job
from annotator.jobs.services import JobRun
from annotator.rewards import judges
from annotator.rewards.held_out_metrics import add_order_and_people
from annotator.rewards.models import (
    RewardModel,
    Snapshot,
)
from annotator.rewards.services import artifacts, calibration, preference_weights, published, snapshots, trust
from annotator.rewards.services.training_record import result_of, save_version
from annotator.trust.queries import ConsensusMethod
from reward_engine.checklist import Checklist
from reward_engine.weights import Weights, equal_weights

LEFT_OUT_NAMED = 50


def train(run: JobRun) -> dict[str, Any]:
    """Train a version within its job.

    Raises:
        ProblemError: If there is too little to learn from.
    """
    made = RewardModel.objects.filter(job=run.job).first()
    if made is not None:  # an earlier attempt got as far as that and died before it could say so
        return result_of(made)
    artifacts.clean(own=run.job)
    run.stage(gettext_noop("Freezing the judgments"))
    snapshot = _snapshot(run)
    arrays = _load(snapshot)
    checklist = checklist_of(snapshot.checklist_version)
    kind = judges.kind_of(run.params.get("judge", "probe"))
    data = judges.TrainingData(snapshot, checklist, arrays.items, arrays.prompts, arrays.levels)
    trained = kind.train(run, data, run.params.get("settings", {}))
    run.stage(gettext_noop("Measuring"))
    held, p_yes = trained.held_out, trained.p_yes
    add_order_and_people(
        trained.metrics, checklist, p_yes, arrays.levels[held], arrays.support[held], arrays.agreement[held]
    )
    calibrated = calibration.calibrate(
        checklist, p_yes, arrays.levels[held], arrays.prompts[held], seed=int(run.params["seed"])
    )
    weights, preferred = published.weights_for(snapshot.checklist_version) or equal_weights(checklist), {}
    if run.params.get("comparisons"):
        weights, report = _weights(run, checklist, trained, calibrated, arrays.items[held])
        preferred = {"preferences": report}
    keep = bool(run.params.get("keep_limited"))
    weights, limited = trust.leave_out_limited(checklist, weights, trained.metrics, keep=keep)
    expected = trust.pairs_to_expect(checklist, weights, calibrated.p_yes, arrays.levels[held], arrays.prompts[held])
    run.stage(gettext_noop("Saving"))
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
        "limited": limited,
        "dominance": expected,
        "held_out": {"file": artifacts.HELD_OUT, "sha256": artifacts.digest(held_out)},
        "job": str(run.job.pk),
    }
    return save_version(run, snapshot, kind.name, trained, calibrated.calibration, weights, record, held_out)


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


def _snapshot(run: JobRun) -> Snapshot:
    """The job's snapshot: made by its first attempt, found again by later ones."""
    known = run.params.get("snapshot")
    kept = None if known is None else Snapshot.objects.filter(pk=known).first()
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
    run: JobRun,
    checklist: Checklist,
    trained: judges.Trained,
    calibrated: calibration.Calibrated,
    held: NDArray[np.int64],
) -> tuple[Weights, dict[str, Any]]:
    """Weights from what people preferred. Of held-out items, it is what a judge that had not seen their prompt says."""

    def p_yes_of(pks: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        known = np.isin(held, pks)
        others = np.setdiff1d(pks, held)
        if not len(others):
            return held[known], calibrated.p_yes[known]
        run.stage(gettext_noop("Judging the compared items"), len(others))
        seen, p_yes = trained.predict(others)
        if calibrated.calibration is not None:
            p_yes = calibrated.calibration.apply(checklist, p_yes).astype(np.float32)
        return np.append(held[known], seen), np.vstack([calibrated.p_yes[known], p_yes])

    campaigns = list(Campaign.objects.filter(pk__in=run.params["comparisons"]).order_by("pk"))
    run.stage(gettext_noop("Fitting the weights"))
    return preference_weights.fit_on_comparisons(checklist, campaigns, p_yes_of, seed=int(run.params["seed"]))


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
