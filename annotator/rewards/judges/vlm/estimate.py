"""What a training of the vision-language judge will take, for the form. Loads no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from annotator.jobs.devices import known_device
from annotator.rewards import vlms
from annotator.rewards.judges.base import Estimate
from annotator.rewards.models import BaseModel
from reward_engine.checklist import Checklist
from reward_engine.training.vlm import estimate as engine


def estimated(base: BaseModel, settings: Mapping[str, Any], checklist: Checklist, items: int) -> Estimate | None:
    """The estimate for so many items; None where the base's configuration is not at hand or names no sizes."""
    shape = shape_of(base)
    if shape is None:
        return None
    device, measured = known_device()
    questions = len(checklist.questions)
    on_gpu = bool(device.memory_bytes)
    weights = settings.get("quantize") or _number_format(str(settings.get("dtype", "auto")), on_gpu)
    media_tokens = int(base.report.get("prefix_tokens") or engine.MEDIA_TOKENS)
    held_out = max(1, round(items * float(settings.get("validation_share") or 0.2)))
    train = max(1, items - held_out)
    steps, per_step = engine.steps_of(settings, train)
    plan = engine.Plan(
        train_items=train,
        held_out_items=held_out,
        questions=questions,
        steps=steps,
        items_per_step=per_step,
        batch_size=int(settings["batch_size"]),
        evaluations=-(-steps // int(settings["evaluate_every"])),
        rank=int(settings["rank"]),
        checkpointing=bool(settings["gradient_checkpointing"]),
        weights=weights,
        media_tokens=media_tokens,
    )
    needs = engine.needs(shape, plan)
    learns = settings.get("use") != "as_it_is"
    flops = needs.flops if learns else needs.judging_flops * items
    memory = needs.memory_bytes if learns else needs.judging_bytes
    fits = not on_gpu or memory <= device.memory_bytes
    notes = () if measured else (
        "No GPU worker has measured its device yet; the time is for this server’s CPU.",
    )  # fmt: skip
    return Estimate(
        memory_bytes=memory,
        seconds=engine.seconds(flops, device.flops),
        disk_bytes=needs.disk_bytes if learns else 0,
        scoring_seconds=engine.seconds(needs.judging_flops, device.flops),
        scoring_bytes=needs.judging_bytes,
        device=device.name,
        fits=fits,
        steps=steps if learns else None,
        notes=notes,
    )


def shape_of(base: BaseModel) -> engine.Shape | None:
    """The shape that the base's ``config.json`` and its check tell."""
    source = vlms.source(base.name, base.revision)
    path = source / "config.json" if isinstance(source, Path) else None
    try:
        config = base.report.get("config") or (json.loads(path.read_text()) if path else None)
        return engine.Shape.of(config, int(base.report["parameters"])) if config else None
    except (KeyError, OSError, ValueError, TypeError):
        return None


def _number_format(asked: str, on_gpu: bool) -> str:
    if asked != "auto":
        return asked
    return "bfloat16" if on_gpu else "float32"
