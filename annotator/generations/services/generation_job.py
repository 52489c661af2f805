"""The job that generates: batch by batch the pictures or clips go from the pipeline into the library.

They are written into a working folder first, then verified and stored, then recorded in a transaction that only a run
that still holds the job can commit; then the working file goes. So a job that was killed or canceled at any point goes
on with what lacks: what is recorded is not made again, and what lies in the folder is taken from there.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext, gettext_noop, ngettext

from annotator.core.errors import ProblemError
from annotator.core.texts import in_all_languages, joined
from annotator.generations import pipelines
from annotator.generations.models import GeneratedItem, GenerationSet, Precision
from annotator.generations.queries.prompt_sets import members
from annotator.generations.services.generation_plan import FIELDS, sampling_of, spec_of
from annotator.generations.services.generation_sets import follow_up
from annotator.jobs.devices import measure_worker
from annotator.jobs.services import JobRun, run_job
from annotator.library.models import Generator, Item, MediaType
from annotator.library.services import record_generator, record_item, store_media
from reward_engine.errors import RewardEngineError

if TYPE_CHECKING:
    from reward_engine.mpo.generation import Generation
    from reward_engine.mpo.policies import Policy

SOURCE = "generated here"
# What must be the same when a job goes on with a set that another one began.
LASTING = {"fingerprint": "the pipeline's files", "lora_sha256": "the LoRA", "precision": "the precision"}


def run_generation(job_id: str) -> None:
    """Run a generation job."""
    run_job(job_id, generate_items)


def working_folder(found: GenerationSet) -> Path:
    """Name the folder in which a set is made."""
    return Path(settings.ARTIFACT_ROOT) / "mpo" / "generations" / str(found.pk)


def generate_items(run: JobRun) -> dict[str, Any]:
    """Make the items of a set within its job."""
    rows = GenerationSet.objects.select_related("prompt_set", "created_by")
    found = rows.filter(pk=run.params["generation_set"]).first()
    if found is None:
        raise ProblemError(
            gettext("The generation set has been deleted, so there is nothing to generate."), code="no_set"
        )
    try:
        made = _Making(run, found).all()
    except RewardEngineError as error:
        raise ProblemError(error.message, code=error.code, field=FIELDS.get(error.code, "pipeline")) from error
    with run.commit():
        scoring = follow_up(found, run.job.requested_by)
    shutil.rmtree(working_folder(found), ignore_errors=True)
    return {
        "message": in_all_languages(lambda: _in_words(found.media_type, made, bool(scoring))),
        "url": reverse("generations:generation", args=[found.pk]),
        "generation_set": found.pk,
        "made": made,
    }


def _in_words(media_type: str, made: int, scoring: bool) -> str:
    """ "120 images. They are being scored." """
    if media_type == MediaType.IMAGE:
        text = ngettext("%(n)s image.", "%(n)s images.", made)
    else:
        text = ngettext("%(n)s video.", "%(n)s videos.", made)
    return joined([text % {"n": f"{made:,}"}, gettext("They are being scored.") if scoring else ""])


class _Making:
    def __init__(self, run: JobRun, found: GenerationSet) -> None:
        self.run, self.found = run, found
        self.folder = working_folder(found)
        self.prompts = {member.prompt.text: member.prompt for member in members(found.prompt_set)}
        self.total = len(self.prompts) * found.per_prompt
        self.recorded = set(found.made.values_list("prompt__text", "index"))

    def all(self) -> int:
        """Make what lacks; returns how many there are."""
        if not self.prompts:
            raise ProblemError(gettext("The prompt set has no prompts."), code="no_prompts")
        if len(self.recorded) >= self.total:
            return self.total
        from reward_engine.mpo import memory
        from reward_engine.mpo.generation import check, generate

        self.run.stage(gettext_noop("Inspecting the pipeline"))
        source, lora = pipelines.pipeline_source(self.found.pipeline), pipelines.lora_file(self.found.lora)
        measure_worker()
        policy = self._load(source, lora)
        sampling = sampling_of(policy, spec_of(self.found))
        check(policy, sampling)
        self.plan = {one.path.name: one for one in _plan(policy, [*self.prompts], self.found, self.folder)}
        generator = self._begin(policy, str(sampling.size), lora)
        try:
            self.run.stage(gettext_noop("Generating"), self.total)
            self._take_in(generator)
            generate(
                policy,
                [*self.prompts],
                self.folder,
                per_prompt=self.found.per_prompt,
                sampling=sampling,
                lora=lora,
                seed=self.found.seed,
                batch_size=self.found.batch_size,
                elsewhere=self.recorded,
                progress=lambda done, total: self._take_in(generator),
                canceled=self.run.canceled,
            )
        finally:
            del policy
            memory.release()
        self.run.check()
        return len(self.recorded)

    def _load(self, source: Path | str, lora: Path | None) -> Policy:
        import torch

        from reward_engine.mpo.generation_estimate import check_fits
        from reward_engine.mpo.policies import check_lora, load_policy

        cuda = torch.cuda.is_available()
        self.device = torch.cuda.get_device_name(0) if cuda else "CPU"
        self.precision = _precision(self.found)
        if self.precision == Precision.FP16 and not cuda:
            raise ProblemError(
                gettext("float16 needs a GPU, and this worker has none. Choose float32 or bfloat16."),
                code="precision",
                field="precision",
            )
        dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[self.precision]
        policy = load_policy(source, dtype=dtype, device="cuda" if cuda else "cpu")
        if lora is not None:
            check_fits(policy, check_lora(lora))
        return policy

    def _begin(self, policy: Policy, size: str, lora: Path | None) -> Generator:
        """Note what the items are made with, and by which generator.

        Raises:
            ProblemError: If that has changed.
        """
        from reward_engine.storage import file_sha256

        made_with = {
            "pipeline_class": type(policy.pipeline).__name__,
            "fingerprint": policy.fingerprint,
            "lora_sha256": file_sha256(lora) if lora is not None else None,
            "precision": self.precision,
            "size": size,
            "device": self.device,
        }
        before = self.found.made_with
        changed = [words for key, words in LASTING.items() if key in before and before[key] != made_with[key]]
        if changed:
            raise ProblemError(
                gettext(
                    "%(changes)s changed since this set was requested, so the missing items would not "
                    "match the others. Request a new set."
                )
                % {"changes": ", ".join(changed).capitalize()},
                code="changed",
                field="pipeline",
            )
        # Which device made an item does not make another generator of it.
        known = {key: value for key, value in made_with.items() if key != "device" and value is not None}
        sampling = {"steps": self.found.steps, "guidance_scale": self.found.guidance_scale}
        with self.run.commit():
            generator = record_generator(
                name_of(self.found.pipeline),
                name_of(self.found.lora)[:100],
                {"pipeline": self.found.pipeline, "lora": self.found.lora, **known, **sampling},
            )
            self.found.made_with, self.found.generator = made_with, generator
            self.found.save(update_fields=["made_with", "generator", "updated_at"])
        return generator

    def _take_in(self, generator: Generator) -> None:
        """Store and record what lies in the working folder, then remove it there."""
        lying = self._lying()
        fresh = [one for one in lying if (one.prompt, one.index) not in self.recorded]
        facts = [store_media(one.path, one.path.name, media_type=self.found.media_type) for one in fresh]
        with self.run.commit():
            for one, found in zip(fresh, facts, strict=True):
                item, _ = record_item(
                    facts=found,
                    prompt=self.prompts[one.prompt],
                    generator=generator,
                    file_name=one.path.name,
                    source=SOURCE,
                    extra={"seed": one.seed, "index": one.index},
                )
                record_generated(self.found, self.prompts[one.prompt].pk, one.index, one.seed, item)
        self.recorded.update((one.prompt, one.index) for one in fresh)
        for one in lying:
            one.path.unlink(missing_ok=True)
        self.run.progress(len(self.recorded), self.total)

    def _lying(self) -> Sequence[Generation]:
        if not self.folder.is_dir():
            return []
        names = sorted(path.name for path in self.folder.iterdir() if path.name in self.plan)
        return [self.plan[name] for name in names]


def record_generated(
    found: GenerationSet, prompt: int, index: int, seed: int, item: Item
) -> tuple[GeneratedItem, bool]:
    """Put an item in its place.

    Returns the item and whether the place was free.
    """
    return GeneratedItem.objects.get_or_create(
        generation_set=found, prompt_id=prompt, index=index, defaults={"seed": seed, "item": item}
    )


def name_of(path: str) -> str:
    """Name a pipeline or LoRA as people know it, such as “sd15”.

    Where the name of the file says nothing, the name of its folder is used.
    """
    parts = [part for part in Path(path).parts if part not in ("pytorch_lora_weights.safetensors", "lora")]
    return Path(parts[-1]).name.removesuffix(".safetensors")[:200] if parts else ""


def _plan(policy: Policy, prompts: Sequence[str], found: GenerationSet, folder: Path) -> list[Generation]:
    from reward_engine.mpo.generation import plan

    return plan(prompts, found.per_prompt, folder, suffix_of(policy.media_type), found.seed)


def suffix_of(media_type: str) -> str:
    """Choose the suffix of generated files."""
    return ".png" if media_type == "image" else ".mp4"


def _precision(found: GenerationSet) -> str:
    """What “automatic” means on this device; of a set that was begun, what it meant then."""
    import torch

    if found.precision != Precision.AUTO:
        return str(found.precision)
    if "precision" in found.made_with:
        return str(found.made_with["precision"])
    good = torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    return str(Precision.BF16 if good else Precision.FP32)
