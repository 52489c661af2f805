"""A campaign of comparisons becomes a dataset like any other."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from django.urls import reverse

from annotator.accounts.models import Role, User
from annotator.campaigns.models import Campaign
from annotator.campaigns.services import (
    create_comparison_campaign,
    lease_next_pair,
    load_builtin_checklists,
    record_comparison,
)
from annotator.core.errors import ProblemError
from annotator.datasets.models import DatasetVersion
from annotator.datasets.services import request_export
from annotator.library.models import Item

pytestmark = pytest.mark.django_db


@pytest.fixture
def comparing(files: Path, studio_items: Callable[..., list[Item]]) -> Campaign:
    load_builtin_checklists()
    items = studio_items(4)
    for first, second in (items[:2], items[2:]):
        Item.objects.filter(pk=second.pk).update(prompt=first.prompt)
        second.prompt = first.prompt
    pairs = [(items[0], items[1]), (items[2], items[3])]
    return create_comparison_campaign(name="Side by side", pairs=pairs, overlap=3, state="open")


def compare(campaign: Campaign, person: User, prefers: Callable[[set[int]], int | None]) -> None:
    while turn := lease_next_pair(campaign=campaign, annotator=person):
        wanted = prefers({turn.left.pk, turn.right.pk})
        said = "tie" if wanted is None else "left" if wanted == turn.left.pk else "right"
        record_comparison(token=turn.token, annotator=person, preference=said, milliseconds=1200)


def test_what_people_preferred_is_exported(comparing: Campaign, people: list[User], exported: Callable) -> None:
    compare(comparing, people[0], min)
    compare(comparing, people[1], min)
    compare(comparing, people[2], lambda ids: None)
    version: DatasetVersion = exported(comparing)
    assert (version.annotations, version.items) == (6, 4)
    assert {file["name"] for file in version.files} == {
        "README.md", "manifest.json", "comparisons.jsonl", "comparisons.parquet", "pairs.jsonl", "pairs.parquet",
    }  # fmt: skip
    said = pd.read_parquet(version.folder / "comparisons.parquet")
    assert said["annotator_is_synthetic"].sum() == 2
    for row in said.to_dict("records"):
        shown = {"left": row["left_item_id"], "right": row["right_item_id"], "tie": None}[row["preference"]]
        assert shown is None or shown == row["preferred_item_id"] == min(row["left_item_id"], row["right_item_id"])
    lines = (version.folder / "pairs.jsonl").read_text(encoding="utf-8").split("\n")
    pairs = [json.loads(line) for line in lines if line]
    assert [(pair["for_first"], pair["for_second"], pair["ties"]) for pair in pairs] == [(2, 0, 1)] * 2
    assert all(pair["preferred_item_id"] == pair["first_item_id"] for pair in pairs)
    readme = (version.folder / "README.md").read_text()
    assert "6 comparisons of 2 pairs of images (2 prompts) by 3 annotators, 2 of them without a difference" in readme
    assert exported(comparing).pk == version.pk, "nothing has changed, so there is no new version"


def test_nothing_to_export_yet(comparing: Campaign) -> None:
    with pytest.raises(ProblemError, match="No one has submitted a comparison in “Side by side” yet"):
        request_export(campaign=comparing)


def test_its_pages(comparing: Campaign, people: list[User], exported: Callable, sign_in: Callable) -> None:
    compare(comparing, people[0], min)
    version = exported(comparing)
    client = sign_in(Role.ADMIN)
    address = reverse("datasets:export", args=[comparing.pk])
    assert address in client.get(reverse("campaigns:detail", args=[comparing.pk])).content.decode()
    assert address in client.get(reverse("datasets:list")).content.decode()
    page = client.get(address).content.decode()
    assert "Consensus rule" not in page
    assert "Comparisons" in page
    page = client.get(reverse("datasets:version", args=[version.pk])).content.decode()
    assert "pairs = datasets.load_dataset" in page
    assert "consensus = datasets" not in page
