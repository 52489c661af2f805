"""Names, texts and docs are spelled the American way, so that nobody has to guess a field of the API."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("annotator", "benchmarks", "deploy", "docs", "reward_engine", "scripts", "static", "templates", "tests")
TEXTS = {"", ".css", ".html", ".js", ".json", ".md", ".po", ".py", ".toml", ".txt", ".yaml", ".yml"}
# Class names as published, scripts of others, and this list.
LEFT_OUT = ("imagenet_labels.txt", "static/vendor", "test_spelling.py", "reward-engine-reference.md")
BRITISH = re.compile(
    r"licence|colour|behaviour|neighbour|favour|\bgrey|centre|cancell(?:ed|ing)\b|catalogue|judgement|analys(?:e[ds]?|ing)\b|"
    r"labell(?:ed(?!by)|ing)|modell(?:ed|ing)|learnt|artefact|"
    r"(?:harmon|initial|linear|maxim|minim|normal|optim|organ|penal|quant|recogn|regular|standard|summar|token|util|vector)"
    r"is(?:e[ds]?|ing|ation|er)\b",
    re.IGNORECASE,
)


def files() -> list[Path]:
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    found += [path for path in ROOT.glob("*") if path.is_file()]
    return [path for path in found if path.suffix in TEXTS and not any(part in str(path) for part in LEFT_OUT)]


@pytest.mark.parametrize("word", ["licence", "over_optimised", "cancelled", "Normalised", "GREY", "noise_colour"])
def test_british_spelling_is_seen(word: str) -> None:
    assert BRITISH.search(word)


def test_everything_is_spelled_the_american_way() -> None:
    found = []
    for path in files():
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="ignore").splitlines(), 1):
            if match := BRITISH.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {match[0]}")
    assert len(files()) > 500
    assert not found, "; ".join(found[:20])
