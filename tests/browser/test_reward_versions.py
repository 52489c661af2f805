"""The gate, versions side by side, rolling back, and retraining policies, in the browser."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from annotator.accounts.models import Role, User
from annotator.jobs.models import Job
from annotator.jobs.services import run_job
from annotator.rewards import judges, services
from annotator.rewards.models import RewardModel
from tests.annotator.rewards.held_out import make_version
from tests.factories import make_annotated_campaign, make_item

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def versions(transactional_db: None, files: Path, monkeypatch: pytest.MonkeyPatch) -> list[RewardModel]:
    """Three versions: the second is promoted after the first, the third did not pass the gate."""
    monkeypatch.setattr(judges, "check", lambda model: None)  # they have predictions, and no weights to load
    first = make_version(1, items=range(160), strength=0.7)
    second = make_version(2, items=range(160), strength=1.6)
    for model in (first, second):
        services.promote(reward_model=model)
    second.refresh_from_db()
    third = make_version(3, items=range(160), strength=1.3)
    third.gate = services.gate(third, second).to_json(asked=True)
    third.metrics["cost"] = {"seconds_per_item": 0.021, "memory_bytes": 900 << 20, "device": "CPU"}
    third.save()
    return [first, second, third]


def test_a_candidate_that_waits_is_read_promoted_with_a_note_and_rolled_back(
    open_page: Callable[..., Page], make_user: Callable[..., User], versions: list[RewardModel],
    look: Callable[..., None],
) -> None:  # fmt: skip
    page = open_page(make_user("root", Role.ADMIN))
    page.goto(f"/rewards/models/{versions[2].pk}/")
    gate = page.get_by_role("region", name="Gate")
    expect(gate.get_by_text("Not passed")).to_be_visible()
    expect(gate.get_by_text(re.compile("It is not as good. On the 160 items of 40 prompts"))).to_be_visible()
    expect(gate.get_by_role("row", name=re.compile("Mean over sub-dimensions"))).to_be_visible()
    look(page, "rewards-gate")
    page.get_by_label("Note").fill("It is better on hands, which matter most.")
    page.get_by_role("button", name="Promote").click()
    expect(page.get_by_text("is promoted. Scores and pairs now come from it.")).to_be_visible()
    expect(page.get_by_text("It is better on hands, which matter most.")).to_be_visible()

    page.goto("/rewards/")
    look(page, "rewards-models-rollback")
    page.get_by_role("button", name="Roll back to version 2").click()
    expect(page.get_by_text("Rolled back: Image reward v2 is promoted")).to_be_visible()
    expect(page.get_by_text("Rolled back from version 3.")).to_be_visible()
    expect(page.get_by_role("button", name="Roll back to version 1")).to_be_visible()


def test_versions_are_compared_on_common_items(
    open_page: Callable[..., Page], make_user: Callable[..., User], versions: list[RewardModel],
    look: Callable[..., None],
) -> None:  # fmt: skip
    page = open_page(make_user("rev", Role.REVIEWER))
    page.goto("/rewards/")
    page.get_by_role("link", name="Compare versions").click()
    expect(page.get_by_label("Select version 3")).to_be_checked()
    page.get_by_label("Select version 1").uncheck()
    page.get_by_role("button", name="Compare on common items").click()
    progress = page.locator(".job", has_text="Compare v2, v3 on common items")
    expect(progress).to_be_visible()
    run_job(str(Job.objects.get(kind="rewards.compare_versions").pk), services.compare)
    expect(page.get_by_role("heading", name="On common items")).to_be_visible()
    expect(page.get_by_text(re.compile("the 160 items of 40 prompts"))).to_be_visible()
    page.get_by_text("By sub-dimension").click()
    look(page, "rewards-compare")


def test_a_retraining_policy_is_made_and_followed_by_hand(
    open_page: Callable[..., Page], make_user: Callable[..., User], files: Path, look: Callable[..., None],
    settings: Any,
) -> None:  # fmt: skip
    make_annotated_campaign([make_item()], [make_user("ann")])
    page = open_page(make_user("root", Role.ADMIN))
    page.goto("/rewards/policies/")
    expect(page.get_by_role("heading", name="Without a policy")).to_be_visible()
    page.get_by_label("Kind of judge").select_option("probe")
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("After this many new annotations").fill("300")
    page.get_by_label("Nightly at").select_option("2")
    look(page, "rewards-policy")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("After 300 new annotations · Nightly at 02:00 UTC")).to_be_visible()
    page.get_by_role("button", name="Retrain now").click()
    expect(page.get_by_text("Training requested.")).to_be_visible()
    expect(page.locator(".job", has_text="Train the")).to_be_visible()
    look(page, "rewards-policies")
