"""Checkpoints that are not whole, or not what they say, are refused by name before they answer anything."""

import copy
import json
import shutil
from dataclasses import replace

import numpy as np
import peft
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from reward_engine.checklist import builtin
from reward_engine.errors import ArtifactError, JudgeError
from reward_engine.judges.vlm import VLMJudge, adapter

WEIGHTS = "model.safetensors"


@pytest.fixture
def folder(model_folder, tmp_path):
    """A copy of a tiny Qwen2-VL that a test may spoil."""
    return shutil.copytree(model_folder("qwen2_vl"), tmp_path / "model")


def refused(folder, kind=ArtifactError):
    with pytest.raises(kind) as found:
        VLMJudge.load(folder, checklist=builtin("video"))
    return found.value


def changed(folder, change):
    tensors = load_file(folder / WEIGHTS)
    change(tensors)
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})


def settings(folder, file="config.json", **more):
    path = folder / file
    said = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(said | more))


def test_missing_tensors_are_not_made_up(folder):
    dropped = []

    def drop(tensors):
        dropped.extend(sorted(tensors)[5:18])
        for name in dropped:
            del tensors[name]

    changed(folder, drop)
    error = refused(folder)
    assert error.code == "missing_tensors"
    assert "13 tensors" in error.message
    assert "and 10 more" in error.message
    assert any(name.rpartition("layers")[2] in error.message for name in dropped)


def test_tensors_of_another_shape_are_refused(folder):
    changed(folder, lambda tensors: tensors.update({"lm_head.weight": torch.zeros(7, 32)}))
    error = refused(folder)
    assert error.code == "mismatched_tensors"
    assert "lm_head.weight: (7, 32) instead of" in error.message


def test_tensors_without_a_place_are_refused(folder):
    changed(folder, lambda tensors: tensors.update({"model.extra_layer.weight": torch.zeros(3)}))
    error = refused(folder)
    assert error.code == "unexpected_tensors"
    assert "extra_layer" in error.message


@pytest.mark.parametrize("left", [0, 4, 100, -1000])
def test_weights_that_are_cut_off_are_refused(folder, left):
    whole = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(whole[:left])
    error = refused(folder)
    assert error.code == "weights"
    assert "cut off or damaged" in error.message


def test_a_part_of_a_divided_model_that_is_missing_is_named(folder):
    index = {"weight_map": {"a": WEIGHTS, "b": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    error = refused(folder)
    assert error.code == "missing"
    assert "model-00002-of-00002.safetensors" in error.message
    (folder / "model.safetensors.index.json").write_text("[]")
    assert "index.json cannot be read" in refused(folder).message


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json", "preprocessor_config.json"])
def test_code_of_the_checkpoints_own_is_refused_as_policy(folder, file):
    settings(folder, file, auto_map={"AutoConfig": "configuration_own.OwnConfig"})
    (folder / "configuration_own.py").write_text("raise SystemExit('it was run')")
    error = refused(folder)
    assert error.code == "own_code"
    assert file in error.message
    assert "policy" in error.message
    assert "-hf" in error.message  # what to do instead


def test_a_model_that_only_its_own_code_knows_is_refused(folder):
    settings(folder, model_type="own_type", auto_map={"AutoConfig": "configuration_own.OwnConfig"})
    assert refused(folder).code == "own_code"


def test_a_model_without_an_image_processor_is_refused(folder):
    (folder / "preprocessor_config.json").unlink()
    error = refused(folder, JudgeError)
    assert error.code == "image_processor"
    assert "preprocessor_config.json" in error.message


def test_paligemma_is_refused_before_it_fails_every_item(folder):
    config = transformers.PaliGemmaConfig()
    (folder / "config.json").write_text(json.dumps({"model_type": config.model_type}))
    assert "PaliGemma looks at its prompt in both directions" in refused(folder, JudgeError).message


def test_a_family_that_needs_torchvision_is_informed_what_to_install(folder, monkeypatch):
    class Placeholder:
        is_dummy = True

    monkeypatch.setattr(transformers, "Qwen2VLProcessor", Placeholder)
    error = refused(folder, JudgeError)
    assert error.code == "package"
    assert "Install the release that belongs to torch 2." in error.message


@pytest.mark.parametrize("spoilt", ["missing", "shape", "more"])
def test_adapters_with_other_matrices_than_they_say_are_refused(spoilt, judge_of):
    judge = judge_of("llava")
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 2, "target_modules": ["q_proj"]}
    model = peft.get_peft_model(copy.deepcopy(judge.backbone.model), peft.LoraConfig(r=2, target_modules=["q_proj"]))
    weights = dict(peft.get_peft_model_state_dict(model))
    first = sorted(weights)[0]
    if spoilt == "missing":
        del weights[first]
    elif spoilt == "shape":
        weights[first] = torch.zeros(5, 5)
    else:
        weights["base_model.model.elsewhere.lora_A.weight"] = torch.zeros(2, 2)
    mine = adapter.Adapter(
        "tuned", builtin("video"), "llava", judge.digest, None, config, weights, "digest", {}, np.zeros(0)
    )
    backbone = replace(judge.backbone, model=copy.deepcopy(judge.backbone.model))
    with pytest.raises(
        ArtifactError, match={"missing": "missing", "shape": "shape", "more": "no place"}[spoilt]
    ) as error:
        adapter.apply(backbone, mine, quantized=False)
    assert error.value.code == "tensors"
    assert ("elsewhere" if spoilt == "more" else first) in error.value.message
