"""Generation jobs: what is made goes into the library once, whatever happens in between."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings as platform

from annotator.core.errors import ConflictError, ProblemError
from annotator.generations import pipelines as places
from annotator.generations import queries, services
from annotator.generations.models import GeneratedItem, GenerationSet
from annotator.generations.services import generation_job, generation_plan
from annotator.generations.services.generation_job import working_folder
from annotator.jobs.models import Job, JobState
from annotator.jobs.services import request_cancel
from annotator.library.models import Item
from annotator.library.storage import original_path
from reward_engine.media import decode_image
from tests.annotator.generations.generating import PROMPTS, ask, make_prompt_set

pytestmark = pytest.mark.django_db


def pixels(found: GenerationSet) -> dict[tuple[str, int], np.ndarray]:
    rows = found.made.select_related("item", "prompt")
    return {(row.prompt.text, row.index): decode_image(original_path(row.item)).astype(int) for row in rows}


def same(one: dict, other: dict) -> bool:
    """Up to rounding: batches of other sizes add up in other orders."""
    return one.keys() == other.keys() and all(np.abs(one[key] - other[key]).max() <= 1 for key in one)


def test_what_is_made_is_in_the_library_with_its_seed_and_generator(pipelines: Path, run_now: Callable) -> None:
    found = ask(lora="loras/style.safetensors", seed=7)
    job = run_now(found.job)
    assert job.state == JobState.SUCCEEDED, job.error
    assert job.result["made"] == 6
    assert (job.done, job.total) == (6, 6)
    rows = list(found.made.select_related("item__generator", "item__prompt", "prompt"))
    assert len(rows) == 6
    assert [queries.seed_for(7, row.prompt.text, row.index) for row in rows] == [row.seed for row in rows]
    for row in rows:
        assert row.item.prompt == row.prompt
        assert (row.item.width, row.item.height, row.item.extension) == (16, 16, "png")
        assert row.item.extra["seed"] == row.seed
        assert original_path(row.item).stat().st_size == row.item.size_bytes
    generator = rows[0].item.generator
    assert (generator.name, generator.version) == ("shapes", "style")
    assert generator.parameters["steps"] == 2
    assert len(generator.parameters["fingerprint"]) == len(generator.parameters["lora_sha256"]) == 64
    found.refresh_from_db()
    assert found.generator == generator
    assert found.made_with["size"] == "16 × 16"
    assert not working_folder(found).exists()
    assert queries.is_whole(found)
    assert not list(queries.lacking(found))


def test_clips_are_videos(pipelines: Path, run_now: Callable) -> None:
    found = ask(make_prompt_set(prompts=PROMPTS[:1]), pipeline="clips", per_prompt=1)
    job = run_now(found.job)
    assert job.state == JobState.SUCCEEDED, job.error
    item = found.made.get().item
    assert (item.media_type, item.frame_count, item.width, item.extension) == ("video", 9, 32, "mp4")


class StopError(Exception):
    pass


def stopping(monkeypatch: pytest.MonkeyPatch, after: int, act: Callable[[], Any]) -> list[int]:
    """The pipeline does ``act`` in the middle of its batch number ``after``; returns the sizes of the batches."""
    from reward_engine.mpo.policies import Policy

    sizes: list[int] = []
    real = Policy.generate

    def generate(self: Any, prompts: list[str], *args: Any, **options: Any) -> Any:
        sizes.append(len(prompts))
        if len(sizes) == after:
            act()
        return real(self, prompts, *args, **options)

    monkeypatch.setattr(Policy, "generate", generate)
    return sizes


def test_a_job_that_died_goes_on_with_what_lacks(
    pipelines: Path, run_now: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ask(name="undisturbed")
    run_now(whole.job)

    def die() -> None:
        raise StopError("the power is gone")

    found = ask(whole.prompt_set, name="disturbed", seed=0)
    sizes = stopping(monkeypatch, 3, die)
    assert run_now(found.job).state == JobState.FAILED
    assert found.made.count() == 4
    before = dict(found.made.values_list("pk", "created_at"))
    assert [(slot.text, slot.index) for slot in queries.lacking(found)] == [(PROMPTS[2], 0), (PROMPTS[2], 1)]

    resumed = services.resume_generation(generation_set=found)
    assert resumed.job != found.job
    job = run_now(resumed.job)
    assert job.state == JobState.SUCCEEDED, job.error
    assert sizes == [2, 2, 2, 2]
    assert same(pixels(found), pixels(whole))
    after = dict(found.made.values_list("pk", "created_at"))
    assert before.items() <= after.items()
    assert len(after) == 6
    # The same bytes by the same generator for the same prompt are the same item.
    assert Item.objects.count() == 6


def test_what_lies_in_the_folder_of_a_killed_job_is_taken_from_there(
    pipelines: Path, run_now: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kill comes after the files were written and before they were recorded; and once more after the recording."""

    found = ask()
    real = generation_job.store_media

    def die(*args: Any, **options: Any) -> None:
        raise StopError

    monkeypatch.setattr(generation_job, "store_media", die)
    run_now(found.job)
    assert found.made.count() == 0
    lying = sorted(path.name for path in working_folder(found).glob("*.png"))
    assert lying == ["00000-000.png", "00000-001.png"]

    monkeypatch.setattr(generation_job, "store_media", real)
    unlink = Path.unlink
    monkeypatch.setattr(Path, "unlink", lambda self, **o: die() if self.name in lying else unlink(self, **o))
    run_now(services.resume_generation(generation_set=found).job)
    assert found.made.count() == 2, "recorded, but still lying there"

    monkeypatch.setattr(Path, "unlink", unlink)
    sizes = stopping(monkeypatch, 0, die)
    job = run_now(services.resume_generation(generation_set=found).job)
    assert job.state == JobState.SUCCEEDED, job.error
    assert sizes == [2, 2]
    assert found.made.count() == Item.objects.count() == 6


