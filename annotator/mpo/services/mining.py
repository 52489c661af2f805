"""Mining is asked for, and done as a job: measured, compared, written in short transactions, shown when whole."""

from __future__ import annotations

import hashlib
import json
from itertools import chain, count
from typing import Any

import numpy as np
from django.db import connection, transaction
from django.utils import timezone

from annotator.campaigns.checklists import checklist_of
from annotator.core.errors import ProblemError
from annotator.jobs.models import FINISHED, Job, Queue
from annotator.jobs.services import Run, enqueue, run_job
from annotator.mpo.mining import Mined, mine, summarise
from annotator.mpo.models import PairSet, PreferencePair
from annotator.mpo.options import MiningOptions, Source
from annotator.mpo.queries import MINE_TASK, Measured, among, judged, no_scores, scored, scores_of
from annotator.rewards.models import RewardModel

WRITTEN_AT_ONCE = 20_000


def request_pair_mining(
    *,
    reward_model: RewardModel,
    name: str = "",
    options: MiningOptions | dict[str, Any] | None = None,
    requested_by: Any = None,
) -> Job:
    """Enqueue the mining of a version's pairs; asking twice for the same while it runs gives the same job.

    Raises ProblemError for options that make no sense and for a version that has scored nothing.
    """
    options = options if isinstance(options, MiningOptions) else MiningOptions.from_json(options)
    chosen = among(options)
    if chosen.generation_set is not None and chosen.generation_set.media_type != reward_model.media_type:
        raise ProblemError(
            f"“{chosen.generation_set}” holds {chosen.generation_set.media_type}s, and {reward_model} is for "
            f"{reward_model.media_type}s. Choose another of the two.",
            code="media_type",
            field="generation_set",
        )
    if options.source != Source.CONSENSUS and not scores_of(reward_model, chosen).exists():
        raise ProblemError(no_scores(reward_model, chosen), code="no_scores")
    params = {"reward_model": reward_model.pk, "name": name.strip()[:200], "options": options.to_json()}
    return enqueue(
        kind=MINE_TASK,
        title=f"Preference pairs of {reward_model}",
        params=params,
        queue=Queue.MPO,
        requested_by=requested_by,
        dedupe_key=f"{MINE_TASK}:{hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()}",
    )


def run_pair_mining(job_id: str) -> None:
    run_job(job_id, mine_pairs)


def mine_pairs(run: Run) -> dict[str, Any]:
    """The work of the job. A run that was killed half-way is begun anew and leaves one set."""
    done = PairSet.objects.filter(job=run.job, ready_at__isnull=False).first()
    if done is not None:
        return _result(done)
    remove_unfinished()
    reward_model = RewardModel.objects.select_related("checklist_version").filter(pk=run.params["reward_model"]).first()
    if reward_model is None:
        raise ProblemError("The reward model is not there any more; choose another.", code="no_model")
    options = MiningOptions.from_json(run.params["options"])
    measured, also = _measure(run, reward_model, options)
    run.stage("Comparing items of one prompt")
    mined = mine(measured, options, also)
    if not mined.prompts:
        raise ProblemError(
            f"None of the {len(measured)} items shares its prompt with another, so there is nothing to compare. "
            "Import or generate several items a prompt and score them.",
            code="nothing_to_compare",
        )
    return _result(_write(run, reward_model, options, mined))


def _measure(run: Run, reward_model: RewardModel, options: MiningOptions) -> tuple[Measured, Measured | None]:
    """What is compared, and for “both” the consensus on the same items."""
    chosen = among(options)
    if options.source == Source.CONSENSUS:
        run.stage("Reading the consensus")
        return judged(reward_model, options.level, chosen), None
    run.stage("Reading scores", scores_of(reward_model, chosen).count())
    scores = scored(reward_model, options.level, run.progress, chosen)
    if options.source == Source.SCORES:
        return scores, None
    run.stage("Reading the consensus")
    people = judged(reward_model, options.level, chosen)
    items, left, right = np.intersect1d(scores.items, people.items, assume_unique=True, return_indices=True)
    if not len(items):
        raise ProblemError(
            f"No item that people have judged has been scored by {reward_model}; the two share nothing to agree on.",
            code="nothing_shared",
        )
    return scores.take(left), people.take(right)


