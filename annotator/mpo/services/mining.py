"""Mining is asked for, and done as a job: measured, compared, written in short transactions, shown when whole."""

from __future__ import annotations

import json
from itertools import chain, count
from typing import Any

import numpy as np
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop, ngettext
from numpy.typing import NDArray

from annotator.campaigns.checklists import checklist_of
from annotator.core.errors import ProblemError
from annotator.core.texts import in_all_languages, items_text, joined, prompts_text
from annotator.jobs.models import FINISHED, Job, Queue
from annotator.jobs.services import JobRun, enqueue, run_job
from annotator.mpo.mining import Mined, mine, summarize
from annotator.mpo.models import PairSet, PreferencePair
from annotator.mpo.options import Answers, MiningOptions, Source
from annotator.mpo.queries import MINE_TASK, ItemValues, judged, no_scores, scope_of, scored, scores_of
from annotator.rewards.models import RewardModel
from reward_engine.mpo.tolerance import RulePrecision, rules_with_more_pairs
from reward_engine.storage import sha256

WRITTEN_AT_ONCE = 20_000


def request_pair_mining(
    *,
    reward_model: RewardModel,
    name: str = "",
    options: MiningOptions | dict[str, Any] | None = None,
    requested_by: Any = None,
) -> Job:
    """Enqueue the mining of a version's pairs.

    Asking twice for the same while it runs returns the same job.

    Raises:
        ProblemError: For options that make no sense and for a version that has scored nothing.
    """
    options = options if isinstance(options, MiningOptions) else MiningOptions.from_json(options)
    chosen = scope_of(options)
    if chosen.generation_set is not None and chosen.generation_set.media_type != reward_model.media_type:
        raise ProblemError(
            gettext(
                "“%(generation_set)s” contains items of the media type %(media_type)s, but %(reward_model)s "
                "is for %(media_type2)s. Choose another set or model."
            )
            % {
                "generation_set": chosen.generation_set,
                "media_type": chosen.generation_set.media_type,
                "reward_model": reward_model,
                "media_type2": reward_model.media_type,
            },
            code="media_type",
            field="generation_set",
        )
    if options.source != Source.CONSENSUS and not scores_of(reward_model, chosen).exists():
        raise ProblemError(no_scores(reward_model, chosen), code="no_scores")
    if _tolerant(options):
        tolerance_of(reward_model)
    params = {"reward_model": reward_model.pk, "name": name.strip()[:200], "options": options.to_json()}
    return enqueue(
        kind=MINE_TASK,
        title=in_all_languages(lambda: gettext("Preference pairs of %(model)s") % {"model": reward_model}),
        params=params,
        queue=Queue.MPO,
        requested_by=requested_by,
        dedupe_key=f"{MINE_TASK}:{sha256(json.dumps(params, sort_keys=True).encode())}",
    )


def run_pair_mining(job_id: str) -> None:
    """Run a mining job."""
    run_job(job_id, mine_pairs)


def mine_pairs(run: JobRun) -> dict[str, Any]:
    """Mine pairs within a job.

    A run that was killed half-way begins anew and leaves one set.
    """
    done = PairSet.objects.filter(job=run.job, ready_at__isnull=False).first()
    if done is not None:
        return _result(done)
    remove_unfinished()
    reward_model = RewardModel.objects.select_related("checklist_version").filter(pk=run.params["reward_model"]).first()
    if reward_model is None:
        raise ProblemError(gettext("The reward model no longer exists. Choose another one."), code="no_model")
    options = MiningOptions.of_set(run.params["options"])
    tolerance = tolerance_of(reward_model) if _tolerant(options) else None
    measured, also = _measure(run, reward_model, options)
    run.stage(gettext_noop("Comparing items with the same prompt"))
    mined = mine(measured, options, also, tolerance)
    if not mined.prompts:
        raise ProblemError(
            gettext(
                "Of %(items)s, none shares its prompt with another, so there is nothing to compare. "
                "Import or generate several items per prompt and score them."
            )
            % {"items": items_text(len(measured))},
            code="nothing_to_compare",
        )
    return _result(_write(run, reward_model, options, mined))


def _tolerant(options: MiningOptions) -> bool:
    return options.answers == Answers.TOLERANT and options.source != Source.CONSENSUS


def tolerance_of(reward_model: RewardModel) -> NDArray[np.float64]:
    """Read the version's own noise by dimension.

    Raises:
        ProblemError: For one that does not know it.
    """
    known = reward_model.manifest.get("dominance", {}).get("tolerance")
    if not known:
        raise ProblemError(
            gettext("%(model)s was trained before its noise was measured. Train it again, or compare by yes and no.")
            % {"model": reward_model},
            code="no_tolerance",
            field="answers",
        )
    return np.array(known, dtype=np.float64)


