"""Generation sets: asked for, queued, taken up again, scored."""

from __future__ import annotations

from typing import Any

from django.db import DataError, IntegrityError, transaction
from django.utils.translation import gettext

from annotator.core.errors import ConflictError, ProblemError, refused
from annotator.core.texts import in_all_languages
from annotator.generations.models import GenerationSet, GenerationSource, PromptSet
from annotator.generations.queries.generation_sets import GENERATE_TASK, is_whole
from annotator.generations.services.generation_plan import (
    MOST_PER_PROMPT,
    GenerationPlan,
    GenerationSpec,
    plan_generation,
)
from annotator.jobs.models import Job, Queue
from annotator.jobs.services import enqueue
from annotator.library.models import MediaType
from annotator.library.services import record_generator
from annotator.rewards.queries import promoted
from annotator.rewards.services import request_scoring


def request_generation(
    *, name: str = "", spec: GenerationSpec, score_after: bool = True, requested_by: Any = None
) -> GenerationSet:
    """Check the spec and queue the job that makes it.

    Raises:
        ProblemError: With ``field`` where one is to blame.
    """
    plan = plan_generation(spec)
    if plan.cost is not None and plan.cost.largest_batch == 0:
        raise ProblemError(
            gettext("Not even one item of %(size)s fits into the memory of %(device)s. Choose a smaller size.")
            % {"size": plan.size, "device": plan.cost.times[0].device},
            code="memory",
            field="width",
        )
    spec = plan.spec
    with transaction.atomic():
        made = _create(
            name=name.strip() or default_name(plan),
            source=GenerationSource.PIPELINE,
            prompt_set=spec.prompt_set,
            media_type=plan.media_type,
            per_prompt=spec.per_prompt,
            pipeline=spec.pipeline,
            lora=spec.lora,
            steps=spec.steps,
            guidance_scale=spec.guidance_scale,
            width=spec.width,
            height=spec.height,
            frames=spec.frames,
            seed=spec.seed,
            precision=spec.precision,
            batch_size=spec.batch_size,
            made_with={
                "pipeline_class": plan.pipeline_class,
                **({"fingerprint": plan.fingerprint, "size": plan.size} if plan.fingerprint else {}),
            },
            score_after=score_after,
            created_by=requested_by,
        )
        _queue(made, requested_by)
    return made


def create_external_set(
    *,
    name: str,
    prompt_set: PromptSet,
    media_type: str,
    per_prompt: int,
    generator: str,
    generator_version: str = "",
    generator_parameters: dict[str, Any] | None = None,
    seed: int = 0,
    score_after: bool = True,
    requested_by: Any = None,
) -> GenerationSet:
    """Create a set whose items are made elsewhere.

    Raises:
        ProblemError: If the set cannot be made, with ``field`` where one is to blame.
    """
    if media_type not in MediaType.values:
        raise ProblemError(
            gettext("“%(media_type)s” is neither image nor video.") % {"media_type": media_type},
            code="unknown_media_type",
            field="media_type",
        )
    if not 1 <= per_prompt <= MOST_PER_PROMPT:
        raise refused(
            "per_prompt",
            gettext("The number of items per prompt must be 1 to %(most)s, not %(per_prompt)s.")
            % {"most": MOST_PER_PROMPT, "per_prompt": per_prompt},
        )
    if not name.strip() or not generator.strip():
        field = "generator" if name.strip() else "name"
        raise ProblemError(
            gettext("Enter a name for the set.") if field == "name" else gettext("Enter a name for the generator."),
            code="no_name",
            field=field,
        )
    try:
        with transaction.atomic():
            return _create(
                name=name.strip(),
                source=GenerationSource.EXTERNAL,
                prompt_set=prompt_set,
                media_type=media_type,
                per_prompt=per_prompt,
                seed=seed,
                generator=record_generator(generator.strip(), generator_version.strip(), generator_parameters),
                score_after=score_after,
                created_by=requested_by,
            )
    except (DataError, UnicodeEncodeError) as error:
        # JSON may hold what no database keeps: NUL characters, halves of characters.
        raise ProblemError(
            gettext(
                "A character in the generator's parameters cannot be stored (NUL, or an unpaired surrogate). Delete it."
            ),
            code="bad_character",
            field="generator_parameters",
        ) from error


