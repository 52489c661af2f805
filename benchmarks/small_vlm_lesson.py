"""What the small model is taught before it meets a checklist: to see light, sharpness and color in drawn pictures.

A few hundred steps of LoRA over all layers on drawn pictures with random words beside them, merged into the weights.
The questions use other words than the platform's checklists, and the levels are measured on the drawing.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from benchmarks.drawn_pictures import drawn
from reward_engine.checklist import Checklist, loads
from reward_engine.judges.base import MediaInput
from reward_engine.judges.vlm import VLMJudge, VLMOptions
from reward_engine.training.vlm import TrainSettings, train_vlm

PICTURES = 640
STEPS = 900
QUESTIONS = {
    "light": (
        "Is there more light than at night?",
        "Is there at least the light of a shaded place?",
        "Is the picture as light as the day?",
        "Is the picture as light as a beach at noon?",
    ),
    "edges": (
        "Can any edges be seen?",
        "Are large edges in focus?",
        "Are most edges in focus?",
        "Is every fine edge in focus?",
    ),
    "pigment": (
        "Is there any pigment?",
        "Is there at least as much pigment as in clay?",
        "Is there as much pigment as in grass?",
        "Is there as much pigment as in a poppy?",
    ),
}
"""From the lowest level of each upwards."""
SHARES = (0.12, 0.35, 0.65, 0.88)
"""Shares of the pictures below each bound between levels of light and pigment."""
BLUR = (4.0, 2.2, 1.2, 0.5)
"""Bounds of the blur in pixels, from the lowest level upwards."""
WORDS = [
    "a", "of", "the", "red", "old", "near", "small", "two", "with", "on", "stone", "river", "house", "child", "green",
    "under", "light", "far", "horse", "window",
]  # fmt: skip


def checklist() -> Checklist:
    """The lesson's questions, five levels for each ladder."""

    def level(score: int, ladder: str, question: str | None) -> dict[str, object]:
        name = f"{ladder} {score + 3}"
        asked = {} if question is None else {"question": {"id": f"{ladder}_{score + 2}", "text": question}}
        return {"score": score, "name": name, "guidance": question or f"The least {ladder}.", **asked}

    ladders = [
        {
            "id": id, "name": id, "description": f"How much {id}.",
            "levels": [level(score - 2, id, text) for score, text in enumerate((None, *questions))],
        }
        for id, questions in QUESTIONS.items()
    ]  # fmt: skip
    dimensions = [{"id": "seeing", "name": "Seeing", "sub_dimensions": ladders}]
    return loads(
        yaml.safe_dump(
            {"id": "lesson", "version": 1, "name": "Lesson", "media_type": "image", "dimensions": dimensions}
        )
    )


def teach(folder: Path, *, steps: int | None = None, pictures: int = PICTURES, seed: int = 0) -> None:
    """Fine-tune the model in ``folder`` on the lesson, and merge what it learned into its weights."""
    rng = np.random.default_rng([seed, 1])
    steps = STEPS if steps is None else steps
    options = VLMOptions(device="cpu", dtype="float32")
    with tempfile.TemporaryDirectory() as place:
        items, seen = [], []
        for number in range(pictures):
            blur = float(np.exp(rng.uniform(np.log(0.3), np.log(8.0)))) if rng.random() < 0.75 else 0.0
            image = drawn(np.random.default_rng([seed, 2, number]), blur)
            path = Path(place) / f"{number}.png"
            image.save(path, compress_level=1)
            items.append(MediaInput(str(number), "image", path, " ".join(rng.choice(WORDS, int(rng.integers(4, 12))))))
            seen.append((*_light_and_pigment(image), blur))
        light, pigment, blurs = np.array(seen).T
        levels = np.stack(
            [
                np.digitize(light, np.quantile(light, SHARES)) - 2,
                2 - np.digitize(blurs, BLUR[::-1]),
                np.digitize(pigment, np.quantile(pigment, SHARES)) - 2,
            ],
            axis=1,
        )
        settings = TrainSettings(
            rank=32, alpha=64.0, dropout=0.0, targets="all", learning_rate=2e-3, epochs=1000.0, max_steps=steps,
            batch_size=8, accumulate=1, validation_share=0.1, evaluate_every=50, checkpoint_every=steps, patience=100,
            seed=seed,
        )  # fmt: skip
        taught = train_vlm(
            folder, checklist(), items, levels.astype(np.int8), np.arange(pictures), out=Path(place) / "lesson",
            settings=settings, options=options,
        )  # fmt: skip
        VLMJudge.load(taught.folder, options=options).backbone.model.save_pretrained(folder, safe_serialization=True)


def _light_and_pigment(image: Image.Image) -> tuple[float, float]:
    colors = np.asarray(image, dtype=np.float32)
    return float(np.asarray(image.convert("L"), dtype=np.float32).mean()), float((colors.max(2) - colors.min(2)).mean())
