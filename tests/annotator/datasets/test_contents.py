"""What is exported is what was judged: files are read back as their users would."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

from annotator.accounts.models import User
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Assignment, Campaign, CampaignItem
from annotator.campaigns.queries import judgment_levels
from annotator.datasets import rows
from annotator.datasets.models import DatasetVersion
from annotator.trust.consensus import majority
from annotator.trust.queries import consensus_of
from annotator.trust.services import adjudicate
from reward_engine import WRITTEN_BY
from reward_engine.answers import ABSENT, to_levels
from reward_engine.checklist import loads
from tests.factories import make_annotated_campaign

pytestmark = pytest.mark.django_db

Export = Callable[..., DatasetVersion]


def levels_of(column: "pd.Series[dict]", ids: list[str]) -> np.ndarray:
    """int8 [n, s] of a column of structs; ABSENT where a level is missing."""
    return np.array([[ABSENT if row[id] is None or row[id] != row[id] else row[id] for id in ids] for row in column])


@pytest.mark.parametrize("media_type", ["image", "video"])
def test_answers_turn_back_into_the_levels_that_were_given(
    media_type: str, files: Path, studio_items: Callable, people: list[User], exported: Export
) -> None:
    campaign = make_annotated_campaign(studio_items(5, media_type), people, error_rate=0.6, seed=5)
    version = exported(campaign)
    checklist = loads((version.folder / "checklist.yaml").read_text(), source="export")
    table = judgment_levels([campaign])
    frame = pd.read_parquet(version.folder / "annotations.parquet")
    assert list(frame["annotation_id"]) == list(table.assignments)
    answers = np.array(frame["answers"].tolist())
    np.testing.assert_array_equal(to_levels(checklist, answers), table.levels)
    ids = [sub.id for sub in checklist.ordinal]
    np.testing.assert_array_equal(levels_of(frame["annotation"], ids), table.levels)
    # The published form says the same.
    results, masks = np.array(frame["meta_result"].tolist()), np.array(frame["meta_mask"].tolist())
    np.testing.assert_array_equal(np.where(masks == 1, 2 * results - 1, 0), answers)


def test_the_consensus_is_that_of_the_exported_annotations(campaign: Campaign, exported: Export) -> None:
    version = exported(campaign)
    expected = majority(judgment_levels([campaign]))
    frame = pd.read_parquet(version.folder / "consensus.parquet")
    ids = [sub.id for sub in expected.checklist.ordinal]
    assert list(frame["item_id"]) == list(expected.items)
    np.testing.assert_array_equal(levels_of(frame["annotation"], ids), expected.levels)
    np.testing.assert_array_equal(levels_of(frame["support"], ids), expected.support)
    np.testing.assert_array_equal(to_levels(expected.checklist, np.array(frame["answers"].tolist())), expected.levels)
    agreement = np.array([[row[id] for id in ids] for row in frame["agreement"]], dtype=float)
    np.testing.assert_allclose(agreement, expected.agreement)
    assert set(frame["annotations"]) == {3}


@pytest.mark.django_db(transaction=True)  # estimating reliability takes longer than a heartbeat
def test_a_dataset_is_made_by_the_consensus_that_was_chosen(
    campaign: Campaign, people: list[User], exported: Export, make_user: Callable[..., User]
) -> None:
    by_majority = exported(campaign)
    row = campaign.campaign_items.order_by("item_id").first()
    checklist = checklist_of(campaign.checklist_version)
    sub = next(sub for sub in checklist.ordinal if sub.mask is None)
    decided = sub.lowest if by_majority_level(by_majority, row.item_id, sub.id) != sub.lowest else sub.highest
    adjudicate(campaign_item=row, levels={sub.id: decided}, adjudicator=make_user("rae"))
    version = exported(campaign, consensus="reliability")
    assert (by_majority.manifest["consensus"], version.manifest["consensus"]) == ("majority", "reliability")
    assert "(by majority)" in (by_majority.folder / "README.md").read_text()
    assert "(weighted by reliability)" in (version.folder / "README.md").read_text()
    expected = consensus_of([campaign], "reliability")
    frame = pd.read_parquet(version.folder / "consensus.parquet")
    ids = [sub.id for sub in checklist.ordinal]
    np.testing.assert_array_equal(levels_of(frame["annotation"], ids), expected.levels)
    agreement = np.array([[row[id] for id in ids] for row in frame["agreement"]], dtype=float)
    np.testing.assert_allclose(agreement, expected.agreement)
    first = frame[frame["item_id"] == row.item_id].iloc[0]
    assert first["annotation"][sub.id] == decided, "the reviewer's word comes before every vote"
    assert list(first["adjudicated"]) == [sub.id]
    assert exported(campaign, consensus="reliability") == version, "the same again is no new version"
    assert exported(campaign, consensus="majority") != version


def by_majority_level(version: DatasetVersion, item: int, sub: str) -> int:
    frame = pd.read_parquet(version.folder / "consensus.parquet")
    return frame[frame["item_id"] == item].iloc[0]["annotation"][sub]


def test_jsonl_and_parquet_hold_the_same_rows(campaign: Campaign, exported: Export) -> None:
    version = exported(campaign)
    for stem in ("annotations", "consensus"):
        lines = (version.folder / f"{stem}.jsonl").read_text().rstrip("\n").split("\n")
        from_lines = [json.loads(line) for line in lines]
        from_parquet = pq.read_table(version.folder / f"{stem}.parquet").to_pylist()
        for row in from_parquet:
            for name in ("started_at", "submitted_at"):
                if name in row:
                    row[name] = row[name].isoformat()
        assert from_lines == from_parquet


def test_a_row_says_what_was_judged_by_whom_and_when(campaign: Campaign, people: list[User], exported: Export) -> None:
    version = exported(campaign)
    frame = pd.read_parquet(version.folder / "annotations.parquet")
    first = Assignment.objects.select_related("campaign_item__item__prompt").order_by("pk")[0]
    row, item = frame.iloc[0], first.campaign_item.item
    assert row["prompt"] == item.prompt.text
    assert (row["generator"], row["generator_version"], json.loads(row["generator_parameters"])) == (
        "painter", "1", {"steps": 30},
    )  # fmt: skip
    assert (row["media_sha256"], row["media_file"]) == (item.sha256, f"{item.sha256}.png")
    assert row["submitted_at"] == first.submitted_at
    assert row["milliseconds"]["clarity"] > 0
    assert row["license"] == "CC0-1.0"
    assert frame["annotator"].nunique() == 3
    assert set(frame.loc[frame["annotator_is_synthetic"], "annotator"]) == {rows.pseudonym(people[2].pk)}


def test_what_a_model_had_suggested_is_reported(campaign: Campaign, exported: Export) -> None:
    first, second = Assignment.objects.order_by("pk")[:2]
    Assignment.objects.filter(pk=first.pk).update(suggested_by="Image reward v3", suggestions_shown=True)
    first.judgments.filter(sub_dimension="clarity").update(suggested_level=1, suggestion_shown=True)
    frame = pd.read_parquet(exported(campaign).folder / "annotations.parquet").set_index("annotation_id")
    with_one, without = frame.loc[first.pk], frame.loc[second.pk]
    assert (with_one["suggested"]["clarity"], with_one["suggested_by"], with_one["suggestions_shown"]) == (
        1, "Image reward v3", True,
    )  # fmt: skip
    assert with_one["suggested"]["symmetry"] is None
    assert (without["suggested"]["clarity"], without["suggested_by"], without["suggestions_shown"]) == (None, "", False)


def test_nobody_is_named(campaign: Campaign, people: list[User], exported: Export) -> None:
    version = exported(campaign)
    everything = b"".join((version.folder / file["name"]).read_bytes() for file in version.files)
    for person in people:
        assert person.username.encode() not in everything


def test_a_pseudonym_stays_and_needs_the_secret_key(campaign: Campaign, people: list[User], settings: object) -> None:
    before = rows.pseudonym(people[0].pk)
    assert rows.pseudonym(people[0].pk) == before != rows.pseudonym(people[1].pk)
    settings.SECRET_KEY = "another"
    assert rows.pseudonym(people[0].pk) != before


def test_what_does_not_count_is_left_out(campaign: Campaign, exported: Export) -> None:
    aside, test = Assignment.objects.order_by("pk")[:2]
    Assignment.objects.filter(pk=aside.pk).update(counted=False)
    CampaignItem.objects.filter(pk=Assignment.objects.last().campaign_item_id).update(purpose="qualification")
    Assignment.objects.filter(pk=test.pk).update(state="skipped")
    version = exported(campaign)
    frame = pd.read_parquet(version.folder / "annotations.parquet")
    assert len(frame) == version.annotations == 21 - 3 - 2
    assert not {aside.pk, test.pk} & set(frame["annotation_id"])


def test_categories_are_exported_as_they_were_given(campaign: Campaign, exported: Export) -> None:
    category = next(sub for sub in checklist_of(campaign.checklist_version).sub_dimensions if not sub.is_ordinal)
    assignment = Assignment.objects.order_by("pk").first()
    assignment.judgments.create(sub_dimension=category.id, level=category.scores[1])
    rows_read = pq.read_table(exported(campaign).folder / "annotations.parquet")["annotation"].to_pylist()
    assert [row[category.id] for row in rows_read][:2] == [category.scores[1], None]


def test_many_chunks_give_the_same_files(campaign: Campaign, exported: Export, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = exported(campaign)
    monkeypatch.setattr(rows, "CHUNK", 4)
    Assignment.objects.filter(pk=Assignment.objects.first().pk).update(leased_at="2026-01-01T00:00Z")  # a difference
    parts = exported(campaign)
    assert parts.version == whole.version + 1
    assert pq.ParquetFile(parts.folder / "annotations.parquet").num_row_groups == 6
    for name in ("consensus.jsonl",):
        assert (parts.folder / name).read_bytes() == (whole.folder / name).read_bytes()
    assert len(pd.read_parquet(parts.folder / "annotations.parquet")) == 21


def test_the_manifest_and_the_card_tell_the_truth(campaign: Campaign, exported: Export) -> None:
    version = exported(campaign)
    manifest = json.loads((version.folder / "manifest.json").read_text())
    assert manifest == version.manifest
    assert manifest["checklist"]["sha256"] == campaign.checklist_version.content_hash
    assert manifest["counts"] == {
        "annotations": 21, "judgments": 21 * 18, "items": 7, "prompts": 7, "annotators": 3, "synthetic_annotators": 1,
    }  # fmt: skip
    assert manifest["written_by"] == WRITTEN_BY
    assert manifest["licenses"] == {"CC0-1.0": 7}
    assert len(manifest["questions"]) == len(checklist_of(campaign.checklist_version).questions)
    for file in version.files:
        content = (version.folder / file["name"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file["bytes"], file["sha256"])
    card = (version.folder / "README.md").read_text()
    front = yaml.safe_load(card.split("---\n")[1])
    assert [config["config_name"] for config in front["configs"]] == ["annotations", "consensus"]
    assert all((version.folder / config["data_files"]).is_file() for config in front["configs"])
    assert "1 of the 3 annotators are synthetic" in card
    assert "CC0-1.0: 7 items" in card
