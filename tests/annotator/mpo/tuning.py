"""A small world for runs: a tiny pipeline, pictures it could have made, pairs in which the brighter one wins."""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.utils import timezone
from PIL import Image

from annotator.campaigns.checklists import checklist_of
from annotator.library import services as library
from annotator.library.models import Item
from annotator.mpo.models import ComparedItem, ModelComparison, PairSet, PreferencePair
from annotator.rewards.models import RewardModel
from reward_engine.judges.base import Predictions
from reward_engine.media import decode_image
from tests.factories import make_generator, make_item, make_prompt, make_reward_model, make_score

PROMPTS = ("a red disc", "the dark square left", "a blue disc top", "a small square right", "the large disc bottom")
# Three steps of real training on sixteen pixels.
SETTINGS: dict[str, Any] = {
    "steps": 6, "pairs_per_step": 4, "batch_size": 4, "beta": 500.0, "learning_rate": 3e-3, "warmup_steps": 2,
    "rank": 2, "alpha": 4, "precision": "fp32", "gradient_checkpointing": False, "save_every": 2, "evaluate_every": 3,
    "evaluation_draws": 2, "sample_every": 3, "sample_prompts": 2, "sample_seeds": 2, "sampling_steps": 2,
    "guidance_scale": 1.0,
}  # fmt: skip


@functools.cache
def _saved_pipeline(folder: Path) -> Path:
    """A random Stable Diffusion of 16 × 16 pixels, saved once a session."""
    from tests.reward_engine.mpo import tiny

    tiny.stable_diffusion().save_pretrained(folder / "tiny")
    return folder / "tiny"


def put_pipeline(once: Path, name: str = "tiny") -> str:
    """The tiny pipeline in the first folder where pipelines may lie; returns its name there."""
    place = Path(settings.PIPELINE_ROOTS[0]) / name
    shutil.copytree(_saved_pipeline(once), place)
    return name


def picture(folder: Path, level: int, seed: int) -> Path:
    rng = np.random.default_rng(seed)
    path = folder / f"{seed}.png"
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(level + rng.integers(-40, 41, (16, 16, 3)), 0, 255).astype(np.uint8)).save(path)
    return path


def brightness(item: Item | Path) -> float:
    from annotator.library.storage import original_path

    path = item if isinstance(item, Path) else original_path(item)
    return float(decode_image(path).mean() / 255)


def make_pair_set(folder: Path, model: RewardModel | None = None, name: str = "Bright ones", **options: Any) -> PairSet:
    """Two pairs of each prompt: real pictures, of which the brighter one wins in everything."""
    model = model or make_reward_model()
    generator = make_generator("painter")
    checklist = checklist_of(model.checklist_version)
    pair_set = PairSet.objects.create(
        name=name, reward_model=model, options={"level": "dimension", **options}, items=20, prompts=len(PROMPTS),
        pairs_count=2 * len(PROMPTS), ready_at=timezone.now(),
    )  # fmt: skip
    for number, text in enumerate(PROMPTS):
        prompt = make_prompt(text)
        for pair in range(2):
            sides = []
            for level in (180, 70):
                path = picture(folder / "pictures", level, 100 * number + 10 * pair + level % 7)
                facts = library.store_media(path, path.name)
                item, new = library.record_item(facts=facts, prompt=prompt, generator=generator)
                if new or not item.scores.filter(reward_model=model).exists():
                    make_score(model, item, np.full(len(checklist.questions), brightness(item)))
                sides.append(item)
            PreferencePair.objects.create(
                pair_set=pair_set, prompt=prompt, winner=sides[0], loser=sides[1], winner_reward=1.0, reward_gap=0.5,
                gap_by_dimension=[0.1] * len(checklist.dimensions),
            )  # fmt: skip
    return pair_set


@dataclass
class BrightJudge:
    """Says yes to every question the surer, the brighter the picture; in place of a trained version's files."""

    checklist: Any
    extractor: Any = None

    def predict(self, items: Any, *, progress: Any = None, canceled: Any = None, batch_size: int = 16) -> Predictions:
        p = np.array([brightness(item.path) for item in items], dtype=np.float32)
        keys = tuple(item.key for item in items)
        return Predictions(keys, np.repeat(p[:, None], len(self.checklist.questions), axis=1), {})


def fake_finished(run: Any) -> None:
    """What a finished run leaves, without training."""
    files = {"README.md": b"# card", "metrics.jsonl": b"", "lora/pytorch_lora_weights.safetensors": b"weights"}
    for name, content in files.items():
        path = run.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    run.manifest = {"sha256": sums, "measures": {"steps": 6, "held_out_accuracy": 0.75}}
    (run.folder / "manifest.json").write_text(json.dumps(run.manifest))
    run.finished_at = timezone.now()
    run.save()
    if run.job is not None:
        run.job.state = "succeeded"
        run.job.save()


def fake_comparison(runs: list[Any], prompts: tuple[str, ...] = ("a red square", "a blue square")) -> Any:
    """The answer for two runs: the first raises everything, the second more, and pays with the second dimension."""
    model = runs[0].pair_set.reward_model
    checklist = checklist_of(model.checklist_version)

    def change(name: str, difference: float) -> dict[str, Any]:
        low, high = difference - 0.02, difference + 0.02
        verdict = "rises" if low > 0 else "falls" if high < 0 else "unclear"
        return {"name": name, "start": 0.4, "tuned": 0.4 + difference, "difference": difference, "low": low,
                "high": high, "verdict": verdict}  # fmt: skip

    def told(run: Any, paid: bool) -> dict[str, Any]:
        gains = [0.05 if not paid else -0.08 if index == 1 else 0.11 for index in range(len(checklist.dimensions))]
        subs = [gains[owner] / 3 for owner in checklist.ordinal_dimension]
        return {
            "run": run.pk,
            "reward": change("Reward", sum(gains)),
            "dimensions": [change(d.id, gain) for d, gain in zip(checklist.dimensions, gains, strict=True)],
            "sub_dimensions": [change(s.id, gain) for s, gain in zip(checklist.ordinal, subs, strict=True)],
            "by_reward": {"win": 0.7, "tie": 0.1, "lose": 0.2},
            "by_dominance": {"win": 0.1 if paid else 0.25, "tie": 0.75, "lose": 0.15 if paid else 0.0},
            "over_optimized": [checklist.dimensions[1].id] if paid else [],
        }

    between = {**told(runs[1], True), "against": runs[0].pk}
    made = [make_prompt(text) for text in prompts]
    comparison = ModelComparison.objects.create(
        name="MPO beside total-reward DPO", reward_model=model, per_prompt=1, path="mpo/comparisons/none",
        prompts=[prompt.pk for prompt in made], left_out=1, finished_at=timezone.now(),
        result={
            "items": len(made), "prompts": len(made), "confidence": 0.95,
            "models": [told(runs[0], False), told(runs[1], True)], "between": [between],
        },
    )  # fmt: skip
    comparison.runs.set(runs)
    for number, prompt in enumerate(made):
        for series, run in enumerate((None, *runs)):
            item = make_item(
                prompt=prompt, generator=make_generator("tiny", run.name if run else ""), seed=50 * number + series,
                width=160, height=160,
            )  # fmt: skip
            ComparedItem.objects.create(
                comparison=comparison, run=run, prompt=prompt, index=0, seed=1000 + number, item=item,
                reward=0.4 + 0.1 * series * (number + 1), by_dimension=[0.1] * len(checklist.dimensions),
            )  # fmt: skip
    return comparison
