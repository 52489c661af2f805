"""The command line reads tables through the same door as imports."""

from pathlib import Path

import pytest

from reward_engine.cli import items, tables
from reward_engine.errors import DataError

CASE = Path(__file__).parents[4] / "shared" / "cases" / "tables" / "ragged.csv"


@pytest.mark.parametrize("text", ["path,prompt\na.png,a,extra,more\n", "path;prompt\na.png;a;extra\n"])
def test_surplus_cells_are_refused_with_their_row(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DataError, match=r"t\.csv, row 1: . cells, but the header has 2 columns"):
        items.read(tmp_path / "t.csv", "image")


def test_the_ragged_table_from_the_field() -> None:
    if not CASE.is_file():
        pytest.skip(f"{CASE} is not here")
    with pytest.raises(DataError, match="row 1"):
        tables.read(CASE)


@pytest.mark.parametrize("codec", ["utf-8", "utf-16", "cp1252"])
def test_what_spreadsheets_write(tmp_path: Path, codec: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").touch()
    (tmp_path / "t.CSV").write_bytes("sep=;\r\nPath;Prompt\r\nin\\a.png;Größe\r\n".encode(codec))
    (item,) = items.read(tmp_path / "t.CSV", "image").items
    assert (item.path, item.prompt) == (tmp_path / "in" / "a.png", "Größe")
    assert ("read as Windows-1252" in capsys.readouterr().err) == (codec == "cp1252")


def test_separators_within_prompts_come_back(tmp_path: Path) -> None:
    rows = [{"key": "1", "prompt": "a\u2028b\u0085c\x1cd"}, {"key": "2", "prompt": "b"}]
    for name in ("t.jsonl", "t.csv"):
        tables.write(tmp_path / name, rows)
        assert tables.read(tmp_path / name)[0] == rows
