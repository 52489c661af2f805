"""Pairs as files: what is read back is what was mined."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from annotator.campaigns.checklists import checklist_of
from annotator.core.errors import ProblemError
from annotator.jobs.models import Job
from annotator.library import storage
from annotator.library.models import MediaType
from annotator.mpo import exports, queries, services
from annotator.mpo.models import PairSet
from annotator.mpo.queries import pair_sets
from annotator.rewards.models import RewardModel
from tests.factories import make_item, make_reward_model, make_score

pytestmark = pytest.mark.django_db

SOFT = {"answers": "soft"}  # so that any difference of a planted P(yes) counts


@pytest.fixture
def pair_set(reward_model: RewardModel, scored_prompt: Callable, run_now: Callable[[Job], Job]) -> PairSet:
    """Six pairs of two prompts, one of them vetoed."""
    scored_prompt(reward_model, [0.1, 0.5, 0.9], text='=HYPERLINK("x"), “quoted”, 雨\nand a second line')
    scored_prompt(reward_model, [0.2, 0.6, 0.8])
    job = run_now(services.request_pair_mining(reward_model=reward_model, options=SOFT))
    found = PairSet.objects.get(job=job)
    services.set_veto(pair=found.pairs.order_by("pk").first(), vetoed=True, by=None)
    return found


def content(pair_set: PairSet, kind: str) -> bytes:
    return b"".join(exports.export(pair_set, kind)[2])


def test_jsonl_holds_all_that_is_known(pair_set: PairSet) -> None:
    rows = [json.loads(line) for line in content(pair_set, "jsonl").splitlines()]
    pairs = list(pair_set.pairs.filter(vetoed_at__isnull=True).order_by("pk"))
    assert [row["pair"] for row in rows] == [pair.pk for pair in pairs]
    assert len(rows) == 5
    dimensions = [d.id for d in checklist_of(pair_set.reward_model.checklist_version).dimensions]
    for row, pair in zip(rows, pairs, strict=True):
        assert row["prompt"] == pair.prompt.text
        assert row["winner"]["sha256"] == pair.winner.sha256
        assert row["winner"]["path"].endswith(f"/{pair.winner.sha256}.png")
        assert row["winner"]["reward"] - row["loser"]["reward"] == pytest.approx(row["reward_gap"])
        assert list(row["gaps"]) == dimensions
        assert list(row["gaps"].values()) == pair.gap_by_dimension


def test_parquet_and_csv_are_the_same_table(pair_set: PairSet, tmp_path: Path) -> None:
    (tmp_path / "pairs.parquet").write_bytes(content(pair_set, "parquet"))
    table = pd.read_parquet(tmp_path / "pairs.parquet")
    flat = [exports.flat(json.loads(line)) for line in content(pair_set, "jsonl").splitlines()]
    assert table.to_dict("records") == flat
    text = content(pair_set, "csv").decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert list(rows[0]) == list(table.columns)
    assert [float(row["gap_quality"]) for row in rows] == list(table["gap_quality"])
    assert rows[0]["prompt"].startswith("'=HYPERLINK")  # a spreadsheet must not run it
    assert flat[0]["prompt"].startswith("=HYPERLINK")


def test_dpo_rows_have_what_trainers_ask_for(pair_set: PairSet) -> None:
    rows = [json.loads(line) for line in content(pair_set, "dpo").splitlines()]
    assert len(rows) == 5
    assert {"prompt", "chosen", "rejected", "margin"} <= rows[0].keys()
    assert all(row["chosen_reward"] - row["rejected_reward"] == pytest.approx(row["margin"]) for row in rows)


def test_dpo_rows_choose_the_winner_and_reject_the_loser(pair_set: PairSet) -> None:
    rows = [json.loads(line) for line in content(pair_set, "dpo").splitlines()]
    pairs = pair_set.pairs.filter(vetoed_at__isnull=True).order_by("pk")
    for row, pair in zip(rows, pairs, strict=True):
        for side, item in (("chosen", pair.winner), ("rejected", pair.loser)):
            assert row[side].endswith(f"/{item.sha256}.png")
            assert row[f"{side}_sha256"] == item.sha256
        assert row["chosen_reward"] > row["rejected_reward"]


def test_every_chunk_is_sent(pair_set: PairSet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole = content(pair_set, "jsonl")
    monkeypatch.setattr(pair_sets, "CHUNK", 2)
    pieces = list(exports.export(pair_set, "jsonl")[2])
    assert len(pieces) == 3
    assert b"".join(pieces) == whole
    (tmp_path / "pairs.parquet").write_bytes(content(pair_set, "parquet"))
    assert pq.ParquetFile(tmp_path / "pairs.parquet").num_row_groups == 3
    assert len(list(queries.kept_pairs(pair_set))) == 3


def test_a_set_without_pairs_is_an_empty_file(
    reward_model: RewardModel, scored_prompt: Callable, run_now: Callable, tmp_path: Path
) -> None:
    scored_prompt(reward_model, [0.5, 0.5])
    found = PairSet.objects.get(job=run_now(services.request_pair_mining(reward_model=reward_model, options=SOFT)))
    assert content(found, "jsonl") == b""
    (tmp_path / "pairs.parquet").write_bytes(content(found, "parquet"))
    assert len(pd.read_parquet(tmp_path / "pairs.parquet")) == 0


def test_pick_a_pic_holds_the_images_and_their_sides_tell_nothing(
    reward_model: RewardModel, files: Path, run_now: Callable, tmp_path: Path
) -> None:
    items = [make_item(prompt="A lamp", generator="painter") for _ in range(3)]
    for item, value in zip(items, (0.2, 0.5, 0.8), strict=True):
        make_score(reward_model, item, value)
    found = PairSet.objects.get(job=run_now(services.request_pair_mining(reward_model=reward_model, options=SOFT)))
    (tmp_path / "pairs.parquet").write_bytes(content(found, "pickapic"))
    table = pd.read_parquet(tmp_path / "pairs.parquet")
    assert set(table["label_0"]) == {0.0, 1.0}
    for pair, row in zip(found.pairs.order_by("pk"), table.to_dict("records"), strict=True):
        winner = row["jpg_0"] if row["label_0"] == 1 else row["jpg_1"]
        assert row["label_0"] + row["label_1"] == 1
        assert winner == storage.original_path(pair.winner).read_bytes()
        assert row["best_image_uid"] == pair.winner.sha256
        assert row["caption"] == "A lamp"


def test_forms_that_cannot_be_had_are_refused(pair_set: PairSet) -> None:
    with pytest.raises(ProblemError, match="no format “xml”"):
        exports.export(pair_set, "xml")
    videos = PairSet(reward_model=make_reward_model(MediaType.VIDEO), name="x", pk=1)
    with pytest.raises(ProblemError, match="these are pairs of videos"):
        exports.export(videos, "pickapic")
