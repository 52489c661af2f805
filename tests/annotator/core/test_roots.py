"""Names below the folders that an operator has listed."""

from pathlib import Path

import pytest

from annotator.core.errors import ProblemError
from annotator.core.roots import Roots, folders_where, offer


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    for name in ("one/a", "one/group/b", "two/c", "outside/d"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "mark").touch()
    (tmp_path / "one" / "empty").mkdir()
    return Roots.of([tmp_path / "one", tmp_path / "two"], "SOME_ROOTS")


def named(roots: Roots) -> list[str]:
    return roots.names(folders_where(lambda folder: (folder / "mark").is_file()))


def test_what_lies_below_is_named_and_found(roots: Roots) -> None:
    assert named(roots) == ["a", "c", "group/b"]
    assert roots.find("group/b", "thing") == roots.paths[0] / "group" / "b"
    assert roots.find("c", "thing") == roots.paths[1] / "c"
    assert roots.find("nothing", "thing") is None
    assert roots.find("a" * 5000, "thing") is None


@pytest.mark.parametrize("name", ["", " ", "/etc", "../outside/d", "a/../../outside/d", "a\0b"])
def test_no_name_leads_out(roots: Roots, name: str) -> None:
    with pytest.raises(ProblemError, match="Enter the path below one of") as refused:
        roots.find(name, "thing")
    assert refused.value.details["field"] == "thing"


def test_links_may_point_inside_and_not_out(roots: Roots, tmp_path: Path) -> None:
    (tmp_path / "one" / "away").symlink_to(tmp_path / "outside" / "d")
    (tmp_path / "one" / "near").symlink_to(tmp_path / "two" / "c")
    (tmp_path / "one" / "loop").symlink_to(tmp_path / "one" / "loop")
    assert named(roots) == ["a", "c", "group/b", "near"]
    assert roots.find("near", "thing") == roots.paths[0] / "near"
    assert roots.find("loop", "thing") is None
    assert not roots.hold(tmp_path / "one" / "loop")
    with pytest.raises(ProblemError, match=r"leads outside .* Add its target to SOME_ROOTS"):
        roots.find("away", "thing")


def test_without_a_folder_the_setting_is_named() -> None:
    assert str(Roots.of([], "SOME_ROOTS")) == "any allowed folder (SOME_ROOTS is empty)"
    assert named(Roots.of(["/nowhere/at/all"], "SOME_ROOTS")) == []


def test_what_could_be_named_is_offered() -> None:
    assert offer([]) == "None exists yet."
    assert offer(["a"]) == "Available: “a”."
    assert offer([str(n) for n in range(9)]).endswith("“7” and more.")
