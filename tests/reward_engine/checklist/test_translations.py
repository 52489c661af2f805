"""Checklists in another language: whole, checked line by line, and still the same checklists."""

from importlib import resources

import pytest

from reward_engine.checklist import builtin, dumps, loads, translated
from reward_engine.checklist.translations import read, texts
from reward_engine.errors import ChecklistError


@pytest.fixture(params=["image", "video"])
def checklist(request):
    return builtin(request.param)


def test_every_text_of_the_built_in_checklists_is_translated(checklist):
    english, chinese = texts(checklist), texts(translated(checklist, "zh-hans"))
    assert chinese.keys() == english.keys()
    assert not [key for key, text in chinese.items() if text.isascii()]
    shipped = resources.files("reward_engine") / "checklists" / f"{checklist.id}.zh-hans.yaml"
    assert read(shipped.read_text(encoding="utf-8"), checklist) == chinese


def test_a_ladder_says_each_of_its_levels_in_different_words(checklist):
    for sub in translated(checklist, "zh-hans").sub_dimensions:
        assert len({level.name for level in sub.levels}) == len(sub.levels), sub.id
        assert len({level.guidance for level in sub.levels}) == len(sub.levels), sub.id
        assert len({question.text for question in sub.questions}) == len(sub.questions), sub.id


def test_what_is_counted_and_stored_stays(checklist):
    chinese = translated(checklist, "zh-hans")
    assert chinese.content_hash == checklist.content_hash
    assert (chinese.id, chinese.version, chinese.media_type) == (checklist.id, checklist.version, checklist.media_type)
    assert [q.id for q in chinese.questions] == [q.id for q in checklist.questions]
    assert [(s.id, s.scores, s.mask, s.applies_when) for s in chinese.sub_dimensions] == [
        (s.id, s.scores, s.mask, s.applies_when) for s in checklist.sub_dimensions
    ]
    assert chinese.question_mask.tolist() == checklist.question_mask.tolist()
    assert chinese.sub_dimension("safety").name == "安全"


def test_the_prompt_stands_in_the_translated_question():
    chinese = translated(builtin("image"), "zh-hans")
    assert "一盏黄铜台灯" in chinese.questions[-1].render("一盏黄铜台灯")


@pytest.mark.parametrize("language", ["en", "xx", "../image", "ZH-HANT"])
def test_without_a_translation_the_checklist_is_as_it_was(checklist, language):
    assert translated(checklist, language) is checklist


def test_capitals_in_the_language_do_not_matter(checklist):
    assert translated(checklist, "zh-Hans") == translated(checklist, "zh-hans")


def test_a_text_that_was_changed_since_stays_as_it_is():
    text = dumps(builtin("image")).replace("name: Hands\n", "name: Hands and paws\n")
    changed = loads(text)
    assert changed.content_hash != builtin("image").content_hash
    chinese = translated(changed, "zh-hans")
    assert chinese.content_hash == changed.content_hash
    hands = chinese.sub_dimension("hands")
    assert (hands.name, hands.levels[0].name) == ("Hands and paws", "没有手")


def test_a_checklist_of_ones_own_is_not_translated(small_text):
    small = loads(small_text)
    assert translated(small, "zh-hans") is small


def test_texts_may_be_missing():
    found = read("sub_dimensions:\n  hands:\n    levels:\n      -4: {name: 没有手}\n", builtin("image"))
    assert found == {("sub_dimensions", "hands", "levels", "-4", "name"): "没有手"}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("name: 图\nsub_dimensions:\n  paws: {name: 爪}\n", r"zh\.yaml, line 3, sub_dimensions\.paws: unknown key"),
        ("dimensions:\n  color: 色\n", r"zh\.yaml, line 2, dimensions\.color: unknown key “color”"),
        ("sub_dimensions:\n  hands:\n    levels:\n      9: {name: 手}\n", r"line 4, .*levels\.9: unknown key “9”"),
        ("sub_dimensions:\n  hands:\n    questions:\n      hands_9: 手？\n", r"line 4, .*hands_9: unknown key"),
        ("sub_dimensions:\n  hands: {title: 手}\n", r"line 2, sub_dimensions\.hands\.title: unknown key “title”"),
        ("name: 图\nname: 片\n", r"line 2, name: the key “name” stands here twice"),
        (
            "sub_dimensions:\n  alignment:\n    questions:\n      alignment_1: 符合提示词吗？\n",
            r"line 4, sub_dimensions\.alignment\.questions\.alignment_1: the placeholder \{prompt\} is missing",
        ),
        (
            'sub_dimensions:\n  alignment:\n    questions:\n      alignment_1: "{prompt}？{prompt}？"\n',
            r"line 4, .*alignment_1: \{prompt\} is not in the English text, or not as often",
        ),
        ("sub_dimensions:\n  hands:\n    name: '手 {count}'\n", r"line 3, .*name: \{count\} is not in the English"),
        ("name: 12\n", r"line 1, name: a text is expected here"),
        ("name: ''\n", r"line 1, name: this text is empty"),
        ("- 手\n", r"zh\.yaml, line 1: a mapping"),
        ("name: [\n", r"zh\.yaml, line 2: this is not valid YAML"),
        ("", r"zh\.yaml: the file is empty"),
    ],
)
def test_what_is_wrong_is_reported_with_file_line_and_key(text, complaint):
    with pytest.raises(ChecklistError, match=complaint):
        read(text, builtin("image"), source="zh.yaml")
