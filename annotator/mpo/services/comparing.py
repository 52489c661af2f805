"""Comparing finished runs with the model they began as: asked for, checked, and done as a job.

Start and runs make the same prompts from the same seeds; what they make goes into the library, where the platform's
reward model scores it like anything else. A job that was killed or cancelled goes on with what is lacking.
"""

from __future__ import annotations

import math
import shutil
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify

from annotator.campaigns.checklists import checklist_of
from annotator.core.errors import ConflictError, ProblemError
from annotator.core.helper import call_heavy
from annotator.jobs.devices import measure_worker
from annotator.jobs.models import Job, Queue
from annotator.jobs.services import Run, enqueue, run_job
from annotator.library.models import Generator, Prompt, text_hash
from annotator.library.services import record_generator, record_item, store_media
from annotator.mpo import pipelines
from annotator.mpo.models import ComparedItem, ModelComparison, MpoRun, PromptSet
from annotator.mpo.queries.runs import LORA, trained_prompts
from annotator.mpo.services.planning import located, problem_at
from annotator.rewards import judges
from annotator.rewards.models import RewardModel, Score, ScoreProblem
from annotator.rewards.queries import promoted
from annotator.rewards.services import score_items
from annotator.rewards.services.scoring import weights_of
from reward_engine.mpo import ahead
from reward_engine.mpo.comparison import Comparison, Rates, compare
from reward_engine.mpo.policies import FAMILIES, folder
from reward_engine.mpo.scoring import Scores
from reward_engine.mpo.storage import sha256
from reward_engine.reward import reward, soft_values

if TYPE_CHECKING:
    from reward_engine.judges.base import Judge, MediaInput
    from reward_engine.mpo.policies import Policy
    from reward_engine.mpo.run import ModelComparison as Compared

