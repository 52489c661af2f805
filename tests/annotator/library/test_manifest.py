"""Manifests: both formats, columns by other names, and every way in which they go wrong, in words."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotator.core.errors import ProblemError
from annotator.library.manifest import ImportOptions, Row, rows, survey


def read(folder: Path, content: str | bytes, name: str = "manifest.csv", **options: object) -> list[Row]:
    path = folder / "under-another-name"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(rows(path, name, ImportOptions(**options)))  # type: ignore[arg-type]


def test_a_csv_with_further_columns(tmp_path: Path) -> None:
    text = 'file,prompt,generator,generator_parameters,score\na.png,"a ""red"" kite,\nflying",sd,"{""steps"": 3}",4.5\n'
    (row,) = read(tmp_path, text)
    assert row.problem is None
    assert row.number == 1
    assert row.values == {
        "file": "a.png",
        "prompt": 'a "red" kite,\nflying',
        "generator": "sd",
        "generator_parameters": {"steps": 3},
    }
    assert row.extra == {"score": "4.5"}


def test_jsonl_keeps_the_types_of_further_keys(tmp_path: Path) -> None:
    line = {"file": "a.png", "prompt": "p", "generator_parameters": {"steps": 3}, "ratings": [1, 2], "none": None}
    (row,) = read(tmp_path, json.dumps(line) + "\n\n", "m.jsonl")
    assert row.values["generator_parameters"] == {"steps": 3}
    assert row.extra == {"ratings": [1, 2]}
    assert row.values["generator"] == "unknown"


def test_columns_by_other_names(tmp_path: Path) -> None:
    # The column "prompt" holds something else here: it is no longer the field of its name.
    (row,) = read(
        tmp_path, "video_path,caption,prompt\na.mp4,a kite,12\n", columns={"file": "video_path", "prompt": "caption"}
    )
    assert (row.values["file"], row.values["prompt"]) == ("a.mp4", "a kite")
    assert row.extra == {"prompt": "12"}


def test_defaults_are_for_rows_that_say_nothing(tmp_path: Path) -> None:
    text = "file,prompt,generator\na.png,p,\nb.png,p,sd\n"
    first, second = read(tmp_path, text, defaults={"generator": "real", "license": "CC0"})
    assert (first.values["generator"], first.values["license"]) == ("real", "CC0")
    assert (second.values["generator"], second.values["license"]) == ("sd", "CC0")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_what_spreadsheets_write(tmp_path: Path, delimiter: str) -> None:
    text = "\ufeff" + "\r\n".join(
        delimiter.join(cells) for cells in [("file", "prompt"), ("é.png", "a kite"), ("", "")]
    )
    (row,) = read(tmp_path, text)
    assert (row.values["file"], row.values["prompt"]) == ("é.png", "a kite")


def test_columns_in_capitals_and_mapped(tmp_path: Path) -> None:
    (row,) = read(tmp_path, "FILE,Prompt ,Caption,Note\na.png,x,a kite,n\n", columns={"prompt": "caption"})
    assert (row.values["file"], row.values["prompt"]) == ("a.png", "a kite")
    assert row.extra == {"Prompt": "x", "Note": "n"}
    (row,) = read(tmp_path, '{"File": "a.png", "PROMPT": "a kite"}', "m.jsonl")
    assert (row.values["file"], row.values["prompt"]) == ("a.png", "a kite")


@pytest.mark.parametrize(("codec", "guess"), [("cp1252", "Windows-1252"), ("utf-16-le", ""), ("utf-8", "")])
def test_an_encoding_that_was_guessed_is_reported(tmp_path: Path, codec: str, guess: str) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes("file,prompt\na.png,Größe\n".encode(codec))
    assert survey(path, "m.csv", ImportOptions()).guessed_encoding == guess
    (row,) = rows(path, "m.csv", ImportOptions())
    assert row.values["prompt"] == "Größe"


def test_row_numbers_count_blank_lines(tmp_path: Path) -> None:
    assert [row.number for row in read(tmp_path, "file,prompt\na,p\n\nb,p\n")] == [1, 3]
    lines = '{"file": "a", "prompt": "p"}\n\n{"file": "b", "prompt": "p"}'
    assert [row.number for row in read(tmp_path, lines, "m.jsonl")] == [1, 3]


@pytest.mark.parametrize(
    ("content", "name", "code", "words"),
    [
        ("file,prompt,prompt\n", "m.csv", "duplicate_column", "“prompt” twice"),
        ("file,,prompt\n", "m.csv", "unnamed_column", "column 2"),
        ("path,prompt\na,b\n", "m.csv", "missing_column", "no column “file”"),
        ("", "m.csv", "no_header", "empty"),
        ("file,prompt\n", "m.csv", "no_rows", "no rows"),
        ('file,prompt\na,b\nc,"d\n', "m.csv", "bad_csv", "line 3"),
        ("file,prompt\na,b\nc,кот\n".encode("cp1251"), "m.csv", "bad_encoding", "line 3"),
        ("file,prompt\na,b\n".encode("utf-16")[:-1], "m.csv", "bad_encoding", "UTF-16"),
        (b"file,prompt\n" + b"x" * 1_100_000, "m.csv", "too_long_line", "line 2"),
        ("file,prompt\na,b\n", "m.xlsx", "unknown_manifest_type", "CSV"),
    ],
)
def test_a_manifest_that_cannot_be_used(tmp_path: Path, content: str | bytes, name: str, code: str, words: str) -> None:
    path = tmp_path / "it"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ProblemError) as caught:
        survey(path, name, ImportOptions())
    assert caught.value.code == code
    assert words in caught.value.message
    assert name in caught.value.message


@pytest.mark.parametrize(
    ("line", "field", "code"),
    [
        (",p", "file", "missing_file"),
        ("a.png,", "prompt", "missing_prompt"),
        ("a.png,p,x", None, "wrong_cell_count"),
        ("a.png", "prompt", "missing_prompt"),
        ("a.png," + "p" * 10_001, "prompt", "too_long_text"),
        ("a.png,p\0q", "prompt", "bad_character"),
    ],
)
def test_a_bad_csv_row_is_reported_and_the_next_goes_on(
    tmp_path: Path, line: str, field: str | None, code: str
) -> None:
    bad, good = read(tmp_path, f"file,prompt\n{line}\nb.png,p\n")
    assert bad.problem is not None
    if code == "missing_prompt" and line == "a.png":
        code, field = "wrong_cell_count", None
    assert (bad.problem.code, bad.problem.details.get("field")) == (code, field)
    assert "row 1" in bad.problem.message
    assert good.problem is None


@pytest.mark.parametrize(
    ("line", "field", "code"),
    [
        ("{", None, "bad_json"),
        ("[1]", None, "bad_json"),
        ("[" * 100_000, None, "bad_json"),
        ('{"file": "a", "file": "b", "prompt": "p"}', None, "bad_json"),
        ('{"file": "a", "prompt": ["p"]}', "prompt", "not_text"),
        ('{"file": "a", "prompt": "p\\u0000"}', "prompt", "bad_character"),
        ('{"file": "a", "prompt": "\\ud800"}', "prompt", "bad_character"),
        ('{"file": "a", "prompt": "p", "x": 1e999}', "x", "bad_character"),
        ('{"file": "a", "prompt": "p", "x": NaN}', None, "bad_json"),
        ('{"file": "a", "prompt": "p", "generator_parameters": "{"}', "generator_parameters", "bad_json"),
        ('{"file": "a", "prompt": "p", "generator_parameters": [1]}', "generator_parameters", "bad_json"),
        ('{"file": "a", "prompt": "p", "media_type": "sound"}', "media_type", "unknown_media_type"),
        ('{"file": "a", "prompt": "p", "notes": "%s"}' % ("x" * 20_001), "extra", "too_long_text"),
    ],
)
def test_a_bad_json_row_is_reported_and_the_next_goes_on(
    tmp_path: Path, line: str, field: str | None, code: str
) -> None:
    bad, good = read(tmp_path, f'{line}\n{{"file": "b", "prompt": "p"}}\n', "m.jsonl")
    assert bad.problem is not None
    assert (bad.problem.code, bad.problem.details.get("field")) == (code, field)
    assert good.problem is None


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"columns": {"fiel": "x"}}, "unknown_field"),
        ({"defaults": {"color": "x"}}, "unknown_field"),
        ({"defaults": {"file": "x"}}, "default_file"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, dict[str, str]], code: str) -> None:
    with pytest.raises(ProblemError) as caught:
        ImportOptions(**options)  # type: ignore[arg-type]
    assert caught.value.code == code


def test_the_common_folder_of_all_paths(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("file,prompt\ndata/x/a.png,p\n../no.png,p\ndata/xy/b.png,p\n")
    found = survey(path, "m.csv", ImportOptions())
    assert (found.rows, found.common_folder) == (3, ("data",))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda t: f"file,prompt\n{t}".encode())))
@pytest.mark.parametrize("name", ["m.csv", "m.jsonl"])
def test_whatever_the_bytes_there_are_rows_or_a_problem(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / "it"
    path.write_bytes(content)
    try:
        found = list(rows(path, name, ImportOptions()))
    except ProblemError:
        return
    for row in found:
        assert row.problem is not None or (row.values["file"] and row.values["prompt"])
