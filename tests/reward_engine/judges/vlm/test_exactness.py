"""Packed answers are the answers of the plain loop, for every family; and the test would notice if they were not."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from benchmarks.models import FAMILIES
from reward_engine.checklist import builtin
from reward_engine.errors import JudgeError
from reward_engine.judges import packing
from reward_engine.judges.vlm import VLMJudge, VLMOptions, passes
from reward_engine.media import decode_image
from tests.reward_engine.judges.vlm.media import QUESTIONS

RECURRENT = ("qwen3_5",)
"""Families whose state depends on the order in memory: answered from the cache, question by question."""

PACKED = [family for family in FAMILIES if family not in RECURRENT]


def p_yes(judge, items, way, **options):
    encoded = [judge.encoder.encode(item, QUESTIONS) for item in items]
    with torch.inference_mode():
        return torch.sigmoid(getattr(passes, way)(judge.backbone, encoded, **options))


@pytest.fixture(scope="module")
def truth(judge_of, images, clips):
    """P(yes) of the loop for images and clips, once a family."""
    known = {}

    def of(family):
        if family not in known:
            known[family] = p_yes(judge_of(family), [*images, *clips], "loop")
        return known[family]

    return of


@pytest.mark.parametrize("family", FAMILIES)
def test_packed_cached_and_training_passes_equal_the_plain_loop(family, judge_of, images, clips, truth):
    judge, expected = judge_of(family), truth(family)
    # Media and questions make a difference, so that agreement says something.
    assert expected.std(0).mean() > 0.01
    assert expected.std(1).mean() > 0.01
    # All in one batch: images of several sizes and clips of several lengths side by side.
    ways = (*judge.ways[:-1], "single") if judge.way == "packed" else judge.ways[:-1]
    assert ways[0] == ("cached" if family in RECURRENT else "packed")
    for way in ways:
        torch.testing.assert_close(p_yes(judge, [*images, *clips], way), expected, rtol=0, atol=1e-5)
    # A small budget asks the questions in several passes behind the same prefix.
    torch.testing.assert_close(p_yes(judge, images[:1], ways[0], budget=30), expected[:1], rtol=0, atol=1e-5)
    torch.testing.assert_close(p_yes(judge, images[:1], "cached", budget=200), expected[:1], rtol=0, atol=1e-5)


@pytest.mark.parametrize("family", ["qwen2_5_vl", "llava"])
def test_eager_attention_takes_the_mask_too(family, judge_of, images, truth):
    eager = judge_of(family, attention="eager")
    torch.testing.assert_close(p_yes(eager, images, "packed"), truth(family)[: len(images)], rtol=0, atol=1e-5)


@pytest.mark.parametrize("family", PACKED)
def test_questions_that_see_each_other_or_start_elsewhere_would_be_noticed(
    family, judge_of, images, truth, monkeypatch
):
    judge, expected = judge_of(family), truth(family)[:2]
    with monkeypatch.context() as patch:
        original = packing.block_mask

        def causal(prefix, packed, *, whole):
            seen = replace(packed, segments=packed.segments.clamp(max=1))  # one long question instead of several
            return original(prefix, seen, whole=whole)

        patch.setattr(passes, "block_mask", causal)
        assert (p_yes(judge, images[:2], "packed") - expected).abs().max() > 1e-3
    with monkeypatch.context() as patch:
        pack = passes.pack

        def onwards(questions, pad_id):
            packed = pack(questions, pad_id)
            return replace(packed, offsets=torch.arange(packed.width).expand_as(packed.offsets))

        patch.setattr(passes, "pack", onwards)
        assert (p_yes(judge, images[:2], "packed") - expected).abs().max() > 1e-3


def test_a_recurrent_state_packed_would_be_noticed(judge_of, images, truth):
    """Why such a family is not packed: its state runs from one question into the next."""
    assert (p_yes(judge_of("qwen3_5"), images[:2], "cached") - truth("qwen3_5")[:2]).abs().max() < 1e-5
    with pytest.raises(JudgeError, match="linear_attention"):
        judge_of("qwen3_5", way="packed")


@pytest.mark.parametrize("family", ["llava", "llava_next"])
@pytest.mark.parametrize("window", [32, 96])
def test_windows_that_no_layer_list_tells_are_answered_from_the_cache(family, window, model_folder, images, tmp_path):
    """Mistral's text model has a window and no list of layers; the window is smaller and larger than the prefix."""
    folder = windowed(family, window, model_folder("llava"), tmp_path)
    judge = VLMJudge.load(folder, checklist=builtin("image"))
    assert judge.way == "cached"
    assert "sliding_attention" in judge.way_reason
    with pytest.raises(JudgeError, match="sliding_attention"):
        VLMJudge.load(folder, checklist=builtin("image"), options=VLMOptions(way="packed"))
    expected = p_yes(judge, images, "loop")
    assert expected.std(0).mean() > 0.01
    np.testing.assert_allclose(judge.ask(images, QUESTIONS).p_yes, expected.numpy(), atol=1e-5)
    assert judge.way == "cached"


