"""Whatever is wrong with a file is told by file, line and key."""

import pytest

from reward_engine.checklist import load, loads
from reward_engine.errors import ChecklistError


def at(key, levels="levels"):
    """The key path of a sub-dimension's level, as messages write it."""
    return f"dimensions[{key[0]}].sub_dimensions[{key[1]}].{levels}"


# (what stands in the file, what stands there instead, line of the complaint, key of the complaint, its words)
MISTAKES = {
    "unknown key at the top": ("version: 1\n", "version: 1\ncolor: red\n", 5, "color", "unknown key “color”"),
    "unknown key of a sub-dimension": (
        '        description: "How sharp it is."',
        '        descripton: "How sharp it is."',
        12,
        "dimensions[0].sub_dimensions[0].descripton",
        "unknown key “descripton”. Known here: applies_when, description,",
    ),
    "unknown key of a level": (
        '            name: "Clear"',
        '            nam: "Clear"',
        16,
        at((0, 0)) + "[1].nam",
        "unknown key “nam”",
    ),
    "unknown key of a question": (
        '{id: clarity_1, text: "Is it clear?"}',
        '{id: clarity_1, words: "Is it clear?"}',
        18,
        at((0, 0)) + "[1].question.words",
        "unknown key “words”",
    ),
    "missing key": ("name: Small\n", "", 1, "", "the key “name” is missing"),
    "missing key of a level": (
        '            guidance: "Easy to see."\n',
        "",
        15,
        at((0, 0)) + "[1]",
        "the key “guidance” is missing",
    ),
    "key twice": ("media_type: image", "media_type: image\nmedia_type: video", 3, "media_type", "stands here twice"),
    "sub-dimension twice": (
        "      - id: lighting\n",
        "      - id: clarity\n",
        23,
        "dimensions[0].sub_dimensions[1].id",
        "the sub-dimension “clarity” is there twice; first on line 9",
    ),
    "dimension twice": (
        "  - id: content",
        "  - id: look",
        43,
        "dimensions[1].id",
        "the dimension “look” is there twice",
    ),
    "question twice": (
        "id: clarity_2,",
        "id: clarity_1,",
        22,
        at((0, 0)) + "[2].question.id",
        "the question “clarity_1” is there twice; first on line 18",
    ),
    "gap in the levels": (
        '          - score: 1\n            name: "Very clear"',
        '          - score: 2\n            name: "Very clear"',
        19,
        at((0, 0)) + "[2].score",
        "0 is followed by 2, 1 is expected",
    ),
    "levels that descend": (
        '{score: -1, name: "Blurry"',
        '{score: 3, name: "Blurry"',
        15,
        at((0, 0)) + "[1].score",
        "the levels must ascend by 1",
    ),
    "level out of range": ("{score: -1, name", "{score: -129, name", 14, at((0, 0)) + "[0].score", "outside −127..127"),
    "one level only": (
        '          - {score: 1, name: "Other", guidance: "All else."}\n',
        "",
        75,
        at((1, 2)),
        "at least two levels",
    ),
    "step without a question": (
        '            question: {id: safety_1, text: "Is it safe?"}\n',
        "",
        65,
        at((1, 1)) + "[1]",
        "the level 2 has no question that separates it from 1",
    ),
    "question on the lowest level": (
        '{score: 0, name: "None", guidance: "No hands."}',
        '{score: 0, name: "None", guidance: "No hands.", question: {id: x, text: "X?"}}',
        51,
        at((1, 0)) + "[0].question",
        "the lowest level has nothing below it",
    ),
    "question on a masked step": (
        '{score: 1, name: "Plain", guidance: "Light only."}',
        '{score: 1, name: "Plain", guidance: "Light only.", question: {id: x, text: "X?"}}',
        38,
        at((0, 2)) + "[1].question",
        "answered by the presence question",
    ),
    "question of a category": (
        'guidance: "All else."}',
        'guidance: "All else.", question: {id: x, text: "X?"}}',
        76,
        at((1, 2)) + "[1].question",
        "a category has no questions",
    ),
    "mask that points nowhere": (
        "masked_by: lighting",
        "masked_by: lihgting",
        35,
        "dimensions[0].sub_dimensions[2].masked_by",
        "the mask points to “lihgting”, and there is no sub-dimension with this id",
    ),
    "mask that points to a category": (
        "masked_by: lighting",
        "masked_by: unsafe_type",
        35,
        "dimensions[0].sub_dimensions[2].masked_by",
        "there is no sub-dimension with this id",
    ),
    "mask that points to itself": (
        "masked_by: lighting",
        "masked_by: lighting_beauty",
        35,
        "dimensions[0].sub_dimensions[2].masked_by",
        "cannot be masked by itself",
    ),
    "two masks": (
        "        presence: true",
        "        presence: true\n        masked_by: lighting",
        50,
        "dimensions[1].sub_dimensions[0].masked_by",
        "not both",
    ),
    "masked category": (
        "        kind: category",
        "        kind: category\n        presence: true",
        73,
        "dimensions[1].sub_dimensions[2].presence",
        "a category has no questions that could be masked",
    ),
    "condition on nothing": (
        "{sub_dimension: safety, below: 2}",
        "{sub_dimension: danger, below: 2}",
        73,
        "dimensions[1].sub_dimensions[2].applies_when",
        "there is no ordinal sub-dimension “danger”",
    ),
    "condition that is never true": (
        "{sub_dimension: safety, below: 2}",
        "{sub_dimension: safety, below: 1}",
        73,
        "dimensions[1].sub_dimensions[2].applies_when",
        "no level below 1",
    ),
    "condition of a ladder": (
        '        description: "Who may see it."',
        '        description: "Who may see it."\n        applies_when: {sub_dimension: clarity, below: 1}',
        63,
        "dimensions[1].sub_dimensions[1].applies_when",
        "use masked_by for a sub-dimension with questions",
    ),
    "kind of nothing": (
        "kind: category",
        "kind: categories",
        72,
        "dimensions[1].sub_dimensions[2].kind",
        "neither ordinal nor category",
    ),
    "another medium": ("media_type: image", "media_type: sound", 2, "media_type", "neither image nor video"),
    "version nought": ("version: 1", "version: 0", 4, "version", "versions count from 1"),
    "number where a text belongs": ("name: Small", "name: 3", 3, "name", "a text is expected here. Put it into quotes"),
    "date where a text belongs": ("name: Small", "name: 2001-13-45", 3, "name", "no plain text"),
    "text where a number belongs": ("version: 1", "version: one", 4, "version", "a whole number is expected"),
    "boolean where a number belongs": ("version: 1", "version: true", 4, "version", "a whole number is expected"),
    "number where a boolean belongs": (
        "presence: true",
        "presence: 1",
        49,
        "dimensions[1].sub_dimensions[0].presence",
        "true or false is expected",
    ),
    "list where a text belongs": ("name: Small", "name: [Small]", 3, "name", "a text is expected"),
    "empty text": ('"Is it clear?"', '"  "', 18, at((0, 0)) + "[1].question.text", "this text is empty"),
    "id with a blank": ("id: small", "id: Small one", 1, "id", "no identifier"),
    "placeholder that is misspelled": (
        "{prompt}",
        "{promt}",
        59,
        at((1, 0)) + "[2].question.text",
        "“{promt}” stands for nothing; the only placeholder is {prompt}",
    ),
    "object from Python": ("name: Small", "name: !!python/name:os.system x", 3, "name", "no plain text"),
    "no YAML": ("id: small", "id: [small", 2, "", "this is not valid YAML"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_reported_by_file_line_and_key(mistake, small_text, tmp_path):
    right, wrong, line, key, words = MISTAKES[mistake]
    assert small_text.count(right) == 1, "the example must stand in the file once"
    path = tmp_path / "mine.yaml"
    path.write_text(small_text.replace(right, wrong), encoding="utf-8")
    with pytest.raises(ChecklistError) as found:
        load(path)
    start = f"{path}, line {line}, {key}: " if key else f"{path}, line {line}: "
    assert str(found.value).startswith(start), found.value
    assert words in str(found.value)


def test_a_mask_behind_a_mask_is_refused(small_text):
    hidden = small_text.replace("presence: true", "masked_by: lighting").replace(
        '            question: {id: hands_present, text: "Are there hands?"}\n', ""
    )
    assert loads(hidden).sub_dimension("hands").mask.owner == "lighting"
    with pytest.raises(
        ChecklistError, match=r"line 35, .*masked_by: the mask points to “hands”, which is itself masked"
    ):
        loads(hidden.replace("masked_by: lighting", "masked_by: hands", 1))


def test_the_file_without_mistakes_loads(small_text):
    small = loads(small_text)
    assert [sub.id for sub in small.ordinal] == ["clarity", "lighting", "lighting_beauty", "hands", "safety"]
    assert [question.id for question in small.questions if question.is_presence] == [
        "lighting_present",
        "hands_present",
    ]
    assert small.question_mask.tolist() == [-1, -1, -1, 2, -1, 4, -1]
    assert small.question_dimension.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert [sub.id for sub in small.dependents("lighting")] == ["lighting_beauty"]


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n"])
def test_an_empty_file_is_refused(text):
    with pytest.raises(ChecklistError, match=r"mine\.yaml: the file is empty"):
        loads(text, source="mine.yaml")


@pytest.mark.parametrize("text", ["- a\n- b\n", "just a text", "id: [1, 2]\n---\nid: two\n"])
def test_a_file_of_another_form_is_refused(text):
    with pytest.raises(ChecklistError, match=r"mine\.yaml, line \d"):
        loads(text, source="mine.yaml")


def test_unknown_names_are_refused_by_name(small_text):
    small = loads(small_text)
    for ask in (small.sub_dimension, small.question_index, small.ordinal_index):
        with pytest.raises(ChecklistError, match=r"“Small” has no .*“nothing”"):
            ask("nothing")
    with pytest.raises(ChecklistError, match="has no ordinal sub-dimension"):
        small.ordinal_index("unsafe_type")
    with pytest.raises(ChecklistError, match="“Clarity” has no level 2; its levels are -1 to 1"):
        small.sub_dimension("clarity").level(2)
