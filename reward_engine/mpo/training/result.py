"""What a finished run leaves: a LoRA that diffusers loads, a manifest with checksums, a model card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reward_engine import WRITTEN_BY, storage
from reward_engine.errors import ArtifactError
from reward_engine.mpo.training.folder import FORMAT, RunFolder

if TYPE_CHECKING:
    from reward_engine.mpo.policies import Policy

KIND = "mpo-lora"
LIBRARIES = ("torch", "diffusers", "peft", "transformers", "accelerate", "safetensors")


def write_result(run: RunFolder, policy: Policy, measures: Mapping[str, Any]) -> None:
    """Write the result of a run, the manifest last.

    That is ``lora/``, ``README.md``, and the manifest, whose presence says that the run is finished.
    """
    beside = run.path / ".lora"
    shutil.rmtree(beside, ignore_errors=True)
    policy.save_lora(beside)
    shutil.rmtree(run.lora_folder, ignore_errors=True)
    beside.replace(run.lora_folder)
    storage.write_bytes(run.path / "README.md", _card(run, policy, measures).encode())
    files = [*sorted(run.lora_folder.iterdir()), run.path / "README.md", run.path / "pairs.jsonl"]
    storage.write_json(
        run.manifest,
        {
            "kind": KIND,
            "format": FORMAT,
            "written_by": WRITTEN_BY,
            "pipeline": run.pipeline,
            "pipeline_class": type(policy.pipeline).__name__,
            "run": run.fingerprint,
            "settings": run.settings.to_dict(),
            "pairs": {"trained": len(run.training), "held_out": len(run.held_out)},
            "measures": dict(measures),
            "record": dict(run.record),
            "libraries": {name: metadata.version(name) for name in LIBRARIES},
            "sha256": {str(path.relative_to(run.path)): storage.file_sha256(path) for path in files},
        },
    )


def check_result(folder: Path) -> dict[str, Any]:
    """Read the manifest of a finished run, and check its files against it.

    Raises:
        ArtifactError: The run is not finished, or a file is missing or altered.
    """
    manifest = storage.read_json(folder / "manifest.json")
    if manifest.get("kind") != KIND or manifest.get("format") != FORMAT:
        raise ArtifactError(f"{folder} holds no result of MPO training that this version reads.", code="kind")
    for name, expected in manifest["sha256"].items():
        path = folder / name
        if not path.is_file():
            raise ArtifactError(f"{path} is missing.", code="missing")
        if storage.file_sha256(path) != expected:
            raise ArtifactError(f"{path} is not what the manifest records.", code="checksum")
    return manifest


def _card(run: RunFolder, policy: Policy, measures: Mapping[str, Any]) -> str:
    settings, name = run.settings, type(policy.pipeline).__name__
    # JSON is YAML: a name from outside cannot break out of the front matter.
    front = {
        "base_model": run.pipeline,
        "library_name": "diffusers",
        "tags": ["lora", "diffusion-dpo", "mpo", policy.media_type],
    }
    measured = "\n".join(f"| {key.replace('_', ' ')} | {value} |" for key, value in measures.items())
    record = "\n".join(f"- {key}: {json.dumps(value, ensure_ascii=False)}" for key, value in run.record.items())
    header = "\n".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in front.items())
    return f"""---
{header}
---

# A LoRA tuned on preference pairs

Trained with Diffusion-DPO (arXiv 2311.12908) on {len(run.training):,} pairs of pictures or clips of one prompt each.
Pairs found by dominance (MPO, arXiv 2412.21059) have a winner that is no worse in any dimension.

```python
from diffusers import {name}

pipeline = {name}.from_pretrained({json.dumps(run.pipeline)})
pipeline.load_lora_weights("this folder/lora")
```

## Measured
| | |
|---|---|
{measured}

## Trained with
{settings.steps:,} steps of {settings.pairs_per_step} pairs · β {settings.beta:g} ·
learning rate {settings.learning_rate:g} · rank {settings.rank}, alpha {settings.alpha} ·
{settings.precision} · seed {settings.seed}

## Where the pairs come from
{record or "- not recorded"}

## Limits
The adapter pushes toward what its reward model rewards; where that model errs, so does the adapter. Compare the
tuned model with the start on held-out prompts, by dimension and by people, before you use it.
"""
