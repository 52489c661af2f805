"""Packed answers are the answers of the plain loop, for every family; and the test would notice if they were not."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.models import FAMILIES
from reward_engine.judges import packing
from reward_engine.judges.vlm import passes
from reward_engine.media import decode_image
from tests.reward_engine.judges.vlm.media import QUESTIONS


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
    for way in ("packed", "cached", "single"):
        torch.testing.assert_close(p_yes(judge, [*images, *clips], way), expected, rtol=0, atol=1e-5)
    # A small budget asks the questions in several passes behind the same prefix.
    torch.testing.assert_close(p_yes(judge, images[:1], "packed", budget=30), expected[:1], rtol=0, atol=1e-5)
    torch.testing.assert_close(p_yes(judge, images[:1], "cached", budget=200), expected[:1], rtol=0, atol=1e-5)


@pytest.mark.parametrize("family", ["qwen2_5_vl", "llava"])
def test_eager_attention_takes_the_mask_too(family, judge_of, images, truth):
    eager = judge_of(family, attention="eager")
    torch.testing.assert_close(p_yes(eager, images, "packed"), truth(family)[: len(images)], rtol=0, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
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


@pytest.mark.parametrize("family", FAMILIES)
def test_the_media_tower_runs_once_for_a_batch(family, judge_of, images):
    judge = judge_of(family)
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
    found = p_yes(half, images, "packed").numpy()
    assert half.backbone.dtype == torch.bfloat16
    # By the mean answer, and where two items are further apart than bfloat16 can tell, by every question.
    order = np.argsort(expected.mean(1))
    gaps = np.diff(np.sort(expected.mean(1)))
    assert gaps.min() > 1e-3, "the items must differ for this test to mean something"
    assert (np.argsort(found.mean(1)) == order).all()
    assert np.abs(found - expected).max() < 0.1
