"""A third kind of judge in one file: it says yes where a picture is brighter than those it learned from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from django import forms
from PIL import Image

from annotator.jobs.services import JobRun
from annotator.rewards.judges import Estimate, JudgeKind, Trained, TrainingData
from annotator.rewards.judges.inputs import inputs_of
from annotator.rewards.models import RewardModel
from reward_engine.checklist import Checklist
from reward_engine.judges.base import Canceled, Judge, MediaInput, Predictions, Progress
from reward_engine.training.measure import Baseline, measure


class ToySettings(forms.Form):
    sharpness = forms.FloatField(label="Sharpness", initial=0.05, min_value=0.001, max_value=5.0)


@dataclass(frozen=True)
class Lamp:
    """P(yes) of every question rises with the mean brightness around ``middle``."""

    checklist: Checklist
    middle: float
    sharpness: float
    name: str = "lamp"
    version: str = "1"

    def predict(
        self,
        items: Sequence[MediaInput],
        *,
        batch_size: int = 16,
        progress: Progress | None = None,
        canceled: Canceled | None = None,
    ) -> Predictions:
        light = np.array([np.asarray(Image.open(item.path).convert("L")).mean() for item in items])
        p = 1 / (1 + np.exp(-self.sharpness * (light - self.middle)))
        p_yes = np.repeat(p[:, None], len(self.checklist.questions), axis=1).astype(np.float32)
        return Predictions(tuple(item.key for item in items), p_yes)


class LampKind(JudgeKind):
    name = "lamp"
    label = "Lamp"
    description = "Looks at brightness alone."
    settings_form = ToySettings

    def estimate(self, settings: Mapping[str, Any], checklist: Checklist, items: int) -> Estimate:
        return Estimate(seconds=0.001 * items, device="CPU")

    def train(self, run: JobRun, data: TrainingData, settings: Mapping[str, Any]) -> Trained:
        inputs, left_out = inputs_of(data.items)
        prompts = np.unique(data.prompts)
        held = data.prompts != prompts[0]  # one prompt is enough to learn what is bright
        light = np.array([np.asarray(Image.open(item.path).convert("L")).mean() for item in inputs])
        judge = Lamp(data.checklist, float(light[~held].mean()), settings["sharpness"])
        rows = np.flatnonzero(held)
        p_yes = judge.predict([inputs[row] for row in rows]).p_yes
        baseline = Baseline.empty(data.checklist, len(rows))
        baseline.learn(data.checklist, data.levels[~held], np.ones(int((~held).sum())), np.ones(len(rows), dtype=bool))
        metrics = {
            "validation": {"items": len(rows), "prompts": len(prompts) - 1, "folds": 1},
            **measure(data.checklist, p_yes, data.levels[rows], baseline),
        }

        def predict(pks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            found = judge.predict(inputs_of(pks)[0])
            return np.array([int(key) for key in found.keys]), found.p_yes

        def save(folder: Path, calibration: Any, weights: Any, record: Mapping[str, Any]) -> None:
            folder.mkdir(parents=True)
            manifest = {
                "kind": self.name,
                "lamp": {"middle": judge.middle, "sharpness": judge.sharpness},
                "weights": weights.to_json(data.checklist),
                **({} if calibration is None else {"calibration": calibration.to_json()}),
                **record,
            }
            (folder / "manifest.json").write_text(json.dumps(manifest))

        return Trained(rows, p_yes, metrics, left_out, predict, save)

    def load(self, model: RewardModel, folder: Path, checklist: Checklist) -> Judge:
        return Lamp(checklist, **json.loads((folder / "manifest.json").read_text())["lamp"])