def _write(run: Run, reward_model: RewardModel, options: MiningOptions, mined: Mined) -> PairSet:
    checklist = checklist_of(reward_model.checklist_version)
    run.stage("Writing pairs", len(mined))
    with run.commit():
        _remove(PairSet.objects.filter(job=run.job))
        pair_set = PairSet.objects.create(
            name=_distinct(run.params["name"] or default_name(reward_model, options)),
            reward_model=reward_model,
            options=options.to_json(),
            items=len(mined.measured),
            prompts=mined.prompts,
            prompts_without_pairs=mined.without,
            pairs_count=len(mined),
            summary=summarise(mined, checklist),
            job=run.job,
            created_by=run.job.requested_by,
        )
    for start in range(0, len(mined), WRITTEN_AT_ONCE):
        part = slice(start, start + WRITTEN_AT_ONCE)
        with run.commit():
            _copy(pair_set, mined, part)
        run.progress(min(start + WRITTEN_AT_ONCE, len(mined)))
    with run.commit():
        pair_set.ready_at = timezone.now()
        pair_set.save(update_fields=["ready_at", "updated_at"])
    return pair_set


def _copy(pair_set: PairSet, mined: Mined, part: slice) -> None:
    winner, loser, measured = mined.winner[part], mined.loser[part], mined.measured
    rows = zip(
        measured.prompts[winner].tolist(),
        measured.items[winner].tolist(),
        measured.items[loser].tolist(),
        measured.reward[winner].tolist(),
        mined.reward_gaps(part).tolist(),
        mined.gaps(part).tolist(),
        strict=True,
    )
    table = PreferencePair._meta.db_table
    columns = "pair_set_id, prompt_id, winner_id, loser_id, winner_reward, reward_gap, gap_by_dimension"
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row((pair_set.pk, *row))


def default_name(reward_model: RewardModel, options: MiningOptions) -> str:
    source = {Source.CONSENSUS: ", consensus", Source.BOTH: ", where people agree"}.get(Source(options.source), "")
    of = "" if among(options).everything else f", {among(options)}"
    name = f"{reward_model}, {options.level.replace('_', '-')}s{source}".replace("totals", "total reward")
    return f"{name}{of}"[:200]


def _distinct(name: str) -> str:
    """A name that no other set has: “…”, “… (2)”, “… (3)”."""
    taken = set(PairSet.objects.filter(name__startswith=name[:190]).values_list("name", flat=True))
    tries = chain([name], (f"{name[:190]} ({number})" for number in count(2)))
    return next(one for one in tries if one not in taken)


def _result(pair_set: PairSet) -> dict[str, Any]:
    if not pair_set.pairs_count:
        message = (
            f"No pair among {pair_set.items} items of {pair_set.prompts} prompts: nowhere is one item at least as good "
            "in everything and better by the margin. Lower the margin or the smallest gap, or compare by dimensions."
        )
    else:
        message = (
            f"{pair_set.pairs_count} pairs of {pair_set.prompts - pair_set.prompts_without_pairs} prompts; "
            f"{pair_set.prompts_without_pairs} prompts give none."
        )
    return {"message": message, "pair_set": pair_set.pk, "pairs": pair_set.pairs_count}


def remove_unfinished() -> int:
    """Sets whose job ended before they were whole (it was cancelled, or failed) go; returns how many."""
    lost = PairSet.objects.filter(ready_at__isnull=True, job__state__in=FINISHED)
    lost |= PairSet.objects.filter(ready_at__isnull=True, job__isnull=True)
    return _remove(lost)


@transaction.atomic
def _remove(pair_sets: Any) -> int:
    ids = list(pair_sets.values_list("pk", flat=True))
    # Nothing hangs on a pair: one statement instead of loading a million of them.
    pairs = PreferencePair.objects.filter(pair_set__in=ids)
    pairs._raw_delete(pairs.db)
    PairSet.objects.filter(pk__in=ids).delete()
    return len(ids)
