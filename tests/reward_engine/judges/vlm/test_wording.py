"""In which words a model is asked: the platform's, or the bare published question; and that it is remembered."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.models import FAMILIES
from reward_engine.errors import ArtifactError, JudgeError, TrainingError
from reward_engine.judges.vlm import VLMJudge, VLMOptions, passes, wording
from reward_engine.training.vlm import TrainSettings, train_vlm
from tests.reward_engine.judges.vlm.media import QUESTIONS
from tests.reward_engine.judges.vlm.planted import color_checklist, colored

FEW = TrainSettings(max_steps=1, epochs=9, batch_size=4, accumulate=1, rank=2, evaluate_every=1, wording="published")


@pytest.mark.parametrize("family", FAMILIES)
def test_the_published_prompt_is_the_bare_question(family, judge_of, images):
    """Rendered as the published scorer does it: one user turn with the media and the question, nothing of ours."""
    judge = judge_of(family, wording="published")
    item = images[1]
    processor = judge.encoder.processor
    for text, question in zip(judge.encoder._texts(item, item.prompt, QUESTIONS, 1), QUESTIONS, strict=True):
        bare = question.replace("{prompt}", item.prompt)
        content = [{"type": "image"}, {"type": "text", "text": bare}]
        rendered = processor.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
        )
        assert text == rendered
    ours = judge_of(family).encoder._texts(item, item.prompt, QUESTIONS, 1)[0]
    assert "Look at the image closely. It was made by a generator" in ours
    assert "Look at" not in text


@pytest.mark.parametrize("family", FAMILIES)
def test_published_prompts_are_answered_as_by_the_plain_loop(family, judge_of, images, clips):
    judge = judge_of(family, wording="published")
    items = [*images, *clips]
    encoded = [judge.encoder.encode(item, QUESTIONS) for item in items]
    with torch.inference_mode():
        expected = torch.sigmoid(passes.loop(judge.backbone, encoded)).numpy()
    np.testing.assert_allclose(judge.ask(items, QUESTIONS).p_yes, expected, atol=1e-5)
    assert np.abs(expected - judge_of(family).ask(items, QUESTIONS).p_yes).max() > 1e-3  # it makes a difference


def test_the_wording_is_part_of_the_version(judge_of):
    assert judge_of("llava").version == judge_of("llava", wording="platform").version
    assert judge_of("llava", wording="published").version != judge_of("llava").version
    assert wording.identity("platform") == str(wording.VERSION)  # versions from before there was a choice stay valid
    with pytest.raises(JudgeError, match="no wording"):
        VLMOptions(wording="own")
    with pytest.raises(TrainingError, match="no wording"):
        TrainSettings(wording="own")
    with pytest.raises(JudgeError, match="no wording"):
        wording.chosen("own")


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    return colored(tmp_path_factory.mktemp("planted"), 16)


@pytest.fixture(scope="module")
def trained(model_folder, planted, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained") / "adapter"
    train_vlm(model_folder("llava"), color_checklist(), *planted, out=out, settings=FEW)
    return out


def test_an_adapter_answers_in_the_words_it_was_trained_with(trained, planted, model_folder, tmp_path):
    assert json.loads((trained / "manifest.json").read_text())["wording"] == {"name": "published", "version": 1}
    judge = VLMJudge.load(trained)
    assert judge.options.wording == "published"
    assert "Look at" not in judge.encoder._texts(planted[0][0], "", QUESTIONS, 1)[0]
    assert VLMJudge.load(trained, options=VLMOptions(wording="published")).version == judge.version
    with pytest.raises(JudgeError, match="trained with the wording “published”"):
        VLMJudge.load(trained, options=VLMOptions(wording="platform"))
    more = (model_folder("llava"), color_checklist(), *planted)
    with pytest.raises(ArtifactError, match="cannot go on with “platform”"):
        train_vlm(*more, out=tmp_path / "other", settings=replace(FEW, wording="platform"), start=trained)
    train_vlm(*more, out=tmp_path / "on", settings=replace(FEW, wording="auto"), start=trained)
    assert VLMJudge.load(tmp_path / "on").options.wording == "published"


def test_manifests_from_before_there_was_a_choice_are_read(trained, tmp_path):
    folder = shutil.copytree(trained, tmp_path / "old")
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["wording"]
    path.write_text(json.dumps(manifest))
    assert VLMJudge.load(folder).options.wording == "platform"
    path.write_text(json.dumps(manifest | {"wording": {"name": "published", "version": 2}}))
    with pytest.raises(ArtifactError, match="does not know"):
        VLMJudge.load(folder)
