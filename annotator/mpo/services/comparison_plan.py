"""What a model comparison would compare, checked before anything is queued; each refusal names its field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext

from annotator.core.errors import ProblemError, refused
from annotator.core.helper import call_heavy
from annotator.core.texts import prompts_text
from annotator.generations import pipelines
from annotator.generations.models import PromptSet
from annotator.generations.pipelines import located
from annotator.library.models import Prompt, text_hash
from annotator.mpo.models import ModelComparison, MpoRun
from annotator.mpo.queries.runs import LORA, trained_prompts
from annotator.mpo.services.run_plan import problem_at
from annotator.rewards import judges
from annotator.rewards.models import RewardModel
from annotator.rewards.queries import promoted
from reward_engine.mpo import pipeline_needs
from reward_engine.mpo.policies import FAMILIES, folder
from reward_engine.storage import file_sha256

# What the engine's codes about sampling say of the form.
SAMPLING_FIELDS = {"steps", "guidance_scale", "width", "height", "frames"}
MOST_RUNS = 4  # as many colors as can be told apart


def check_runs(runs: Sequence[MpoRun]) -> str:
    """Check that these runs can be compared, and return their media type.

    They are finished, began as the same model and left whole LoRAs.
    """
    if not 1 <= len(runs) <= MOST_RUNS:
        raise refused(
            "runs",
            gettext("Choose 1 to %(most)s finished runs to compare with the reference model, not %(n)s.")
            % {"most": MOST_RUNS, "n": len(runs)},
        )
    if unfinished := next((run for run in runs if run.finished_at is None), None):
        raise refused(
            "runs",
            gettext("“%(unfinished)s” is not finished. Only finished runs can be compared.")
            % {"unfinished": unfinished},
            "unfinished",
        )
    first = runs[0]
    if other := next((run for run in runs if run.pipeline_fingerprint != first.pipeline_fingerprint), None):
        raise refused(
            "runs",
            gettext(
                "“%(other)s” and “%(first)s” started from different models (%(pipeline)s, %(pipeline2)s). "
                "Compare each with its own reference model."
            )
            % {"other": other, "first": first, "pipeline": other.pipeline, "pipeline2": first.pipeline},
            "other_start",
        )
    for run in runs:
        file = run.folder / LORA
        if not file.is_file() or file_sha256(file) != run.manifest.get("sha256", {}).get(LORA):
            raise refused(
                "runs",
                gettext(
                    "The LoRA of “%(run)s” is missing on the server or differs from its manifest. Restore "
                    "the artifact folder from a backup, or train again."
                )
                % {"run": run},
                "file_missing",
            )
    source = pipelines.pipeline_source(first.pipeline)
    lora = pipelines.lora_file(first.start_lora)
    place = located(source)
    with problem_at("runs"):
        if place is not None and folder.fingerprint(place, *([lora] if lora else [])) != first.pipeline_fingerprint:
            raise refused(
                "runs",
                gettext(
                    "The pipeline “%(pipeline)s” has changed since “%(first)s” started. Restore it, or train again."
                )
                % {"pipeline": first.pipeline, "first": first},
                "pipeline_changed",
            )
    return str(FAMILIES[first.pipeline_class].media_type)


def reward_model_for(asked: RewardModel | None, media_type: str) -> RewardModel:
    """Choose the reward model of a comparison."""
    model = asked or promoted(media_type)
    if model is None:
        raise refused(
            "reward_model",
            gettext("No reward model for the media type %(media_type)s is promoted yet. Promote one.")
            % {"media_type": media_type},
            "no_model",
        )
    if model.media_type != media_type:
        raise refused(
            "reward_model",
            gettext("%(model)s scores the media type %(media_type)s, but these runs generate %(media_type2)s.")
            % {"model": model, "media_type": model.media_type, "media_type2": media_type},
        )
    try:
        judges.check(model)
    except ProblemError as problem:
        raise ProblemError(problem.message, code=problem.code, field="reward_model") from problem
    return model


def prompts_to_compare(runs: Sequence[MpoRun], prompt_set: PromptSet | None) -> tuple[list[Prompt], int]:
    """Choose the prompts of a comparison.

    Returns them and how many were left out because a run was trained on them.

    Raises:
        ProblemError: If there are too few.
    """
    trained: set[str] = set()
    held_out: list[str] | None = None
    for run in runs:
        learned, out = trained_prompts(run)
        trained |= learned
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
            text = (
                gettext(
                    "Together these runs held out %(prompts)s, but at least two are needed to estimate how certain a "
                    "change is. Choose a prompt set."
                )
                if len(runs) > 1
                else gettext(
                    "This run held out %(prompts)s, but at least two are needed to estimate how certain a change is. "
                    "Choose a prompt set."
                )
            )
            message = text % {"prompts": prompts_text(len(kept))}
        else:
            message = gettext(
                "Of %(prompts)s in “%(prompt_set)s”, the runs were trained on %(n)s, which would bias the comparison. "
                "That leaves %(left)s; at least two are needed. Choose a set of other prompts."
            ) % {
                "prompts": prompts_text(len(prompts)),
                "prompt_set": prompt_set,
                "n": f"{left_out:,}",
                "left": len(kept),
            }
        raise refused("prompt_set", message, "too_few_prompts")
    return kept, left_out


def sampling_for(run: MpoRun, given: dict[str, Any]) -> dict[str, Any]:
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
                call_heavy(pipeline_needs.check_sampling, place, steps, guidance_scale, **sizes)
            except Exception as error:
                code = getattr(error, "code", "")
                if code not in SAMPLING_FIELDS:
                    raise
                raise refused(code, str(getattr(error, "message", error))) from error
    return wanted


def default_name(runs: Sequence[MpoRun]) -> str:
    """Name a comparison after its runs."""
    base = " beside ".join(run.name for run in runs)[:180] or "Comparison"
    taken = set(ModelComparison.objects.filter(name__startswith=base).values_list("name", flat=True))
    return next(name for n in range(1, len(taken) + 2) if (name := base if n == 1 else f"{base}, {n}") not in taken)
