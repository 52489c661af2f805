"""Versions of any kinds compared on the held-out items they share, as a job whose result is kept by their set.

Held-out predictions never change, so neither does the result: whoever chooses the same versions again reads it at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.urls import reverse

from annotator.campaigns.checklists import checklist_of
from annotator.core.errors import ProblemError
from annotator.jobs.models import Job, JobState
from annotator.jobs.services import Run, enqueue
from annotator.rewards.models import RewardModel
from annotator.rewards.services.gate import FEWEST_PROMPTS, Shared, shared_items
from reward_engine.evaluation.level_comparison import compare_levels, to_json

COMPARE_TASK = "rewards.compare_versions"
MOST = 8


def request_comparison(*, models: Iterable[RewardModel], requested_by: Any = None) -> Job:
    """Ask for these versions' figures on the items they all held out; returns the job that does it or has done it.

    Raises ProblemError for fewer than two versions, more than MOST, or versions of different media types.
    """
    chosen = {model.pk: model for model in models}
    if len(chosen) < 2:
        raise ProblemError("Choose at least two versions to compare.", code="too_few", field="models")
    if len(chosen) > MOST:
        raise ProblemError(f"Choose at most {MOST} versions; these are {len(chosen)}.", code="too_many", field="models")
    if len({model.media_type for model in chosen.values()}) > 1:
        raise ProblemError("Choose versions of one media type.", code="media_type", field="models")
    done = finished_comparison(chosen)
    if done is not None:
        return done
    names = ", ".join(f"v{model.version}" for model in _by_version(chosen.values()))
    return enqueue(
        kind=COMPARE_TASK,
        title=f"Compare {names} on common items",
        params={"models": sorted(chosen)},
        requested_by=requested_by,
        dedupe_key=_key(chosen),
    )


def finished_comparison(pks: Iterable[int]) -> Job | None:
    """The job whose result has the figures of exactly these versions."""
    jobs = Job.objects.filter(kind=COMPARE_TASK, dedupe_key=_key(pks), state=JobState.SUCCEEDED)
    return jobs.order_by("-finished_at").first()


def last_comparison(pks: Iterable[int]) -> Job | None:
    """The job that was last asked for these versions, in any state."""
    return Job.objects.filter(kind=COMPARE_TASK, dedupe_key=_key(pks)).order_by("-created_at").first()


def _key(pks: Iterable[int]) -> str:
    return "compare:" + "-".join(str(pk) for pk in sorted(set(pks)))


def _by_version(models: Iterable[RewardModel]) -> list[RewardModel]:
    return sorted(models, key=lambda model: model.version)


def compare(run: Run) -> dict[str, Any]:
    """The work of the job. Its result: ``items``, ``prompts``, ``reference`` (the oldest version's id), ``versions``
    (id → overall figures, each value, low and high), ``rows`` (id, name, n and figures a sub-dimension), and
    ``left_out`` (id, version and reason of those that cannot be compared with the newest)."""
    found = RewardModel.objects.filter(pk__in=run.params["models"]).select_related("checklist_version")
    models = _by_version(found)
    if len(models) < 2:
        raise ProblemError("These versions are no longer there.", code="gone")
    run.stage("Looking for common items")
    kept, shared, left_out = _that_share(models)
    address = reverse("rewards:compare") + "?" + "&".join(f"model={model.pk}" for model in models)
    result: dict[str, Any] = {"left_out": left_out, "items": 0, "prompts": 0, "url": address}
    if shared is None:
        return {**result, "message": "No two of these versions can be compared on common items."}
    run.stage("Measuring")
    checklist = checklist_of(kept[0].checklist_version)
    told = compare_levels(
        checklist,
        {str(model.pk): shared.p_yes[model.pk] for model in kept},
        shared.levels,
        shared.prompts,
        reference=str(kept[0].pk),
        ranks=True,
    )
    return {
        **result,
        "message": f"{len(kept)} versions are compared on {told.items} items of {told.prompts} prompts.",
        "items": told.items,
        "prompts": told.prompts,
        "reference": kept[0].pk,
        "versions": {name: to_json(figures) for name, figures in told.overall.items()},
        "rows": [
            {"id": sub.id, "name": sub.name, "n": told.n[sub.id],
             "versions": {name: to_json(figures) for name, figures in told.sub_dimensions[sub.id].items()}}
            for sub in checklist.ordinal
            if told.n[sub.id]
        ],
    }  # fmt: skip


def _that_share(models: Sequence[RewardModel]) -> tuple[list[RewardModel], Shared | None, list[dict[str, Any]]]:
    """(the versions that can be compared, the oldest first; what they share; those left out, and why).

    Beginning with the newest, whose snapshot the levels are taken from, each older one is taken in where enough prompts
    remain common to all.
    """
    newest, *older = reversed(models)
    kept, shared, left_out = [newest], None, []
    for model in older:
        reason = ""
        if model.checklist_version_id != newest.checklist_version_id:
            reason = f"It answers another checklist than version {newest.version}."
        else:
            try:
                found = shared_items([*kept, model])
            except ProblemError as problem:
                reason = problem.message
            else:
                if found.prompt_count < FEWEST_PROMPTS:
                    reason = (
                        f"It shares held-out items of {found.prompt_count} prompts with the others; at least "
                        f"{FEWEST_PROMPTS} are needed."
                    )
        if reason:
            left_out.append({"id": model.pk, "version": model.version, "reason": reason})
        else:
            kept.append(model)
            shared = found
    return _by_version(kept), shared, left_out
