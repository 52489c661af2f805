"""The job that compares finished runs with the model they began as.

Start and runs make the same prompts from the same seeds; what they make goes into the library, where the platform's
reward model scores it like anything else. A job that was killed or canceled goes on with what is lacking.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop

from annotator.campaigns.checklists import checklist_of
from annotator.core.errors import ProblemError
from annotator.core.texts import in_all_languages
from annotator.generations import pipelines
from annotator.jobs.devices import measure_worker
from annotator.jobs.services import JobRun, run_job
from annotator.library.models import Generator, Prompt
from annotator.library.services import record_generator, record_item, store_media
from annotator.mpo.models import ComparedItem, ModelComparison, MpoRun
from annotator.mpo.queries.runs import LORA
from annotator.mpo.services.comparison_result import in_words, plain_comparison
from annotator.rewards import judges
from annotator.rewards.models import RewardModel, Score, ScoreProblem
from annotator.rewards.services import score_items
from annotator.rewards.services.scoring import weights_of
from reward_engine.mpo.comparison import compare
from reward_engine.mpo.scoring import Scores
from reward_engine.reward import reward, soft_values

if TYPE_CHECKING:
    from reward_engine.judges.base import Judge, MediaInput
    from reward_engine.mpo.policies import Policy
    from reward_engine.mpo.run import TunedComparison as Compared

STORED_AT_ONCE = 16


def run_comparison(job_id: str) -> None:
    """Run a comparison job."""
    run_job(job_id, compare_runs)


def compare_runs(held: JobRun) -> dict[str, Any]:
    """Compare runs within a job."""
    rows = ModelComparison.objects.select_related("reward_model__checklist_version")
    comparison = rows.filter(pk=held.params["comparison"]).first()
    if comparison is None:
        raise ProblemError(gettext("The comparison has been deleted."), code="no_comparison")
    if comparison.finished_at is None:
        ComparisonJob(held, comparison).all()
        comparison.refresh_from_db()
    return {
        "message": in_all_languages(lambda: in_words(comparison)),
        "url": reverse("mpo:comparison", args=[comparison.pk]),
        "comparison": comparison.pk,
    }


class ComparisonJob:
    """One comparison while its job runs."""

    def __init__(self, held: JobRun, comparison: ModelComparison) -> None:
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

        self.held.stage(gettext_noop("Loading the judge"))
        self.judge: Judge = judges.load(self.model)
        self.held.stage(gettext_noop("Loading the pipeline"))
        measure_worker()
        first = self.comparison.runs.order_by("pk").first()
        if first is None:
            raise ProblemError(gettext("The runs of this comparison have been deleted."), code="no_runs")
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
                canceled=self.held.canceled,
            )
        finally:
            del policy
            memory.release()
        if compared is None:
            self.held.check()
            raise ProblemError(gettext("The comparison stopped before it was finished. Resume it."), code="stopped")
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
                gettext(
                    "The pipeline “%(pipeline)s” has changed since “%(first)s” started. Restore it, or train again."
                )
                % {"pipeline": first.pipeline, "first": first},
                code="pipeline_changed",
            )
        self.start, self.pipeline_class = first, type(policy.pipeline).__name__
        return policy

    def progress(self, done: int, total: int) -> None:
        if not self.generating:
            self.generating = True
            self.held.stage(gettext_noop("Generating"), total)
        self.held.progress(done)

    def score(self, made: Sequence[MediaInput]) -> Scores:
        """Import what one model made and have the reward model score it."""
        number = int(made[0].path.parent.name)
        self.generating = False
        items = self._store(made, self._generator(self.runs[number]))
        self.items[number] = items
        scored = Score.objects.filter(reward_model=self.model, item__in=items).values_list("item", flat=True)
        score_items(self.held, self.model, self.judge, sorted({*items} - {*scored}))
        return scores_of_items(self.model, items)

    def _generator(self, run: MpoRun | None) -> Generator:
        """The start, or a run, as the library knows who makes media."""
        parameters = {
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
            parameters |= {"run": run.pk, "lora_sha256": run.manifest["sha256"][LORA]}
        name = Path(self.start.pipeline).name[:200]
        with self.held.commit():
            return record_generator(name, run.name[:100] if run else "", parameters)

    def _store(self, made: Sequence[MediaInput], generator: Generator) -> list[int]:
        self.held.stage(gettext_noop("Storing"), len(made))
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
        models = [{"run": run.pk, **plain_comparison(compared.against_start[f"run {run.pk}"])} for run in tuned]
        groups = groups_of(compared.made["start"])
        # Runs beside each other: MPO against the total-reward baseline, where that is among them.
        between = [
            {
                "run": other.pk,
                "against": one.pk,
                **plain_comparison(
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


def scores_of_items(model: RewardModel, items: Sequence[int]) -> Scores:
    """Read a version's scores of these items, in their order.

    Raises:
        ProblemError: If it could not score one.
    """
    rows = {row[0]: row[1:] for row in Score.objects.filter(reward_model=model, item__in=set(items)).values_list(
        "item", "reward", "by_dimension", "p_yes"
    )}  # fmt: skip
    lacking = [item for item in items if item not in rows]
    if lacking:
        problem = ScoreProblem.objects.filter(reward_model=model, item=lacking[0]).first()
        raise ProblemError(
            gettext("%(n)s of %(n2)s items could not be scored by %(model)s, including item %(item)s")
            % {"n": len(lacking), "n2": len(items), "model": model, "item": lacking[0]}
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
