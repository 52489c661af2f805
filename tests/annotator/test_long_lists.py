"""Pages that show or offer a list ask the database as often for 300 rows as for 10, and say no more than they show."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from annotator.accounts.models import Invitation, Role, User
from annotator.campaigns.models import Campaign
from annotator.datasets.models import DatasetVersion
from annotator.generations.models import PromptSet, PromptSetMember
from annotator.library.models import Generator, ImportBatch, Item
from annotator.mpo.models import MpoRun, PairSet
from annotator.rewards.models import BaseModel, RewardModel
from tests.factories import built_in_checklist, make_bare_items, make_prompt, make_reward_model

LARGEST_PAGE = 120_000  # bytes; 300 rows of these lists were 90,000 to 300,000 more


def some_prompt_sets(n: int) -> None:
    start = PromptSet.objects.count()
    rows = PromptSet.objects.bulk_create(PromptSet(name=f"Prompts {start + i}") for i in range(n))
    prompt = make_prompt(f"a kite {start}")
    PromptSetMember.objects.bulk_create(PromptSetMember(prompt_set=row, prompt=prompt, position=0) for row in rows)


def some_pair_sets(n: int) -> list[PairSet]:
    model = RewardModel.objects.first() or make_reward_model()
    ready = {"reward_model": model, "pairs_count": 9, "ready_at": timezone.now(), "summary": {"long": "x" * 1000}}
    return PairSet.objects.bulk_create(PairSet(name=f"Pairs {i}", **ready) for i in range(n))


def some_runs(n: int) -> list[MpoRun]:
    some_prompt_sets(n)
    pair_set, start = some_pair_sets(1)[0], MpoRun.objects.count()
    shared = {"pair_set": pair_set, "pipeline": "tiny", "pipeline_fingerprint": "x", "finished_at": timezone.now()}
    return MpoRun.objects.bulk_create(MpoRun(name=f"Run {start + i:03d}", path="", **shared) for i in range(n))


def some_versions(n: int) -> Campaign:
    start = DatasetVersion.objects.count()
    fields = {"checklist_version": built_in_checklist("image"), "media_type": "image"}
    campaign, _new = Campaign.objects.get_or_create(name="Exported", defaults=fields)
    numbers = range(start + 1, start + n + 1)
    counts = {"annotations": 1, "items": 1}
    DatasetVersion.objects.bulk_create(
        DatasetVersion(campaign=campaign, version=i, path=f"x{i}", **counts) for i in numbers
    )
    return campaign


def some_imports(n: int) -> Campaign:
    start = ImportBatch.objects.count()
    ImportBatch.objects.bulk_create(ImportBatch(name=f"Import {start + i}") for i in range(n))
    Generator.objects.bulk_create(
        Generator(name=f"maker {start + i}", parameters_sha256=f"{start + i}") for i in range(n)
    )
    fields = {"checklist_version": built_in_checklist("image"), "media_type": "image"}
    return Campaign.objects.get_or_create(name="Judged", defaults=fields)[0]


def some_invitations(n: int) -> None:
    start, by, until = Invitation.objects.count(), User.objects.first(), timezone.now() + timedelta(days=1)
    Invitation.objects.bulk_create(
        Invitation(code_hash=f"{start + i:064}", invited_by=by, expires_at=until, note=f"Guest {start + i}")
        for i in range(n)
    )


def some_bases(n: int) -> None:
    start = BaseModel.objects.count()
    report = {"family": "tiny", "parameters": 10**9, "dtype": "bfloat16", "memory_bytes": 2**31, "way": "packed"}
    BaseModel.objects.bulk_create(
        BaseModel(name=f"base-{start + i:03d}", state="ready", report=report) for i in range(n)
    )


OF_A_CAMPAIGN = {"datasets:export", "campaigns:items"}
PAGES: dict[str, tuple[Callable[[int], Any], str]] = {
    "the form of a comparison": (some_runs, "mpo:comparison-new"),
    "an export": (some_versions, "datasets:export"),
    "people": (some_invitations, "accounts:people"),
    "base models": (some_bases, "rewards:bases"),
    "the form of a run": (some_pair_sets, "mpo:run-new"),
    "a campaign's items": (some_imports, "campaigns:items"),
    "the form of a campaign": (some_imports, "campaigns:create"),
    "the form of a campaign of comparisons": (some_imports, "campaigns:create-comparing"),
    "generate": (some_prompt_sets, "generations:generate"),
}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_asks_as_often_for_300_rows_as_for_10(sign_in: Callable, db: None, page: str) -> None:
    fill, name = PAGES[page]
    client = sign_in(Role.ADMIN)
    asked = []
    for n in (10, 290):
        of = fill(n)
        address = reverse(name, args=[of.pk] if name in OF_A_CAMPAIGN else [])
        client.get(address)  # what is kept from the first visit on
        with CaptureQueriesContext(connection) as captured:
            answer = client.get(address)
        assert answer.status_code == 200
        asked.append([query["sql"] for query in captured.captured_queries])
    assert len(asked[0]) == len(asked[1]), "\n".join(asked[1])
    assert len(answer.content) < LARGEST_PAGE


def test_older_versions_of_a_dataset_are_on_later_pages(sign_in: Callable, db: None) -> None:
    address = reverse("datasets:export", args=[some_versions(60).pk])
    client = sign_in(Role.REVIEWER)
    first, last = (client.get(address, {"page": page}).content.decode() for page in (1, 3))
    assert ">v60<" in first
    assert ">v10<" not in first
    assert ">v10<" in last
    assert "Page 3 of 3 · 60 total" in last
    part = client.get(address, {"page": 3}, headers={"HX-Request": "true"}).content.decode()
    assert ">v10<" in part, "what watches the export keeps the page"


def test_invitations_have_pages_of_their_own_and_are_found_by_their_note(sign_in: Callable, db: None) -> None:
    client, address = sign_in(Role.ADMIN), reverse("accounts:people")
    some_invitations(60)
    first = client.get(address).content.decode()
    assert "Guest 59" in first
    assert "Guest 34<" not in first.replace(" <", "<")
    assert "?invitations=2" in first
    assert "Guest 34" in client.get(address, {"invitations": 2}).content.decode()
    found = client.get(address, {"q": "guest 7"}).content.decode()
    assert "Guest 7 " in found
    assert "Guest 8 " not in found
    assert "No matching invitations." in client.get(address, {"q": "zebra"}).content.decode()


def test_base_models_have_pages_and_a_search(sign_in: Callable, db: None) -> None:
    client, address = sign_in(Role.REVIEWER), reverse("rewards:bases")
    some_bases(60)
    assert "base-025" not in client.get(address).content.decode()
    second = client.get(address, {"page": 2}).content.decode()
    assert "base-025" in second
    assert "bases/?page=2" in second, "what follows the checks keeps the page"
    part = client.get(address, {"q": "BASE-04"}, headers={"HX-Request": "true"}).content.decode()
    assert part.count("base-04") == 10
    assert "base-05" not in part
    assert "No base models match." in client.get(address, {"q": "zebra"}).content.decode()


FORMS = {
    "mpo:run-new": {"mpo:run-pair-sets"},
    "mpo:comparison-new": {"mpo:comparison-prompt-sets"},
    "campaigns:create": {"campaigns:imports", "campaigns:generators"},
    "campaigns:create-comparing": {"campaigns:imports", "campaigns:generators"},
    "generations:generate": {"generations:generate-prompt-sets"},
}


@pytest.mark.parametrize("form", FORMS)
def test_what_a_form_offers_is_for_whom_the_form_is(form: str, make_user: Callable, client: Any, db: None) -> None:
    some_runs(60)
    some_pair_sets(60)
    some_imports(60)
    for role, status in ((None, 403), (Role.ANNOTATOR, 403), (Role.REVIEWER, 403), (Role.ADMIN, 200)):
        client.force_login(make_user(f"one-{role}", role), backend="django.contrib.auth.backends.ModelBackend")
        assert client.get(reverse(form)).status_code == status
        for address in FORMS[form]:
            assert client.get(reverse(address)).status_code == status
    page = client.get(reverse(form)).content.decode()
    assert {address for address in FORMS[form] if f'hx-get="{reverse(address)}"' in page} == FORMS[form]
    client.logout()
    assert all(client.get(reverse(address)).status_code == 302 for address in FORMS[form])


def test_an_import_beyond_those_offered_can_be_found_and_used(sign_in: Callable, db: None) -> None:
    campaign, client = some_imports(60), sign_in(Role.ADMIN)
    old = ImportBatch.objects.earliest("pk")
    page = client.get(reverse("campaigns:items", args=[campaign.pk])).content.decode()
    assert f">{old.name}</option>" not in page
    found = client.get(reverse("campaigns:imports"), {"name": "batch", "batch-search": old.name, "id": "id_batch"})
    assert f'<option value="{old.pk}">{old.name}</option>' in found.content.decode()
    item = make_item_of(old)
    client.post(reverse("campaigns:add-items", args=[campaign.pk]), {"batch": old.pk})
    assert list(campaign.campaign_items.values_list("item", flat=True)) == [item.pk]
    refused = client.post(reverse("campaigns:create"), {"batch": old.pk, "name": ""})
    assert refused.status_code == 422
    assert f'<option value="{old.pk}" selected>{old.name}</option>' in refused.content.decode()


def make_item_of(batch: ImportBatch) -> Item:
    item = make_bare_items(1)[0]
    item.batch = batch
    item.save()
    return item