def resume_generation(*, generation_set: GenerationSet, requested_by: Any = None) -> GenerationSet:
    """Queue a new job that makes what is missing.

    Raises:
        ConflictError: If there is nothing to go on with.
    """
    with transaction.atomic():
        found = GenerationSet.objects.select_for_update().get(pk=generation_set.pk)
        if found.source != GenerationSource.PIPELINE:
            raise ConflictError(
                gettext("These items are generated elsewhere. Only their sender can continue."), code="external"
            )
        if found.job is not None and not found.job.is_finished:
            raise ConflictError(gettext("A job is already working on this."), code="at_work")
        if is_whole(found):
            raise ConflictError(gettext("Everything has been generated; nothing is missing."), code="whole")
        _queue(found, requested_by)
    return found


def job_of(generation_set: GenerationSet) -> Job:
    """Find the current or last job of a set.

    Raises:
        ConflictError: If there never was one.
    """
    if generation_set.job is None:
        raise ConflictError(gettext("No job is generating these items."), code="no_job")
    return generation_set.job


def request_set_scoring(*, generation_set: GenerationSet, requested_by: Any = None) -> Job:
    """Score the unscored items with the promoted reward model.

    Raises:
        ProblemError: If none is promoted.
    """
    model = promoted(generation_set.media_type)
    if model is None:
        raise ProblemError(
            gettext("No reward model for the media type %(media_type)s is promoted. Train and promote one first.")
            % {"media_type": generation_set.media_type},
            code="no_model",
        )
    job = request_scoring(reward_model=model, requested_by=requested_by)
    GenerationSet.objects.filter(pk=generation_set.pk).update(scoring_job=job)
    return job


def follow_up(generation_set: GenerationSet, requested_by: Any) -> Job | None:
    """Request the scores of a finished set where they were asked for.

    Returns None where they were not, or where no model is promoted.
    """
    if not generation_set.score_after or promoted(generation_set.media_type) is None:
        return None
    return request_set_scoring(generation_set=generation_set, requested_by=requested_by)


def default_name(plan: GenerationPlan) -> str:
    """Find a free name, such as “Birds, sd15” and then “Birds, sd15 (2)”."""
    spec = plan.spec
    base = f"{spec.prompt_set.name}, {spec.pipeline}{f' + {spec.lora}' if spec.lora else ''}"[:180]
    taken = set(GenerationSet.objects.filter(name__startswith=base).values_list("name", flat=True))
    number, name = 1, base
    while name in taken:
        number += 1
        name = f"{base} ({number})"
    return name


def _create(**fields: Any) -> GenerationSet:
    try:
        with transaction.atomic():
            return GenerationSet.objects.create(**fields)
    except IntegrityError as error:
        there = GenerationSet.objects.filter(name=fields["name"]).first()
        if there is None:
            raise
        raise ConflictError(
            gettext("A generation set called “%(there)s” already exists. Choose another name.") % {"there": there},
            code="name_taken",
            field="name",
            generation_set=there.pk,
        ) from error


def _queue(found: GenerationSet, requested_by: Any) -> None:
    found.job = enqueue(
        kind=GENERATE_TASK,
        title=in_all_languages(lambda: gettext("Generate “%(name)s”") % {"name": found}),
        params={"generation_set": found.pk},
        queue=Queue.MPO,
        requested_by=requested_by,
        dedupe_key=f"{GENERATE_TASK}:{found.pk}",
    )
    found.save(update_fields=["job", "updated_at"])
