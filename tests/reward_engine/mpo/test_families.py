"""What is known of pipelines without PyTorch, and that it agrees with what PyTorch trains."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from reward_engine.mpo import policies
from reward_engine.mpo.policies import folder as folders


def test_every_family_has_a_policy_that_makes_the_same() -> None:
    assert {name: policy.media_type for name, policy in policies.POLICIES.items()} == {
        name: family.media_type for name, family in policies.FAMILIES.items()
    }


def test_planning_a_run_loads_no_torch() -> None:
    program = (
        "import sys\n"
        "from reward_engine.mpo import pipeline_needs, policies\n"
        "from reward_engine.mpo.policies import check_lora, family_of, folder\n"
        "from reward_engine.mpo.training import prepare\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=100)
    assert not {"torch", "diffusers", "transformers", "peft"} & set(done.stdout.split())


def test_a_pipeline_of_the_hub_is_here_once_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = tmp_path / "models--owner--name" / "snapshots" / "0123"
    snapshot.mkdir(parents=True)
    (tmp_path / "models--owner--name" / "refs").mkdir()
    (tmp_path / "models--owner--name" / "refs" / "main").write_text("0123")
    monkeypatch.setattr("huggingface_hub.file_download.HF_HUB_CACHE", str(tmp_path), raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert folders.downloaded("owner/other") is None
    assert folders.downloaded("owner/no..name") is None
    index = {"_class_name": "FluxPipeline", "vae": ["diffusers", "AutoencoderKL"], "scheduler": ["diffusers", "Euler"]}
    (snapshot / folders.INDEX).write_text(json.dumps(index))
    assert folders.downloaded("owner/name") is None  # only the file that says what it is
    (snapshot / "scheduler").mkdir()
    (snapshot / "vae").mkdir()
    (snapshot / "vae" / "config.json").write_text("{}")
    assert folders.downloaded("owner/name") is None  # no weights yet
    (snapshot / "vae" / "model.safetensors").write_bytes(b"")
    assert folders.downloaded("owner/name") == snapshot
