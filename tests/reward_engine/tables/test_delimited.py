"""Tables as spreadsheets write them, row by row; what does not fit is told and never dropped."""

import io
from pathlib import Path

import pytest

from reward_engine.tables import Delimited, TableError, TableRow, TextLines, column_named, json_lines, objects


def table(text: str) -> Delimited:
    return Delimited(io.StringIO(text, newline=""))


@pytest.mark.parametrize(
    "text",
    [
        "file,prompt\na,a cat\n",
        "file;prompt\r\na;a cat\r\n",
        "file\tprompt\ra\ta cat\r",
        "sep=;\r\nfile;prompt\r\na;a cat",
        '"sep=|"\nfile|prompt\na|a cat',
        "SEP=\t\nfile\tprompt\na\ta cat",
        "file,prompt,,\n\na,a cat,,\n,,,\n",
    ],
)
def test_what_programs_write(text: str) -> None:
    found = table(text)
    assert found.header == ["file", "prompt"]
    assert [row.values for row in found] == [{"file": "a", "prompt": "a cat"}]


@pytest.mark.parametrize("line", ["a,a red, wooden chair", "a", "a,b,,c"])
def test_cells_that_do_not_fit_the_header(line: str) -> None:
    bad, good = table(f"file,prompt\n{line}\nb,a dog\n")
    assert (bad.number, bad.code) == (1, "wrong_cell_count")
    assert "2 columns. A cell with a comma" in bad.problem
    assert good == TableRow(2, {"file": "b", "prompt": "a dog"})


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("", "no_header", None),
        ("sep=;\n", "no_header", None),
        ("a,a\n", "duplicate_column", None),
        ("a,,b\n", "unnamed_column", None),
        ('sep=,\na,b\n1,"2\n', "bad_csv", 3),
    ],
)
def test_a_table_that_cannot_be_read(text: str, code: str, line: int | None) -> None:
    with pytest.raises(TableError) as caught:
        list(table(text))
    assert (caught.value.code, caught.value.line) == (code, line)


def test_columns_by_names_in_capitals() -> None:
    assert column_named("prompt", ["File", "Prompt "]) == "Prompt "
    assert column_named("prompt", ["PROMPT", "prompt"]) == "prompt"
    assert column_named("größe", ["GRÖSSE"]) == "GRÖSSE"
    assert column_named("prompt", ["file"]) is None
    with pytest.raises(TableError, match="“Prompt” and “PROMPT” may both be"):
        column_named("prompt", ["Prompt", "PROMPT"])


ODD = "a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg"


def test_only_line_ends_end_lines(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    line = '{"prompt": "a\u2028b\u2029c\u0085d"}'
    path.write_text(f"{line}\r\n\n{line}\n", encoding="utf-8")
    with TextLines(path) as lines:
        assert [row.values["prompt"] for row in objects(lines)] == ["a\u2028b\u2029c\u0085d"] * 2
    assert json_lines(path.read_text(encoding="utf-8")) == [line, line]
    assert next(iter(table(f"prompt,n\n{ODD},1\n"))).values["prompt"] == ODD


def test_no_json_lines_are_parted_by_what_parts_prompts() -> None:
    root = Path(__file__).parents[3]
    for path in [*root.glob("reward_engine/**/*.py"), *root.glob("annotator/**/*.py")]:
        for line in path.read_text(encoding="utf-8").split("\n"):
            assert not ("json" in line and ".splitlines(" in line), f"{path}: use json_lines()"
