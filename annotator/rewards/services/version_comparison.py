"""Versions of any kinds compared on the held-out items they share, as a job whose result is kept by their set.

Held-out predictions never change, so neither does the result: whoever chooses the same versions again reads it at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext, gettext_noop, ngettext

from annotator.campaigns.checklists import checklist_of
from annotator.core.errors import ProblemError
from annotator.core.texts import Texts, in_all_languages, items_text, prompts_text
from annotator.jobs.models import Job, JobState
from annotator.jobs.services import JobRun, enqueue
from annotator.rewards.models import RewardModel
from annotator.rewards.services.gate import FEWEST_PROMPTS, Shared, shared_items
from reward_engine.evaluation.level_comparison import compare_levels, to_json

COMPARE_TASK = "rewards.compare_versions"
MOST = 8


def request_comparison(*, models: Iterable[RewardModel], requested_by: Any = None) -> Job:
    """Request a comparison of these versions on the items they all held out.

    Returns the job that makes it or has made it.

    Raises:
        ProblemError: For fewer than two versions, more than MOST, or versions of different media types.
    """
    chosen = {model.pk: model for model in models}
    if len(chosen) < 2:
        raise ProblemError(gettext("Choose at least two versions to compare."), code="too_few", field="models")
    if len(chosen) > MOST:
        raise ProblemError(
            gettext("Choose at most %(most)s versions, not %(n)s.") % {"most": MOST, "n": len(chosen)},
            code="too_many",
            field="models",
        )
    if len({model.media_type for model in chosen.values()}) > 1:
        raise ProblemError(gettext("Choose versions of one media type."), code="media_type", field="models")
    done = finished_comparison(chosen)
    if done is not None:
        return done
    names = ", ".join(f"v{model.version}" for model in _by_version(chosen.values()))
    return enqueue(
        kind=COMPARE_TASK,
        title=in_all_languages(lambda: gettext("Compare %(names)s on common items") % {"names": names}),
        params={"models": sorted(chosen)},
        requested_by=requested_by,
        dedupe_key=_key(chosen),
    )


def finished_comparison(pks: Iterable[int]) -> Job | None:
    """Find the job that has the figures of exactly these versions."""
    jobs = Job.objects.filter(kind=COMPARE_TASK, dedupe_key=_key(pks), state=JobState.SUCCEEDED)
    return jobs.order_by("-finished_at").first()


def last_comparison(pks: Iterable[int]) -> Job | None:
    """Find the job last requested for these versions, in any state."""
    return Job.objects.filter(kind=COMPARE_TASK, dedupe_key=_key(pks)).order_by("-created_at").first()


def _key(pks: Iterable[int]) -> str:
    return "compare:" + "-".join(str(pk) for pk in sorted(set(pks)))


def _by_version(models: Iterable[RewardModel]) -> list[RewardModel]:
    return sorted(models, key=lambda model: model.version)


def compare(run: JobRun) -> dict[str, Any]:
    """Compare versions within a job.

    The result has ``items``, ``prompts``, ``reference`` (the oldest version's id), ``versions`` (id → overall figures,
    each value, low and high), ``rows`` (id, name, n and figures per sub-dimension), and ``left_out`` (id, version and
    reason of those that cannot be compared with the newest).
    """
    found = RewardModel.objects.filter(pk__in=run.params["models"]).select_related("checklist_version")
    models = _by_version(found)
    if len(models) < 2:
        raise ProblemError(gettext("These versions no longer exist."), code="gone")
    run.stage(gettext_noop("Looking for common items"))
    kept, shared, left_out = _that_share(models)
    address = reverse("rewards:compare") + "?" + "&".join(f"model={model.pk}" for model in models)
    result: dict[str, Any] = {"left_out": left_out, "items": 0, "prompts": 0, "url": address}
    if shared is None:
        text = in_all_languages(lambda: gettext("None of these versions can be compared on common items."))
        return {**result, "message": text}
    run.stage(gettext_noop("Measuring"))
    checklist = checklist_of(kept[0].checklist_version)
    compared = compare_levels(
        checklist,
        {str(model.pk): shared.p_yes[model.pk] for model in kept},
        shared.levels,
        shared.prompts,
        reference=str(kept[0].pk),
        ranks=True,
    )
    return {
        **result,
        "message": in_all_languages(lambda: _in_words(len(kept), compared.items, compared.prompts)),
        "items": compared.items,
        "prompts": compared.prompts,
        "reference": kept[0].pk,
        "versions": {name: to_json(figures) for name, figures in compared.overall.items()},
        "rows": [
            {"id": sub.id, "name": sub.name, "n": compared.n[sub.id],
             "versions": {name: to_json(figures) for name, figures in compared.sub_dimensions[sub.id].items()}}
            for sub in checklist.ordinal
            if compared.n[sub.id]
        ],
    }  # fmt: skip


def _in_words(versions: int, items: int, prompts: int) -> str:
    """ "2 versions are compared on 40 items of 12 prompts." """
    return gettext("%(versions)s are compared on %(items)s of %(prompts)s.") % {
        "versions": ngettext("%(n)s version", "%(n)s versions", versions) % {"n": versions},
        "items": items_text(items),
        "prompts": prompts_text(prompts),
    }


def _too_few(prompts: int) -> str:
    return gettext("It shares held-out items of %(prompts)s with the others, but at least %(fewest)s are needed.") % {
        "prompts": prompts_text(prompts),
        "fewest": FEWEST_PROMPTS,
    }


def _that_share(models: Sequence[RewardModel]) -> tuple[list[RewardModel], Shared | None, list[dict[str, Any]]]:
    """(the versions that can be compared, the oldest first; what they share; those left out, and why).

    Beginning with the newest, whose snapshot the levels are taken from, each older one is taken in where enough prompts
    remain common to all.
    """
    newest, *older = reversed(models)
    kept, shared, left_out = [newest], None, []
    for model in older:
        reason: Texts | str = ""
        if model.checklist_version_id != newest.checklist_version_id:
            reason = in_all_languages(
                lambda: gettext("It answers another checklist than version %(version)s.") % {"version": newest.version}
            )
        else:
            try:
                found = shared_items([*kept, model])
            except ProblemError as problem:
                reason = problem.message
            else:
                if found.prompt_count < FEWEST_PROMPTS:
                    reason = in_all_languages(partial(_too_few, found.prompt_count))
        if reason:
            left_out.append({"id": model.pk, "version": model.version, "reason": reason})
        else:
            kept.append(model)
            shared = found
    return _by_version(kept), shared, left_out
