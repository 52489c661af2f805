"""On the demo content, a judge that learns from the synthetic annotators alone finds the truth on unseen prompts.

Every figure is of held-out prompts: the judge has not seen any version of the photograph it is asked about. The
baseline says, for each sub-dimension, the level that is the truth most often among the very items it is measured on,
so it knows more than anybody could. ``manage.py evaluate`` prints the same comparison for the promoted models.

To be quick, only the sub-dimensions whose truth varies are learned here, and those that decide whether they apply.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from annotator.demo.annotators import SYNTHETIC, answers, assigned
from annotator.demo.content import Version, image_versions, video_versions
from annotator.demo.making import MANIFEST, expected_answer, make, truth_of
from reward_engine.answers import ABSENT, harmonize
from reward_engine.checklist import Checklist, builtin
from reward_engine.evaluation import most_likely_levels
from reward_engine.features import FeatureExtractor, Features, network
from reward_engine.judges.base import MediaInput, MediaType
from reward_engine.training import train_probe

# What the judge looks at: less than on the platform, which is as good here and quicker.
LOOKED_AT = {"image": ("statistics", "match"), "video": ("statistics", "motion", "prompt")}


@pytest.mark.parametrize(
    ("media_type", "versions"), [("image", list(image_versions())), ("video", list(video_versions()))]
)
def test_the_judge_beats_the_majority(
    media_type: MediaType,
    versions: list[Version],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checklist = builtin(media_type)
    rows = [position for position in range(len(versions)) if assigned(position)]
    versions, judged = [versions[row] for row in rows], [assigned(row) for row in rows]
    truth = truths(checklist, versions)
    varied = [column for column in range(len(checklist.ordinal)) if len(set(truth[:, column]) - {ABSENT}) > 1]

    masks = {sub.mask.owner for column in varied if (sub := checklist.ordinal[column]).mask is not None}
    learned = sorted({*varied, *(checklist.ordinal_index(owner) for owner in masks)})
    levels = np.full_like(truth, ABSENT)
    levels[:, learned] = consensus(checklist, versions, judged)[:, learned]
    make(versions, tmp_path, lambda done, total: None)
    media = [
        MediaInput(key=version.name, media_type=media_type, path=tmp_path / row["file"], prompt=version.prompt)
        for version, row in zip(versions, made(tmp_path), strict=True)
    ]
    if "match" not in LOOKED_AT[media_type]:
        monkeypatch.setattr(network, "run_network", seen_by_nobody)
    features = FeatureExtractor(media_type, workers=1).extract(media)
    assert not features.errors
    table = only(features, LOOKED_AT[media_type])
    prompts = [version.prompt for version in versions]
    result = train_probe(checklist, table, levels, prompts, seed=0, validation_folds=3)
    found = most_likely_levels(checklist, np.nan_to_num(result.held_out_p_yes, nan=0.5))

    lines, worse = [], []
    for column in varied:
        known = truth[:, column] != ABSENT
        accuracy = float((found[known, column] == truth[known, column]).mean())
        baseline = float(np.unique(truth[known, column], return_counts=True)[1].max() / known.sum())
        name = checklist.ordinal[column].id
        lines.append(f"{media_type} {name:<24} n {known.sum():>4}  judge {accuracy:.3f}  majority {baseline:.3f}")
        if accuracy <= baseline:
            worse.append(name)
    with capsys.disabled():
        print("", *lines, sep="\n")
    assert len(varied) >= 9
    assert not worse, f"no better than the majority: {', '.join(worse)}"


def seen_by_nobody(pictures: NDArray[np.uint8], threads: int | None) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """In place of the network where nothing of it is looked at: it takes half the time."""
    n = len(pictures)
    alike = np.full((n, network.CLASSES), 1 / network.CLASSES, dtype=np.float32)
    return np.zeros((n, network.WIDTH), dtype=np.float32), alike


def made(folder: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in (folder / MANIFEST).read_text(encoding="utf-8").rstrip("\n").split("\n")]


def truths(checklist: Checklist, versions: Sequence[Version]) -> NDArray[np.int8]:
    levels = np.full((len(versions), len(checklist.ordinal)), ABSENT, dtype=np.int8)
    for row, version in enumerate(versions):
        for id, level in truth_of(version).items():
            levels[row, checklist.ordinal_index(id)] = level
    return levels


def consensus(checklist: Checklist, versions: Sequence[Version], judged: Sequence[tuple[int, ...]]) -> NDArray[np.int8]:
    """The middle answer of those who answered; of two, the lower."""
    levels = []
    for version, who in zip(versions, judged, strict=True):
        given = [answers(checklist, expected_answer(version), SYNTHETIC[index], version.name) for index in who]
        middle = (len(who) - 1) // 2
        levels.append([sorted(one[sub.id] for one in given)[middle] for sub in checklist.ordinal])
    return harmonize(checklist, np.array(levels, dtype=np.int8))


def only(features: Features, looked_at: Sequence[str]) -> tuple[NDArray[np.float32], tuple[str, ...], dict[str, slice]]:
    columns, names, blocks = [], [], {}
    for name in looked_at:
        block = features.blocks[name]
        blocks[name] = slice(len(names), len(names) + block.stop - block.start)
        names += features.names[block]
        columns.append(features.values[:, block])
    return np.concatenate(columns, axis=1), tuple(names), blocks
