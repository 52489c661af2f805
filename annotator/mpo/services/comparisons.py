"""Model comparisons are checked, queued, and resumed where they stopped."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterable
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify
from django.utils.translation import gettext

from annotator.core.errors import ConflictError, ProblemError, refused
from annotator.core.texts import in_all_languages
from annotator.generations.models import PromptSet
from annotator.jobs.models import Job, Queue
from annotator.jobs.services import enqueue
from annotator.mpo.models import ModelComparison, MpoRun
from annotator.mpo.services.comparison_plan import (
    check_runs,
    default_name,
    prompts_to_compare,
    reward_model_for,
    sampling_for,
)
from annotator.rewards.models import RewardModel

COMPARE_TASK = "mpo.compare"
MOST_ITEMS = 50_000


def create_comparison(
    *,
    name: str = "",
    runs: Iterable[MpoRun],
    prompt_set: PromptSet | None = None,
    reward_model: RewardModel | None = None,
    per_prompt: int = 4,
    sampling: dict[str, Any] | None = None,
    seed: int = 0,
    tie_margin: float = 0.0,
    requested_by: Any = None,
) -> ModelComparison:
    """Check everything and queue the comparison.

    Args:
        prompt_set: None for the prompts that all runs held out.
        reward_model: None for the promoted one.
        sampling: ``steps``, ``guidance_scale``, ``width``, ``height``, ``frames``; what is not given is as the first
            run's samples were drawn.

    Raises:
        ProblemError: With ``field`` where one is to blame.
    """
    chosen = sorted(runs, key=lambda run: run.pk)
    name = name.strip()[:200] or default_name(chosen)
    if ModelComparison.objects.filter(name=name).exists():
        raise _taken(name)
    media_type = check_runs(chosen)
    model = reward_model_for(reward_model, media_type)
    prompts, left_out = prompts_to_compare(chosen, prompt_set)
    if not 1 <= per_prompt <= 64:
        raise refused(
            "per_prompt",
            gettext("The number of items per prompt must be 1 to 64, not %(per_prompt)s.") % {"per_prompt": per_prompt},
        )
    if not 0 <= tie_margin < math.inf:
        raise refused(
            "tie_margin",
            gettext("The tie margin must be a number of at least 0, not %(tie_margin)s.")
            % {"tie_margin": f"{tie_margin:g}"},
        )
    total = len(prompts) * per_prompt * (len(chosen) + 1)
    if total > MOST_ITEMS:
        raise refused(
            "per_prompt",
            gettext(
                "%(n)s prompts × %(per_prompt)s × %(n2)s models make %(total)s items, but the limit is "
                "%(most)s. Choose fewer items per prompt or a smaller prompt set."
            )
            % {
                "n": f"{len(prompts):,}",
                "per_prompt": per_prompt,
                "n2": len(chosen) + 1,
                "total": f"{total:,}",
                "most": f"{MOST_ITEMS:,}",
            },
        )
    wanted = sampling_for(chosen[0], sampling or {})
    comparison = ModelComparison(
        name=name,
        reward_model=model,
        prompt_set=prompt_set,
        prompts=[prompt.pk for prompt in prompts],
        left_out=left_out,
        per_prompt=per_prompt,
        sampling=wanted,
        seed=seed,
        tie_margin=tie_margin,
        path=f"mpo/comparisons/{slugify(name)[:40] or 'comparison'}-{uuid.uuid4().hex[:8]}",
        created_by=requested_by,
    )
    try:
        with transaction.atomic():
            comparison.save()
            comparison.runs.set(chosen)
            comparison.job = _queue(comparison, requested_by)
            comparison.save(update_fields=["job", "updated_at"])
    except IntegrityError as error:  # somebody took the name between the question and here
        raise _taken(name) from error
    return comparison


def _taken(name: str) -> ProblemError:
    return refused(
        "name",
        gettext("A comparison called “%(name)s” already exists. Choose another name.") % {"name": name},
        "name_taken",
    )


@transaction.atomic
def resume_comparison(*, comparison: ModelComparison, requested_by: Any = None) -> ModelComparison:
    """Queue a canceled or failed comparison again.

    It goes on with what is missing.
    """
    comparison = ModelComparison.objects.select_for_update(of=("self",)).select_related("job").get(pk=comparison.pk)
    if comparison.finished_at is not None:
        raise ConflictError(gettext("“%(comparison)s” is finished.") % {"comparison": comparison}, code="finished")
    if comparison.job is not None and not comparison.job.is_finished:
        if comparison.job.is_canceling:
            raise ConflictError(
                gettext("“%(comparison)s” is being canceled. Wait until it has stopped.") % {"comparison": comparison},
                code="canceling",
            )
        return comparison
    comparison.job = _queue(comparison, requested_by)
    comparison.save(update_fields=["job", "updated_at"])
    return comparison


def _queue(comparison: ModelComparison, requested_by: Any) -> Job:
    return enqueue(
        kind=COMPARE_TASK,
        title=in_all_languages(lambda: gettext("Compare “%(name)s”") % {"name": comparison.name}),
        params={"comparison": comparison.pk},
        queue=Queue.MPO,
        requested_by=requested_by,
        dedupe_key=f"{COMPARE_TASK}:{comparison.pk}",
    )
