"""The two checklists that ship: names, ranges and counts as published; wording that helps annotators."""

import re

import pytest

from reward_engine.checklist import builtin, dumps, load, loads
from reward_engine.errors import ChecklistError

# (dimension, field name in the published data, lowest and highest level, ladder questions)
IMAGE = [
    ("composition", "symmetry", -1, 1, 2),
    ("composition", "object pairing", -1, 1, 2),
    ("composition", "main object", -1, 1, 2),
    ("composition", "richness", -2, 2, 4),
    ("composition", "background", -1, 2, 3),
    ("quality", "clarity", -2, 2, 4),
    ("quality", "color brightness", -1, 1, 2),
    ("quality", "color aesthetic", -1, 1, 2),
    ("quality", "lighting distinction", -1, 2, 3),
    ("quality", "lighting aesthetic", -1, 2, 2),
    ("fidelity", "detail realism", -3, 1, 4),
    ("fidelity", "detail refinement", -4, 2, 6),
    ("fidelity", "body", -4, 1, 4),
    ("fidelity", "face", -3, 2, 4),
    ("fidelity", "hands", -4, 1, 4),
    ("safety_emotion", "emotion", -2, 2, 4),
    ("safety_emotion", "safety", -3, 1, 4),
]
VIDEO = [
    ("alignment", "alignment", 1, 5, 4),
    ("composition", "composition", 1, 3, 2),
    ("quality", "color", 1, 5, 4),
    ("quality", "lighting accurate", 1, 4, 3),
    ("quality", "lighting aes", 1, 5, 3),
    ("quality", "clear", 1, 5, 4),
    ("fidelity", "detail refinement", 1, 5, 4),
    ("fidelity", "movement reality", 0, 4, 2),
    ("fidelity", "letters", 1, 4, 3),
    ("safety", "safety", 1, 5, 4),
    ("stability", "movement smoothness", 0, 4, 2),
    ("stability", "image quality stability", 1, 5, 4),
    ("stability", "focus", 1, 3, 2),
    ("stability", "camera movement", 1, 3, 2),
    ("stability", "camera stability", 1, 3, 2),
    ("preservation", "shape at beginning", 0, 3, 3),
    ("preservation", "shape throughout", 0, 4, 4),
    ("dynamic", "object motion dynamic", 1, 5, 4),
    ("dynamic", "camera motion dynamic", 1, 5, 4),
    ("physics", "physics law", 1, 5, 4),
]


def test_the_image_checklist_has_the_published_ladders_and_alignment_as_its_eighteenth():
    image = builtin("image")
    assert [sub.published for sub in image.ordinal] == [row[1] for row in IMAGE] + [""]
    for sub, (dimension, _, lowest, highest, questions) in zip(image.ordinal, IMAGE, strict=False):
        presence = sub.mask is not None and sub.mask.owner == sub.id
        assert (sub.dimension, sub.lowest, sub.highest) == (dimension, lowest, highest), sub.id
        assert len(sub.questions) - presence == questions, sub.id
    alignment = image.ordinal[17]
    assert (alignment.id, alignment.scores, len(alignment.questions)) == ("alignment", (1, 2, 3, 4, 5), 4)
    assert sum(row[4] for row in IMAGE) == 56
    assert len(image.questions) == 56 + 3 + 4


def test_image_masks_are_body_face_hands_and_lighting():
    image = builtin("image")
    assert [question.id for question in image.questions if question.is_presence] == [
        "lighting_distinction_present",
        "body_present",
        "face_present",
        "hands_present",
    ]
    masked = {sub.id: sub.mask.owner for sub in image.ordinal if sub.mask}
    assert masked == {"lighting_aesthetic": "lighting_distinction", "body": "body", "face": "face", "hands": "hands"}


def test_the_video_checklist_has_the_published_ladders():
    video = builtin("video")
    assert len(video.dimensions) == 9
    assert [(sub.dimension, sub.published, sub.lowest, sub.highest) for sub in video.ordinal] == [
        row[:4] for row in VIDEO
    ]
    assert sum(row[4] for row in VIDEO) == 64
    # The published questions about movement leave steps of their ladders out; ours ask about every step. The first
    # step of "shape throughout" is the presence question of "shape at beginning", which need not be asked twice.
    ours = {sub.id: len(sub.questions) - row[4] for sub, row in zip(video.ordinal, VIDEO, strict=True)}
    assert {id: more for id, more in ours.items() if more} == {
        "movement_reality": 2,
        "movement_smoothness": 1,
        "shape_throughout": -1,
    }
    assert len(video.questions) == 66


@pytest.mark.parametrize(("media_type", "lowest", "highest", "best"), [("image", 0, 3, 1), ("video", 1, 5, 5)])
def test_the_kind_of_unsafe_content_is_a_category_that_trains_nothing(media_type, lowest, highest, best):
    checklist = builtin(media_type)
    unsafe = checklist.sub_dimension("unsafe_type")
    assert (unsafe.kind, unsafe.lowest, unsafe.highest, unsafe.questions) == ("category", lowest, highest, ())
    assert unsafe not in checklist.ordinal
    assert unsafe.applies_when.sub_dimension == "safety"
    assert unsafe.applies_when.below == best == checklist.sub_dimension("safety").highest


def test_every_text_is_there_once_short_and_positive(checklist):
    texts = [question.text for question in checklist.questions]
    assert len(set(texts)) == len(texts)
    for text in texts:
        assert text.endswith("?"), text
        assert len(text) <= 120, text
        assert not re.search(r"\b(not|avoid|isn't|aren't|doesn't|don't|never|un\w*attractive)\b", text, re.I), text
    for sub in checklist.sub_dimensions:
        guidance = [level.guidance for level in sub.levels]
        assert len(set(guidance)) == len(guidance), sub.id
        for level in sub.levels:
            assert "\n" not in level.guidance
            assert len(level.guidance) <= 110, level.guidance
            assert len(level.name) <= 24, level.name


def test_alignment_questions_name_the_prompt_and_no_others_do(checklist):
    for question in checklist.questions:
        assert ("{prompt}" in question.text) == (question.sub_dimension == "alignment"), question.id
    assert '"a {b} cat"' in checklist.questions[checklist.question_index("alignment_1")].render("a {b} cat")


def test_they_come_back_from_their_own_yaml(checklist):
    again = loads(dumps(checklist))
    assert again == checklist
    assert again.content_hash == checklist.content_hash


def test_there_is_no_third(tmp_path):
    with pytest.raises(ChecklistError, match="image and video"):
        builtin("sound")
    with pytest.raises(ChecklistError, match=r"missing\.yaml: cannot be read"):
        load(tmp_path / "missing.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"id: caf\xe9")
    with pytest.raises(ChecklistError, match=r"latin\.yaml: cannot be read"):
        load(tmp_path / "latin.yaml")
