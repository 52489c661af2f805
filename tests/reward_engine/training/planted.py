"""A small checklist of every kind of ladder, and features in which the truth of its levels is planted."""

from dataclasses import dataclass

import numpy as np
import yaml

from reward_engine.answers import ABSENT, harmonize
from reward_engine.checklist import loads


def _levels(lowest, count, id, skip=0):
    levels, words = [], id.replace("_", " ")
    for step in range(count):
        level = {"score": lowest + step, "name": f"level {step}", "guidance": "What one sees."}
        if step > skip:
            level["question"] = {"id": f"{id}_{step}", "text": f"Is its {words} at least level {step}?"}
        levels.append(level)
    return levels


def _sub(id, lowest, count, skip=0, **more):
    return {"id": id, "name": id, "description": "d", **more, "levels": _levels(lowest, count, id, skip)}


def small_checklist(media_type="image", text="d"):
    """Plain ladders of 2 and 4 levels, an own presence question, an owner and a ladder masked by it."""
    subs = [
        _sub("clarity", -2, 4),
        _sub("symmetry", 0, 2),
        _sub("hands", 0, 4, presence=True),
        _sub("lighting", -1, 3),
        _sub("lighting_beauty", -1, 4, skip=1, masked_by="lighting"),
    ]
    top = {"id": "small", "media_type": media_type, "name": "Small", "version": 1}
    dimension = {"id": "all", "name": text, "sub_dimensions": subs}
    return loads(yaml.safe_dump({**top, "dimensions": [dimension]}))


@dataclass
class Planted:
    checklist: object
    values: np.ndarray
    names: tuple
    blocks: dict
    levels: np.ndarray
    groups: np.ndarray

    @property
    def table(self):
        return self.values, self.names, self.blocks


def planted(prompts=18, per_prompt=5, seed=0, noise=0.4, network=400):
    """Columns 0–4 of ``statistics`` carry the five ladders; the network block carries the prompt, and noise."""
    checklist = small_checklist()
    rng = np.random.default_rng(seed)
    n = prompts * per_prompt
    groups = np.repeat(np.arange(prompts), per_prompt)
    statistics = rng.normal(size=(n, 30))
    scene = rng.normal(size=(prompts, network))[groups] + 0.5 * rng.normal(size=(n, network))
    signal = statistics[:, :5] + noise * rng.normal(size=(n, 5))
    signal[:, 1] = -(signal[:, 1] ** 2) + 0.5  # best in the middle
    edges = [(-0.6, 0.1, 0.8), (0.0,), (-0.5, 0.1, 0.7), (-0.5, 0.5), (-9.0, 0.0, 0.7)]
    columns = [sub.lowest + np.digitize(signal[:, i], edges[i]) for i, sub in enumerate(checklist.ordinal)]
    levels = harmonize(checklist, np.stack(columns, axis=1).astype(np.int8))
    values = np.hstack([scene, statistics * rng.uniform(0.01, 100, 30)]).astype(np.float32)
    names = tuple(f"network_{i}" for i in range(network)) + tuple(f"stat_{i}" for i in range(30))
    blocks = {"network": slice(0, network), "statistics": slice(network, network + 30)}
    return Planted(checklist, values, names, blocks, levels, groups)


__all__ = ["ABSENT", "Planted", "planted", "small_checklist"]