COMPARE_TASK = "mpo.compare"
MOST_ITEMS = 50_000
MOST_RUNS = 4  # as many colours as can be told apart
STORED_AT_ONCE = 16
# What the engine's codes about sampling say of the form.
SAMPLING_FIELDS = {"steps", "guidance_scale", "width", "height", "frames"}


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

    ``prompt_set``: None for the prompts that all runs held out. ``reward_model``: None for the promoted one.
    ``sampling``: ``steps``, ``guidance_scale``, ``width``, ``height``, ``frames``; what is not given is as the first
    run's samples were drawn. Raises ProblemError, with ``field`` where one is to blame.
    """
    chosen = sorted(runs, key=lambda run: run.pk)
    name = name.strip()[:200] or default_name(chosen)
    if ModelComparison.objects.filter(name=name).exists():
        raise _taken(name)
    media_type = _check_runs(chosen)
    model = _reward_model(reward_model, media_type)
    prompts, left_out = prompts_to_compare(chosen, prompt_set)
    if not 1 <= per_prompt <= 64:
        raise _refused("per_prompt", f"1 to 64 items a prompt can be made, not {per_prompt}.")
    if not 0 <= tie_margin < math.inf:
        raise _refused("tie_margin", f"The tie margin is a number of at least 0, not {tie_margin:g}.")
    total = len(prompts) * per_prompt * (len(chosen) + 1)
    if total > MOST_ITEMS:
        raise _refused(
            "per_prompt",
            f"{len(prompts):,} prompts × {per_prompt} × {len(chosen) + 1} models make {total:,} items; at most "
            f"{MOST_ITEMS:,} are compared. Take fewer a prompt, or a smaller prompt set.",
        )
    wanted = _sampling(chosen[0], sampling or {})
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
    return _refused("name", f"There is a comparison called “{name}” already; choose another.", "name_taken")


def _check_runs(runs: Sequence[MpoRun]) -> str:
    """That these runs are finished, began as the same model and left whole LoRAs; the media type they make."""
    if not 1 <= len(runs) <= MOST_RUNS:
        raise _refused("runs", f"Choose 1 to {MOST_RUNS} finished runs to compare with the start, not {len(runs)}.")
    if unfinished := next((run for run in runs if run.finished_at is None), None):
        raise _refused("runs", f"“{unfinished}” is not finished; only finished runs can be compared.", "unfinished")
    first = runs[0]
    if other := next((run for run in runs if run.pipeline_fingerprint != first.pipeline_fingerprint), None):
        raise _refused(
            "runs",
            f"“{other}” and “{first}” did not begin as the same model ({other.pipeline}, {first.pipeline}); compare "
            "each with its own start.",
            "other_start",
        )
    for run in runs:
        file = run.folder / LORA
        if not file.is_file() or sha256(file) != run.manifest.get("sha256", {}).get(LORA):
            raise _refused(
                "runs",
                f"The LoRA of “{run}” is missing on the server or not what its manifest records. Restore the folder of "
                "artifacts from a backup, or train anew.",
                "file_missing",
            )
    source = pipelines.pipeline_source(first.pipeline)
    lora = pipelines.lora_file(first.start_lora)
    place = located(source)
    with problem_at("runs"):
        if place is not None and folder.fingerprint(place, *([lora] if lora else [])) != first.pipeline_fingerprint:
            raise _refused(
                "runs",
                f"The pipeline “{first.pipeline}” is not what it was when “{first}” began. Restore it, or train anew.",
                "pipeline_changed",
            )
    return str(FAMILIES[first.pipeline_class].media_type)


def _reward_model(asked: RewardModel | None, media_type: str) -> RewardModel:
    model = asked or promoted(media_type)
    if model is None:
        raise _refused("reward_model", f"No reward model for {media_type}s is promoted yet. Promote one.", "no_model")
    if model.media_type != media_type:
        raise _refused("reward_model", f"{model} looks at {model.media_type}s; these runs make {media_type}s.")
    try:
        judges.check(model)
    except ProblemError as problem:
        raise ProblemError(problem.message, code=problem.code, field="reward_model") from problem
    return model


def prompts_to_compare(runs: Sequence[MpoRun], prompt_set: PromptSet | None) -> tuple[list[Prompt], int]:
    """(the prompts, how many were left out because a run was trained on them). Raises ProblemError for too few."""
    trained: set[str] = set()
    held_out: list[str] | None = None
    for run in runs:
        learnt, out = trained_prompts(run)
        trained |= learnt
        held_out = out if held_out is None else [text for text in held_out if text in set(out)]
    if prompt_set is None:
        texts = held_out or []
        found = {prompt.text: prompt for prompt in Prompt.objects.filter(text_sha256__in=map(text_hash, texts))}
        prompts = [found[text] for text in texts if text in found]
    else:
        prompts = [member.prompt for member in prompt_set.members.select_related("prompt")]
    kept = [prompt for prompt in prompts if prompt.text not in trained]
    left_out = len(prompts) - len(kept)
    if len(kept) < 2:
        if prompt_set is None:
            message = (
                f"{'Together these runs' if len(runs) > 1 else 'This run'} held out {_prompts(len(kept))}; at least "
                "two are needed to say how sure a change is. Choose a prompt set."
            )
        else:
            message = (
                f"Of {_prompts(len(prompts))} in “{prompt_set}” the runs were trained on {left_out:,}, which would "
                f"flatter them. Of the rest, {len(kept)}, at least two are needed. Choose a set of other prompts."
            )
        raise _refused("prompt_set", message, "too_few_prompts")
    return kept, left_out


def _prompts(count: int) -> str:
    return f"{count:,} prompt{'' if count == 1 else 's'}"


def _sampling(run: MpoRun, given: dict[str, Any]) -> dict[str, Any]:
    """Steps, guidance scale and size, checked against the pipeline's own files."""
    drawn = {"steps": run.settings["sampling_steps"], "guidance_scale": run.settings["guidance_scale"]}
    drawn |= {name: run.settings[name] or None for name in ("width", "height", "frames")}
    wanted = drawn | {name: value for name, value in given.items() if value is not None and name in SAMPLING_FIELDS}
    place = located(pipelines.pipeline_source(run.pipeline))
    if place is not None:
        with problem_at("steps"):
            sizes = {name: wanted[name] for name in ("width", "height", "frames")}
            try:
                steps, guidance_scale = int(wanted["steps"]), float(wanted["guidance_scale"])
                call_heavy(ahead.check_sampling, place, steps, guidance_scale, **sizes)
            except Exception as error:
                code = getattr(error, "code", "")
                if code not in SAMPLING_FIELDS:
                    raise
                raise _refused(code, str(getattr(error, "message", error))) from error
    return wanted


