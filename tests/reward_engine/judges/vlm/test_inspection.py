"""What a base model's check finds: what it is, what it needs, and that quick answers are right ones."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from benchmarks.models import FAMILIES
from reward_engine.checklist import builtin
from reward_engine.errors import ArtifactError, JudgeError
from reward_engine.judges.vlm import VLMJudge, VLMOptions, inspect_base, inspection, passes


@pytest.mark.parametrize("family", FAMILIES)
def test_a_base_model_is_described_and_compared_with_the_loop(family, model_folder):
    folder, checklist = model_folder(family), builtin("image")
    seen = []
    report = inspect_base(folder, checklist=checklist, progress=lambda done, total: seen.append((done, total)))
    tensors = load_file(folder / "model.safetensors").values()
    assert report.parameters == sum(tensor.numel() for tensor in tensors)
    assert report.weights_bytes >= 4 * report.parameters
    assert report.memory_bytes > report.weights_bytes
    assert (report.family, report.dtype, report.device, report.tested) == (family, "float32", "cpu", True)
    assert report.model_class.endswith("ForConditionalGeneration")
    assert report.way == ("cached" if family == "qwen3_5" else "packed")
    assert report.ways[-1] == "loop"
    assert report.largest_difference < 1e-5
    assert (report.probe_items, report.probe_questions) == (2, inspection.QUESTIONS)
    assert report.digest == VLMJudge.load(folder, checklist=checklist).digest
    assert json.loads(json.dumps(report.to_json()))["ways"] == list(report.ways)
    assert seen[0] == (0, 4)
    assert seen[-1] == (4, 4)


def test_a_base_model_for_videos_is_shown_clips(model_folder):
    report = inspect_base(model_folder("qwen2_5_vl"), checklist=builtin("video"))
    assert report.media_type == "video"
    assert report.way == "packed"
    assert report.largest_difference < 1e-5


def test_a_way_that_answers_differently_is_not_taken(model_folder, monkeypatch):
    original = passes.PASSES["packed"]
    wrong = lambda *arguments, **options: original(*arguments, **options) + 1.0  # noqa: E731
    monkeypatch.setitem(passes.PASSES, "packed", wrong)
    report = inspect_base(model_folder("llava"), checklist=builtin("image"))
    assert report.ways == ("cached", "loop")
    assert "packed (its answers differ by" in report.way_reason
    with pytest.raises(JudgeError, match="way asked for"):
        inspect_base(model_folder("llava"), checklist=builtin("image"), options=VLMOptions(way="packed"))

    def broken(*_, **__):
        raise TypeError("no such keyword")

    for way in ("packed", "cached"):
        monkeypatch.setitem(passes.PASSES, way, broken)
    report = inspect_base(model_folder("llava"), checklist=builtin("image"))
    assert report.ways == ("loop",)
    assert "TypeError: no such keyword" in report.way_reason
    monkeypatch.setitem(passes.PASSES, "loop", broken)
    with pytest.raises(JudgeError, match="even the plainest way"):
        inspect_base(model_folder("llava"), checklist=builtin("image"))


def test_memory_grows_with_the_batch_and_the_model(model_folder):
    folder, checklist = model_folder("llava"), builtin("image")
    small = inspect_base(folder, checklist=checklist, options=VLMOptions(token_budget=500))
    large = inspect_base(folder, checklist=checklist)
    half = inspect_base(folder, checklist=checklist, options=VLMOptions(dtype="bfloat16"))
    assert small.weights_bytes == large.weights_bytes
    assert small.memory_bytes < large.memory_bytes
    assert half.dtype == "bfloat16"
    assert half.memory_bytes < large.memory_bytes


def test_what_is_no_base_model_is_refused(model_folder, tmp_path):
    checklist = builtin("image")
    with pytest.raises(ArtifactError, match="no such folder"):
        inspect_base(tmp_path / "nowhere", checklist=checklist)
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "manifest.json").write_text("{}")
    with pytest.raises(ArtifactError, match="adapter and no base model"):
        inspect_base(tmp_path / "adapter", checklist=checklist)
    folder = shutil.copytree(model_folder("llava"), tmp_path / "spoilt")
    tensors = load_file(folder / "model.safetensors")
    head = next(name for name in tensors if name.endswith("lm_head.weight"))
    tensors[head] = torch.full_like(tensors[head], float("nan"))
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(JudgeError, match="no numbers"):
        inspect_base(folder, checklist=checklist)
    del tensors[head]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ArtifactError, match=r"missing from its files \(lm_head\.weight\)"):
        inspect_base(folder, checklist=checklist)