def windowed(family, window, llava, tmp_path):
    """LLaVA or LLaVA-NeXT around a Mistral text model with a window, in a folder with LLaVA's tokenizer."""
    folder = Path(shutil.copytree(llava, tmp_path / f"{family}-{window}"))
    (folder / "model.safetensors").unlink()
    config = transformers.LlavaConfig.from_pretrained(llava)
    text = {
        key: value for key, value in config.text_config.to_dict().items() if key not in ("model_type", "layer_types")
    }
    mistral = transformers.MistralConfig(**text, sliding_window=window)
    torch.manual_seed(0)
    if family == "llava":
        config.text_config = mistral
        model = transformers.LlavaForConditionalGeneration(config)
    else:
        side = config.vision_config.image_size
        pinpoints = [[side, 2 * side], [2 * side, side], [2 * side, 2 * side]]
        model = transformers.LlavaNextForConditionalGeneration(
            transformers.LlavaNextConfig(
                vision_config=config.vision_config, text_config=mistral, image_grid_pinpoints=pinpoints,
                image_token_index=config.image_token_index, tie_word_embeddings=False,
            )
        )  # fmt: skip
        edge = {"height": side, "width": side}
        transformers.LlavaNextImageProcessorPil(
            size={"shortest_edge": side}, crop_size=edge, image_grid_pinpoints=pinpoints
        ).save_pretrained(folder)
        said = json.loads((folder / "processor_config.json").read_text())
        (folder / "processor_config.json").write_text(json.dumps(said | {"processor_class": "LlavaNextProcessor"}))
    model.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("family", FAMILIES)
def test_prefix_and_question_are_the_tokens_of_the_whole_text(family, judge_of, images):
    encoder, item = judge_of(family).encoder, images[1]
    encoded = encoder.encode(item, QUESTIONS)
    pictures = [Image.fromarray(decode_image(item.path))]
    texts = encoder._texts(item, item.prompt, QUESTIONS, 1)
    for column, text in enumerate(texts):
        whole = encoder.processor(text=[text], images=pictures, return_tensors="pt")
        assert torch.equal(encoded.alone(column)["input_ids"], whole["input_ids"])
        assert QUESTIONS[column].replace("{prompt}", item.prompt) in text
    assert len({len(question) for question in encoded.questions}) > 1


@pytest.mark.parametrize("family", PACKED)
def test_the_media_tower_runs_once_for_a_batch(family, judge_of, images):
    judge = judge_of(family)
    judge.ask(images[:1], QUESTIONS)  # the first batch is compared with the plain loop as well
    body = judge.backbone.body
    tower = next(getattr(body, name) for name in ("visual", "vision_tower", "vision_model") if hasattr(body, name))
    calls = []
    hook = tower.register_forward_hook(lambda *_: calls.append(1))
    try:
        judge.ask(images, QUESTIONS)
        assert len(calls) == 1
        calls.clear()
        p_yes(judge, images[:2], "loop")
        assert len(calls) == 2 * len(QUESTIONS)
    finally:
        hook.remove()


@pytest.mark.parametrize("family", FAMILIES)
def test_half_precision_ranks_items_alike(family, judge_of, images, truth):
    half = judge_of(family, dtype="bfloat16")
    expected = truth(family)[: len(images)].numpy()
    found = p_yes(half, images, half.way).numpy()
    assert half.backbone.dtype == torch.bfloat16
    # By the mean answer, and where two items are further apart than bfloat16 can tell, by every question.
    order = np.argsort(expected.mean(1))
    gaps = np.diff(np.sort(expected.mean(1)))
    assert gaps.min() > 1e-3, "the items must differ for this test to mean something"
    assert (np.argsort(found.mean(1)) == order).all()
    assert np.abs(found - expected).max() < 0.1