def default_name(runs: Sequence[MpoRun]) -> str:
    base = " beside ".join(run.name for run in runs)[:180] or "Comparison"
    taken = set(ModelComparison.objects.filter(name__startswith=base).values_list("name", flat=True))
    return next(name for n in range(1, len(taken) + 2) if (name := base if n == 1 else f"{base}, {n}") not in taken)


@transaction.atomic
def resume_comparison(*, comparison: ModelComparison, requested_by: Any = None) -> ModelComparison:
    """Queue a comparison again that was cancelled or failed; it goes on with what is lacking."""
    comparison = ModelComparison.objects.select_for_update(of=("self",)).select_related("job").get(pk=comparison.pk)
    if comparison.finished_at is not None:
        raise ConflictError(f"“{comparison}” is finished.", code="finished")
    if comparison.job is not None and not comparison.job.is_finished:
        if comparison.job.is_cancelling:
            raise ConflictError(f"“{comparison}” is being cancelled; wait until it has stopped.", code="cancelling")
        return comparison
    comparison.job = _queue(comparison, requested_by)
    comparison.save(update_fields=["job", "updated_at"])
    return comparison


def _queue(comparison: ModelComparison, requested_by: Any) -> Job:
    return enqueue(
        kind=COMPARE_TASK,
        title=f"Compare “{comparison.name[:150]}”",
        params={"comparison": comparison.pk},
        queue=Queue.MPO,
        requested_by=requested_by,
        dedupe_key=f"{COMPARE_TASK}:{comparison.pk}",
    )


# --- The job --------------------------------------------------------------------------------------


def run_comparison(job_id: str) -> None:
    run_job(job_id, compare_runs)


def compare_runs(held: Run) -> dict[str, Any]:
    """The work of the job."""
    rows = ModelComparison.objects.select_related("reward_model__checklist_version")
    comparison = rows.filter(pk=held.params["comparison"]).first()
    if comparison is None:
        raise ProblemError("The comparison has been deleted.", code="no_comparison")
    if comparison.finished_at is None:
        _Comparing(held, comparison).all()
        comparison.refresh_from_db()
    return {
        "message": in_words(comparison),
        "url": reverse("mpo:comparison", args=[comparison.pk]),
        "comparison": comparison.pk,
    }


def in_words(comparison: ModelComparison) -> str:
    """ "MPO: reward +0.120, better in 71 % of 80 items." """
    runs = {run.pk: run.name for run in comparison.runs.all()}
    parts = []
    for model in comparison.result["models"]:
        words = f"{runs[model['run']]}: reward {model['reward']['difference']:+.3f}"
        words += f", better in {model['by_reward']['win']:.0%} of {comparison.result['items']:,}"
        if model["over_optimised"]:
            words += "; over-optimised"
        parts.append(words)
    return "; ".join(parts) + "."