def _measure(run: JobRun, reward_model: RewardModel, options: MiningOptions) -> tuple[ItemValues, ItemValues | None]:
    """What is compared, and for “both” the consensus on the same items."""
    chosen = scope_of(options)
    if options.source == Source.CONSENSUS:
        run.stage(gettext_noop("Reading the consensus"))
        return judged(reward_model, options.level, chosen), None
    run.stage(gettext_noop("Reading scores"), scores_of(reward_model, chosen).count())
    scores = scored(reward_model, options.level, run.progress, chosen, options.answers)
    if options.source == Source.SCORES:
        return scores, None
    run.stage(gettext_noop("Reading the consensus"))
    people = judged(reward_model, options.level, chosen)
    items, left, right = np.intersect1d(scores.items, people.items, assume_unique=True, return_indices=True)
    if not len(items):
        raise ProblemError(
            gettext(
                "%(reward_model)s has scored no item that people have judged, so there is nothing on which "
                "both could agree."
            )
            % {"reward_model": reward_model},
            code="nothing_shared",
        )
    return scores.take(left), people.take(right)


def _write(run: JobRun, reward_model: RewardModel, options: MiningOptions, mined: Mined) -> PairSet:
    checklist = checklist_of(reward_model.checklist_version)
    run.stage(gettext_noop("Writing pairs"), len(mined))
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
            summary=summarize(mined, checklist),
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
    """Name a pair set after its model and options."""
    source = {Source.CONSENSUS: ", consensus", Source.BOTH: ", where people agree"}.get(Source(options.source), "")
    of = "" if scope_of(options).everything else f", {scope_of(options)}"
    name = f"{reward_model}, {options.level.replace('_', '-')}s{source}".replace("totals", "total reward")
    return f"{name}{of}"[:200]


def _distinct(name: str) -> str:
    """A name that no other set has: “…”, “… (2)”, “… (3)”."""
    taken = set(PairSet.objects.filter(name__startswith=name[:190]).values_list("name", flat=True))
    tries = chain([name], (f"{name[:190]} ({number})" for number in count(2)))
    return next(one for one in tries if one not in taken)


def _result(pair_set: PairSet) -> dict[str, Any]:
    return {
        "message": in_all_languages(lambda: _in_words(pair_set)),
        "pair_set": pair_set.pk,
        "pairs": pair_set.pairs_count,
    }


def _in_words(pair_set: PairSet) -> str:
    """ "12 pairs of 5 prompts. 1 prompt has no pairs." """
    if not pair_set.pairs_count:
        text = gettext(
            "No pairs among %(items)s of %(prompts)s: no item is at least as good in everything and better by the "
            "margin."
        )
        numbers = {"items": items_text(pair_set.items), "prompts": prompts_text(pair_set.prompts)}
        return joined([text % numbers, _what_helps(pair_set)])
    n, without = pair_set.pairs_count, pair_set.prompts_without_pairs
    pairs = ngettext("%(n)s pair", "%(n)s pairs", n) % {"n": f"{n:,}"}
    found = gettext("%(pairs)s of %(prompts)s.") % {"pairs": pairs, "prompts": prompts_text(pair_set.prompts - without)}
    if not without:
        return found
    rest = ngettext("%(n)s prompt has no pairs.", "%(n)s prompts have no pairs.", without) % {"n": f"{without:,}"}
    return joined([found, rest])


def _what_helps(pair_set: PairSet) -> str:
    """Say what gives more pairs, from what the version's held-out items have shown, or in general."""
    found = pair_set.reward_model.manifest.get("dominance", {}).get("rules", {})
    known = {rule: RulePrecision(**figures) for rule, figures in found.items()}
    sentences = []
    for rule, n in rules_with_more_pairs(known, str(MiningOptions.of_set(pair_set.options).answers)).items():
        text = ngettext(
            "Compare by “%(rule)s”, which finds %(n)s pair among the version’s held-out items.",
            "Compare by “%(rule)s”, which finds %(n)s pairs among the version’s held-out items.",
            n,
        )
        sentences.append(text % {"rule": Answers(rule).label, "n": f"{n:,}"})
    sentences += [
        gettext("Leave sub-dimensions that the judge cannot tell out of the reward."),
        gettext("Score more items per prompt."),
        gettext("Lower the margin or the smallest gap."),
    ]
    return joined(sentences)


def remove_unfinished() -> int:
    """Remove pair sets whose job was canceled or failed before it finished them.

    Returns how many were removed.
    """
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
