"""Docstrings are in one form: a short first sentence, then details, then sections in Google style."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# "About ten" words; names of the code and what a sentence says of units count as well.
MOST_WORDS = 14
SECTIONS = ("Args", "Attributes", "Returns", "Yields", "Raises")  # in this order

Documented = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_HEADING = re.compile(r"^([A-Z][a-z]+):$", re.MULTILINE)
_ENTRY = re.compile(r"^    (\*{0,2}[\w.]+)(?: \([^)]*\))?: \S", re.MULTILINE)
_ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|vs|et al|eq)\.")
_FIELD = re.compile(r"^\s*:(?:param|type|raises?|returns?|rtype)\b", re.MULTILINE)
_PROSE_ARGUMENT = re.compile(r"(?:^|[.;:] )``(\w+)``(?: [^:.;]{0,60})?:(?= )")
_PROSE_RAISES = re.compile(r"(?:^|[.;] )Raises? (?::class:|[A-Z]\w*(?:Error|DoesNotExist)\b)")


def files(*parts: str) -> list[Path]:
    found = [path for part in parts for path in sorted(ROOT.glob(part)) if "migrations" not in path.parts]
    assert found
    return found


ENGINE = files("reward_engine/**/*.py")
ACTS = files(*(f"annotator/*/{name}" for name in ("services.py", "queries.py", "services/**/*.py", "queries/**/*.py")))
EVERYTHING = files("reward_engine/**/*.py", "annotator/**/*.py")


def names(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, Documented]]:
    """Every function and class in it, by its dotted name."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Documented):
            yield prefix + node.name, node
            yield from names(node, f"{prefix}{node.name}.")
        else:
            yield from names(node, prefix)


def is_public(name: str) -> bool:
    return not any(part.startswith("_") for part in name.split("."))


def first_sentence(doc: str) -> str:
    plain = _ABBREVIATION.sub(lambda found: found[0].replace(".", ""), re.sub(r"\s+", " ", doc.split("\n\n")[0]))
    end = re.search(r"[.!?](?= |$)", plain)
    return plain[: end.end()] if end else plain


def words(sentence: str) -> int:
    return len(re.findall(r"[\w'’/.-]*\w[\w'’/.-]*", sentence))


def taken(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """The names of its arguments."""
    given = function.args
    every = (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg)
    return {one.arg for one in every if one}


def faults(node: Documented, doc: str) -> list[str]:
    """What is not in the one form."""
    found = []
    if _FIELD.search(doc):
        found.append("fields (:param …:) instead of sections")
    headings = _HEADING.findall(doc)
    if unknown := [heading for heading in headings if heading not in SECTIONS]:
        found.append(f"no such section: {', '.join(unknown)}")
    elif headings != sorted(set(headings), key=SECTIONS.index):
        found.append("sections twice or in another order")
    prose, *sections = re.split(r"^(?=[A-Z][a-z]+:$)", doc, flags=re.MULTILINE)
    flat = re.sub(r"\s+", " ", prose)
    if _PROSE_RAISES.search(flat):
        found.append("errors in prose instead of under Raises:")
    arguments = set() if isinstance(node, ast.ClassDef) else taken(node)
    if told := [name for name in _PROSE_ARGUMENT.findall(flat) if name in arguments]:
        found.append(f"arguments in prose instead of under Args: {', '.join(told)}")
    for section in sections:
        title = section.split(":")[0]
        entries = [entry.lstrip("*") for entry in _ENTRY.findall(section)]
        if not section.partition("\n")[2].startswith("    "):
            found.append(f"{title}: is empty or not indented")
        elif title in ("Args", "Raises") and not entries:
            found.append(f"{title}: has no “name: what”")
        if title == "Args" and (strangers := sorted({*entries} - arguments)):
            found.append(f"Args: names no argument: {', '.join(strangers)}")
    return found


def documented(paths: list[Path]) -> Iterator[tuple[str, Documented, str | None]]:
    for path in paths:
        for name, node in names(ast.parse(path.read_text())):
            yield f"{path.relative_to(ROOT)}:{node.lineno} {name}", node, ast.get_docstring(node)


@pytest.mark.parametrize("paths", [ENGINE, ACTS], ids=["engine", "services and queries"])
def test_public_functions_and_classes_say_what_they_do(paths: list[Path]) -> None:
    silent = [
        f"{place} has no docstring"
        for place, _node, doc in documented(paths)
        if is_public(name := place.split(" ")[1]) and "." not in name and not doc
    ]
    assert not silent, "\n".join(silent)


@pytest.mark.parametrize("paths", [ENGINE, ACTS], ids=["engine", "services and queries"])
def test_the_first_sentence_is_short(paths: list[Path]) -> None:
    long = [
        f"{place}: {words(sentence)} words: {sentence}"
        for place, _node, doc in documented(paths)
        if doc and is_public(place.split(" ")[1]) and words(sentence := first_sentence(doc)) > MOST_WORDS
    ]
    assert not long, "\n".join(long)


def test_no_docstring_mixes_forms() -> None:
    wrong = [f"{place}: {fault}" for place, node, doc in documented(EVERYTHING) if doc for fault in faults(node, doc)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("doc", "fault"),
    [
        ("Do it.\n\n:param x: one", "fields"),
        ("Do it.\n\nRaises DataError where it cannot be done.", "prose"),
        ("Do it. Raises\nDataError where it cannot be done.", "prose"),
        ("Do it.\n\n``x`` float [n]: one.", "arguments in prose"),
        ("Do it; ``x``: one.", "arguments in prose"),
        ("Do it.\n\nParameters:\n    x: One.", "no such section"),
        ("Do it.\n\nRaises:\n    DataError: No.\n\nArgs:\n    x: One.", "order"),
        ("Do it.\n\nArgs:\n    y: One.", "no argument: y"),
        ("Do it.\n\nRaises:\n    It cannot be done.", "no “name"),
        ("Do it.\n\nArgs:\nx: One.", "not indented"),
    ],
)
def test_the_check_finds_other_forms(doc: str, fault: str) -> None:
    (function,) = ast.parse("def do(x): ...").body
    assert isinstance(function, ast.FunctionDef)
    assert any(fault in found for found in faults(function, doc))
    assert not faults(function, "Do it.\n\nArgs:\n    x: One.\n\nRaises:\n    DataError: If it cannot be done.")