class _Comparing:
    def __init__(self, held: Run, comparison: ModelComparison) -> None:
        self.held, self.comparison = held, comparison
        self.runs: list[MpoRun | None] = [None, *comparison.runs.order_by("pk")]  # the start comes first
        found = {prompt.pk: prompt for prompt in Prompt.objects.filter(pk__in=comparison.prompts)}
        self.prompts = {found[pk].text: found[pk] for pk in comparison.prompts if pk in found}
        self.model = comparison.reward_model
        self.items: dict[int, list[int]] = {}
        self.generating = False

    def all(self) -> None:
        from reward_engine.mpo import memory
        from reward_engine.mpo.generation import Sampling
        from reward_engine.mpo.run import compare_models

        self.held.stage("Loading the judge")
        self.judge: Judge = judges.load(self.model)
        self.held.stage("Loading the pipeline")
        measure_worker()
        first = self.comparison.runs.order_by("pk").first()
        if first is None:
            raise ProblemError("The runs of this comparison have been deleted.", code="no_runs")
        policy = self._load(first)
        sampling = dict(self.comparison.sampling)
        steps, guidance = int(sampling.pop("steps")), float(sampling.pop("guidance_scale"))
        self.sampling = Sampling.of(policy, steps, guidance, **sampling)
        loras = {f"run {run.pk}": run.folder / LORA for run in self.runs if run is not None}
        try:
            compared = compare_models(
                policy,
                loras,
                [*self.prompts],
                self.comparison.folder,
                self.score,
                per_prompt=self.comparison.per_prompt,
                sampling=self.sampling,
                seed=self.comparison.seed,
                batch_size=8 if policy.media_type == "image" else 1,
                tie_margin=self.comparison.tie_margin,
                progress=self.progress,
                cancelled=self.held.cancelled,
            )
        finally:
            del policy
            memory.release()
        if compared is None:
            self.held.check()
            raise ProblemError("The comparison stopped before its end. Resume it.", code="stopped")
        self._keep(compared)
        shutil.rmtree(self.comparison.folder, ignore_errors=True)  # all of it is in the library

    def _load(self, first: MpoRun) -> Policy:
        import torch

        from reward_engine.mpo.policies import load_policy

        cuda = torch.cuda.is_available()
        self.precision = first.settings["precision"] if cuda else "fp32"
        policy = load_policy(
            pipelines.pipeline_source(first.pipeline),
            dtype=torch.bfloat16 if self.precision == "bf16" else torch.float32,
            device="cuda" if cuda else "cpu",
            lora=pipelines.lora_file(first.start_lora),
        )
        if policy.fingerprint != first.pipeline_fingerprint:
            raise ProblemError(
                f"The pipeline “{first.pipeline}” is not what it was when “{first}” began. Restore it, or train anew.",
                code="pipeline_changed",
            )
        self.start, self.pipeline_class = first, type(policy.pipeline).__name__
        return policy

    def progress(self, done: int, total: int) -> None:
        if not self.generating:
            self.generating = True
            self.held.stage("Generating", total)
        self.held.progress(done)

    def score(self, made: Sequence[MediaInput]) -> Scores:
        """Put what one model made into the library and have the reward model score it."""
        number = int(made[0].path.parent.name)
        self.generating = False
        items = self._store(made, self._generator(self.runs[number]))
        self.items[number] = items
        scored = Score.objects.filter(reward_model=self.model, item__in=items).values_list("item", flat=True)
        score_items(self.held, self.model, self.judge, sorted({*items} - {*scored}))
        return scores_of_items(self.model, items)

    def _generator(self, run: MpoRun | None) -> Generator:
        """The start, or a run, as the library knows who makes media."""
        told = {
            "pipeline": self.start.pipeline,
            "pipeline_class": self.pipeline_class,
            "fingerprint": self.start.pipeline_fingerprint,
            "start_lora": self.start.start_lora,
            "steps": self.sampling.steps,
            "guidance_scale": self.sampling.guidance_scale,
            "size": str(self.sampling.size),
            "precision": self.precision,
        }
        if run is not None:
            told |= {"run": run.pk, "lora_sha256": run.manifest["sha256"][LORA]}
        name = Path(self.start.pipeline).name[:200]
        with self.held.commit():
            return record_generator(name, run.name[:100] if run else "", told)

    def _store(self, made: Sequence[MediaInput], generator: Generator) -> list[int]:
        self.held.stage("Storing", len(made))
        items: list[int] = []
        for start in range(0, len(made), STORED_AT_ONCE):
            part = made[start : start + STORED_AT_ONCE]
            facts = [store_media(one.path, one.path.name, media_type=one.media_type) for one in part]
            with self.held.commit():
                for one, found in zip(part, facts, strict=True):
                    item, _ = record_item(
                        facts=found,
                        prompt=self.prompts[one.prompt],
                        generator=generator,
                        file_name=one.path.name,
                        source=f"comparison {self.comparison.pk}",
                    )
                    items.append(item.pk)
            self.held.progress(len(items))
        return items

    def _keep(self, compared: Compared) -> None:
        names = ["start", *(f"run {run.pk}" for run in self.runs if run is not None)]
        rows = [
            ComparedItem(
                comparison=self.comparison,
                run=self.runs[number],
                prompt=self.prompts[one.prompt],
                index=one.index,
                seed=one.seed,
                item_id=item,
                reward=float(value),
                by_dimension=parts.tolist(),
            )
            for number, name in enumerate(names)
            for one, item, value, parts in zip(
                compared.made[name], self.items[number], compared.scores[name].reward,
                compared.scores[name].by_dimension, strict=True,
            )
        ]  # fmt: skip
        result = self._result(compared)
        with self.held.commit():
            self.comparison.made.all().delete()
            ComparedItem.objects.bulk_create(rows, batch_size=2000)
            self.comparison.result, self.comparison.finished_at = result, timezone.now()
            self.comparison.save(update_fields=["result", "finished_at", "updated_at"])

    def _result(self, compared: Compared) -> dict[str, Any]:
        from reward_engine.mpo.run import groups_of

        tuned = [run for run in self.runs if run is not None]
        models = [{"run": run.pk, **_told(compared.against_start[f"run {run.pk}"])} for run in tuned]
        groups = groups_of(compared.made["start"])
        # Runs beside each other: MPO against the total-reward baseline, where that is among them.
        between = [
            {
                "run": other.pk,
                "against": one.pk,
                **_told(
                    compare(
                        compared.scores[f"run {one.pk}"], compared.scores[f"run {other.pk}"], groups,
                        tie_margin=self.comparison.tie_margin, seed=self.comparison.seed,
                    )
                ),
            }
            for index, one in enumerate(tuned)
            for other in tuned[index + 1 :]
        ]  # fmt: skip
        any_one = compared.against_start[f"run {tuned[0].pk}"]
        return {
            "items": any_one.items,
            "prompts": any_one.prompts,
            "confidence": any_one.confidence,
            "models": models,
            "between": between,
        }