def test_canceled_between_two_batches_and_resumed(
    pipelines: Path, run_now: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = ask()
    sizes = stopping(monkeypatch, 2, lambda: request_cancel(job=found.job))
    assert run_now(found.job).state == JobState.CANCELED
    assert found.made.count() == 2
    external = services.create_external_set(
        name="x", prompt_set=found.prompt_set, media_type="image", per_prompt=1, generator="g"
    )
    with pytest.raises(ConflictError, match="elsewhere"):
        services.resume_generation(generation_set=external)
    resumed = services.resume_generation(generation_set=found)
    with pytest.raises(ConflictError, match="already working on this"):
        services.resume_generation(generation_set=resumed)
    assert run_now(resumed.job).state == JobState.SUCCEEDED
    assert sizes == [2, 2, 2], "the batch that was under way when it was canceled is not made again"
    with pytest.raises(ConflictError, match="nothing is missing"):
        services.resume_generation(generation_set=resumed)


def test_a_batch_that_does_not_fit_is_halved(
    pipelines: Path, run_now: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from reward_engine.mpo.policies import Policy

    sizes = []
    real = Policy.generate

    def scarce(self: Any, prompts: list[str], *args: Any, **options: Any) -> Any:
        sizes.append(len(prompts))
        if len(prompts) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(self, prompts, *args, **options)

    monkeypatch.setattr(Policy, "generate", scarce)
    found = ask(batch_size=4)
    assert run_now(found.job).state == JobState.SUCCEEDED
    assert sizes == [4, 2, 2, 2]


def test_a_pipeline_that_was_changed_meanwhile_is_not_mixed_in(
    pipelines: Path, run_now: Callable, tmp_path: Path, settings: Any
) -> None:
    import shutil

    settings.PIPELINE_ROOTS = [tmp_path / "own"]
    shutil.copytree(pipelines / "shapes", tmp_path / "own" / "shapes")
    found = ask()
    scheduler = tmp_path / "own" / "shapes" / "scheduler" / "scheduler_config.json"
    scheduler.write_text(scheduler.read_text().replace("0.012", "0.013"))
    job = run_now(found.job)
    assert job.state == JobState.FAILED
    assert "The pipeline's files changed since this set was requested" in job.error
    assert not GeneratedItem.objects.exists()


def test_names_are_found_and_given_once(pipelines: Path) -> None:
    prompt_set = make_prompt_set()
    assert [ask(prompt_set).name, ask(prompt_set).name] == ["Shapes, shapes", "Shapes, shapes (2)"]
    with pytest.raises(ConflictError, match="already") as refused:
        ask(prompt_set, name="Shapes, shapes")
    assert refused.value.details["field"] == "name"
    assert Job.objects.count() == 2


def test_defaults_are_the_familys_and_are_written_down(pipelines: Path) -> None:
    found = ask(steps=None, guidance_scale=None, batch_size=None)
    assert (found.steps, found.guidance_scale, found.batch_size) == (30, 7.5, 8)
    assert (found.media_type, found.made_with["size"]) == ("image", "16 × 16")


class TestRefusals:
    """Each before anything is queued, and with the field to mend."""

    @pytest.mark.parametrize(
        ("fields", "field", "words"),
        [
            ({"pipeline": "papers"}, "pipeline", "it has no model_index.json"),
            ({"pipeline": "nowhere"}, "pipeline", "Available: “clips”, “shapes”."),
            ({"pipeline": "../shapes"}, "pipeline", "cannot be used as a name"),
            ({"pipeline": "/etc"}, "pipeline", "cannot be used as a name"),
            ({"pipeline": "owner/model"}, "pipeline", "not allowed downloads"),
            ({"lora": "papers/notes.txt"}, "lora", "a .safetensors file is required"),
            ({"lora": "loras/none.safetensors"}, "lora", "Available: “loras/style.safetensors”."),
            ({"lora": "shapes/unet/diffusion_pytorch_model.safetensors"}, "lora", "holds no LoRA"),
            ({"pipeline": "clips", "lora": "loras/style.safetensors"}, "lora", "made for a model with a unet"),
            ({"width": 17, "height": 16}, "width", "multiples of 2"),
            ({"width": 16}, "height", "both width and height"),
            ({"width": 4, "height": 16}, "width", "too small to judge"),
            ({"frames": 9}, "frames", "pictures"),
            ({"pipeline": "clips", "frames": 10}, "frames", "9 and 13"),
            ({"steps": 0}, "steps", "1 to 1,000"),
            ({"guidance_scale": float("nan")}, "guidance_scale", "must be a number"),
            ({"per_prompt": 0}, "per_prompt", "1 to 256"),
            ({"seed": -1}, "seed", "whole number"),
            ({"batch_size": 0}, "batch_size", "1 to 256"),
        ],
    )
    def test_by_field(self, pipelines: Path, fields: dict[str, Any], field: str, words: str) -> None:
        with pytest.raises(ProblemError) as refused:
            ask(**fields)
        assert words in refused.value.message
        assert refused.value.details["field"] == field
        assert not Job.objects.exists()
        assert not GenerationSet.objects.exists()

    def test_links_out_of_the_allowed_folders(self, pipelines: Path, tmp_path: Path, settings: Any) -> None:
        root = tmp_path / "roots"
        root.mkdir()
        settings.PIPELINE_ROOTS = [root]
        (root / "linked").symlink_to(pipelines / "shapes")
        with pytest.raises(ProblemError, match="leads outside"):
            ask(pipeline="linked")
        (root / "style.safetensors").symlink_to(pipelines / "loras" / "style.safetensors")
        with pytest.raises(ProblemError, match="leads outside"):
            places.lora_file("style.safetensors")
        assert places.pipelines() == places.loras() == []

    def test_an_empty_prompt_set(self, pipelines: Path) -> None:
        from annotator.generations.models import PromptSet

        with pytest.raises(ProblemError, match="no prompts") as refused:
            ask(PromptSet.objects.create(name="empty"))
        assert refused.value.details["field"] == "prompt_set"

    def test_what_no_device_can_hold(self, pipelines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from annotator.jobs.devices import Device

        monkeypatch.setattr(generation_plan, "known_device", lambda: (Device("Tiny GPU", 1e12, 1 << 20), True))
        with pytest.raises(ProblemError, match="fits into the memory of Tiny GPU"):
            ask()

    def test_a_lora_of_a_run_may_be_named(self, pipelines: Path, run_now: Callable) -> None:
        lora = platform.ARTIFACT_ROOT / "mpo" / "runs" / "birds-1" / "lora" / "pytorch_lora_weights.safetensors"
        lora.parent.mkdir(parents=True)
        lora.write_bytes((pipelines / "loras" / "style.safetensors").read_bytes())
        found = ask(lora="runs/birds-1/lora")
        assert run_now(found.job).state == JobState.SUCCEEDED
        found.refresh_from_db()
        assert found.generator.version == "birds-1"
