"""Pictures whose answers are known: bright or dark, red or blue. What a judge must be able to learn."""

import numpy as np
import yaml
from PIL import Image

from reward_engine.checklist import loads
from reward_engine.judges.base import MediaInput


def color_checklist():
    def sub(id, question):
        levels = [
            {"score": 0, "name": "no", "guidance": "It is not."},
            {"score": 1, "name": "yes", "guidance": "It is.", "question": {"id": f"{id}_1", "text": question}},
        ]
        return {"id": id, "name": id, "description": "d", "levels": levels}

    subs = [sub("bright", "Is the picture bright?"), sub("red", "Is it red rather than blue?")]
    top = {"id": "colors", "media_type": "image", "name": "Colors", "version": 1}
    return loads(yaml.safe_dump({**top, "dimensions": [{"id": "all", "name": "All", "sub_dimensions": subs}]}))


def colored(folder, count, *, seed=0, rare=0.5):
    """(items, levels int8 [n, 2], groups): two pictures a prompt; ``rare`` is the share of red ones."""
    rng = np.random.default_rng(seed)
    levels = np.stack([rng.random(count) < 0.5, rng.random(count) < rare], axis=1).astype(np.int8)
    items, groups = [], []
    for number, (bright, red) in enumerate(levels.tolist()):
        strength = rng.integers(190, 256) if bright else rng.integers(30, 100)
        color = np.array([strength, 40, 20] if red else [20, 40, strength])
        pixels = np.clip(color + rng.normal(0, 12, (40, 40, 3)), 0, 255).astype(np.uint8)
        path = folder / f"{number}.png"
        Image.fromarray(pixels).save(path)
        items.append(MediaInput(f"item-{number}", "image", path, prompt=f"pattern {number // 2}"))
        groups.append(number // 2)
    return items, levels, groups