def _told(found: Comparison) -> dict[str, Any]:
    """A comparison as plain data."""
    return {
        "reward": _change(found.reward),
        "dimensions": [_change(change) for change in found.dimensions],
        "sub_dimensions": [_change(change) for change in found.sub_dimensions],
        "by_reward": _rates(found.by_reward),
        "by_dominance": _rates(found.by_dominance),
        "over_optimised": list(found.over_optimised),
    }


def _rates(rates: Rates) -> dict[str, float]:
    # The tie rate is what the others leave, which rounding may put a hair below nothing.
    return {name: max(value, 0.0) for name, value in asdict(rates).items()}


def _change(change: Any) -> dict[str, Any]:
    return {**asdict(change), "verdict": change.verdict}


def scores_of_items(model: RewardModel, items: Sequence[int]) -> Scores:
    """What a version says of these items, in their order. Raises ProblemError where it could not score one."""
    rows = {row[0]: row[1:] for row in Score.objects.filter(reward_model=model, item__in=set(items)).values_list(
        "item", "reward", "by_dimension", "p_yes"
    )}  # fmt: skip
    lacking = [item for item in items if item not in rows]
    if lacking:
        problem = ScoreProblem.objects.filter(reward_model=model, item=lacking[0]).first()
        raise ProblemError(
            f"{len(lacking)} of {len(items)} items could not be scored by {model}, item {lacking[0]} among them"
            + (f": {problem.message}" if problem else "."),
            code="missing_scores",
        )
    checklist = checklist_of(model.checklist_version)
    p_yes = np.array([rows[item][2] for item in items], dtype=np.float64)
    parts = reward(soft_values(p_yes, checklist), checklist, weights_of(model))
    return Scores(
        np.array([rows[item][0] for item in items], dtype=np.float64),
        np.array([rows[item][1] for item in items], dtype=np.float64),
        parts.by_sub_dimension,
        tuple(dimension.id for dimension in checklist.dimensions),
        tuple(sub.id for sub in checklist.ordinal),
    )


def _refused(field: str, message: str, code: str = "bad_option") -> ProblemError:
    return ProblemError(message, code=code, field=field)
