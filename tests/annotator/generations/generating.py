"""Tiny pipelines in an allowed folder, for tests that generate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from annotator.generations import services
from annotator.generations.models import GenerationSet, PromptSet
from annotator.generations.services import GenerationSpec

PROMPTS = ["a red disc", "the dark square left", "a small blue disc"]


def save_pipelines(root: Path) -> None:
    """``shapes`` makes pictures of 16 × 16, ``clips`` clips of 32 × 32 × 9 frames; ``style.safetensors`` is a LoRA."""
    from reward_engine.mpo import policies
    from tests.reward_engine.mpo import tiny

    pictures = tiny.stable_diffusion()
    pictures.save_pretrained(root / "shapes")
    tiny.cogvideox().save_pretrained(root / "clips")
    policy = policies.wrap(pictures)
    for _, parameter in policy.attach_lora(rank=2):
        parameter.data.add_(0.3)
    policy.save_lora(root / "loras").rename(root / "loras" / "style.safetensors")
    (root / "papers").mkdir()
    (root / "papers" / "notes.txt").write_text("no pipeline")


def make_prompt_set(name: str = "Shapes", prompts: list[str] | None = None) -> PromptSet:
    return services.create_prompt_set(name=name, prompts=PROMPTS if prompts is None else prompts)


def ask(prompt_set: PromptSet | None = None, *, name: str = "", score_after: bool = False, by: Any = None,
        **fields: Any) -> GenerationSet:  # fmt: skip
    """A queued generation of two pictures a prompt, in two steps."""
    values = {"pipeline": "shapes", "per_prompt": 2, "steps": 2, "guidance_scale": 1.0, "batch_size": 2}
    spec = GenerationSpec(prompt_set=prompt_set or make_prompt_set(), **(values | fields))
    return services.request_generation(name=name, spec=spec, score_after=score_after, requested_by=by)
