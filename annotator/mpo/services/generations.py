"""Generation sets: asked for, queued, taken up again, scored."""

from __future__ import annotations

from typing import Any

from django.db import DataError, IntegrityError, transaction

from annotator.core.errors import ConflictError, ProblemError
from annotator.jobs.models import Job, Queue
from annotator.jobs.services import enqueue
from annotator.library.models import MediaType
from annotator.library.services import record_generator
from annotator.mpo.models import GenerationSet, GenerationSource, PromptSet
from annotator.mpo.queries.generations import GENERATE_TASK, is_whole
from annotator.mpo.services.asking import MOST_PER_PROMPT, GenerationPlan, Wish, plan_generation
from annotator.rewards.queries import promoted
from annotator.rewards.services import request_scoring


def request_generation(
    *, name: str = "", wish: Wish, score_after: bool = True, requested_by: Any = None
) -> GenerationSet:
    """Check the wish and queue the job that makes it. Raises ProblemError, with ``field`` where one is to blame."""
    plan = plan_generation(wish)
    if plan.taking is not None and plan.taking.largest_batch == 0:
        raise ProblemError(
            f"Not even one item of {plan.size} fits into the memory of {plan.taking.times[0].device}. Make it smaller.",
            code="memory",
            field="width",
        )
    wish = plan.wish
    with transaction.atomic():
        made = _create(
            name=name.strip() or default_name(plan),
            source=GenerationSource.PIPELINE,
            prompt_set=wish.prompt_set,
            media_type=plan.media_type,
            per_prompt=wish.per_prompt,
            pipeline=wish.pipeline,
            lora=wish.lora,
            steps=wish.steps,
            guidance_scale=wish.guidance_scale,
            width=wish.width,
            height=wish.height,
            frames=wish.frames,
            seed=wish.seed,
            precision=wish.precision,
            batch_size=wish.batch_size,
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
    """A set that is filled from outside. Raises ProblemError with ``field``."""
    if media_type not in MediaType.values:
        raise ProblemError(f"“{media_type}” is neither image nor video.", code="unknown_media_type", field="media_type")
    if not 1 <= per_prompt <= MOST_PER_PROMPT:
        raise ProblemError(
            f"1 to {MOST_PER_PROMPT} items a prompt can be taken, not {per_prompt}.",
            code="bad_option",
            field="per_prompt",
        )
    if not name.strip() or not generator.strip():
        field = "generator" if name.strip() else "name"
        raise ProblemError(f"Give the {'set' if field == 'name' else 'generator'} a name.", code="no_name", field=field)
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
            "A character in the generator's parameters cannot be kept (NUL, or half a character); delete it.",
            code="bad_character",
            field="generator_parameters",
        ) from error


def resume_generation(*, generation_set: GenerationSet, requested_by: Any = None) -> GenerationSet:
    """Go on with what lacks, in a new job. Raises ConflictError where there is nothing to go on with."""
    with transaction.atomic():
        found = GenerationSet.objects.select_for_update().get(pk=generation_set.pk)
        if found.source != GenerationSource.PIPELINE:
            raise ConflictError("These are made elsewhere; only who makes them can go on.", code="external")
        if found.job is not None and not found.job.is_finished:
            raise ConflictError("A job is at it already.", code="at_work")
        if is_whole(found):
            raise ConflictError("Everything has been made; nothing lacks.", code="whole")
        _queue(found, requested_by)
    return found


def job_of(generation_set: GenerationSet) -> Job:
    """The job that is at work, or was. Raises ConflictError where there never was one."""
    if generation_set.job is None:
        raise ConflictError("Nothing is at work here: no job makes these.", code="no_job")
    return generation_set.job


def request_set_scoring(*, generation_set: GenerationSet, requested_by: Any = None) -> Job:
    """Let the promoted reward model score what it has not scored. Raises ProblemError where none is promoted."""
    model = promoted(generation_set.media_type)
    if model is None:
        raise ProblemError(
            f"No reward model of {generation_set.media_type}s is promoted, so there is nothing to score with. Train "
            "and promote one first.",
            code="no_model",
        )
    job = request_scoring(reward_model=model, requested_by=requested_by)
    GenerationSet.objects.filter(pk=generation_set.pk).update(scoring_job=job)
    return job


def follow_up(generation_set: GenerationSet, requested_by: Any) -> Job | None:
    """What was wished to follow once a set is whole: its scores, where a model is promoted."""
    if not generation_set.score_after or promoted(generation_set.media_type) is None:
        return None
    return request_set_scoring(generation_set=generation_set, requested_by=requested_by)


def default_name(plan: GenerationPlan) -> str:
    """A name that nobody has taken: “Birds, sd15” and then “Birds, sd15 (2)”."""
    wish = plan.wish
    base = f"{wish.prompt_set.name}, {wish.pipeline}{f' + {wish.lora}' if wish.lora else ''}"[:180]
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
            f"There is a generation set “{there}” already; choose another name.",
            code="name_taken",
            field="name",
            generation_set=there.pk,
        ) from error


def _queue(found: GenerationSet, requested_by: Any) -> None:
    found.job = enqueue(
        kind=GENERATE_TASK,
        title=f"Generate “{found}”"[:200],
        params={"generation_set": found.pk},
        queue=Queue.MPO,
        requested_by=requested_by,
        dedupe_key=f"{GENERATE_TASK}:{found.pk}",
    )
    found.save(update_fields=["job", "updated_at"])
