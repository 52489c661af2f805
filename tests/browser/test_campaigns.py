"""Campaigns in the browser: made, opened, followed by those who run them, seen by those who work in them."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from annotator.accounts.models import Role, User
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Assignment, Campaign, CampaignState
from annotator.campaigns.services import (
    create_campaign,
    lease_next_item,
    load_builtin_checklists,
    record_judgment,
    skip_assignment,
    submit_assignment,
)
from tests.factories import make_generator, make_item

pytestmark = pytest.mark.django_db(transaction=True)
GUIDELINES = "Look at the whole picture first, then closely.\n\nJudge what you see, not what you like."


@pytest.fixture
def media(transactional_db: None, files: Path) -> list:
    painter = make_generator("painter-xl", "1.0")
    return [make_item(prompt=f"A brass lamp, number {number}", generator=painter) for number in range(3)]


@pytest.fixture
def running(media: list, make_user: Callable[..., User]) -> Campaign:
    """An open campaign: one item submitted by ann, one skipped by bo."""
    version = next(v for v, _ in load_builtin_checklists() if v.media_type == "image")
    campaign = create_campaign(
        name="Street photographs", checklist_version=version, items=media, overlap=2, guidelines=GUIDELINES,
        state=CampaignState.OPEN,
    )  # fmt: skip
    ann, bo = make_user("ann"), make_user("bo")
    done = lease_next_item(campaign=campaign, annotator=ann)
    for number, sub in enumerate(checklist_of(version).ordinal):
        record_judgment(
            token=done.token, annotator=ann, sub_dimension=sub.id, level=sub.highest, idempotency_key=f"k{number}",
            sequence=number,
        )  # fmt: skip
    submit_assignment(token=done.token, annotator=ann)
    skipped = lease_next_item(campaign=campaign, annotator=bo)
    skip_assignment(token=skipped.token, annotator=bo, reason="unclear", note="Two questions fit.")
    return campaign


def test_an_admin_makes_and_opens_a_campaign(
    open_page: Callable[..., Page], make_user: Callable[..., User], media: list, look: Callable
) -> None:
    load_builtin_checklists()
    page = open_page(make_user("root", Role.ADMIN))
    page.goto("/campaigns/")
    page.locator(".empty").get_by_role("link", name="Create the first campaign").click()
    page.get_by_label("Name").fill("Lamps in May")
    page.get_by_label("Checklist").select_option(label="Image checklist v1")
    expect(page.locator("#count")).to_have_text("3 items match.")
    page.get_by_label("Prompt contains").fill("number 2")
    expect(page.locator("#count")).to_have_text("1 item matches.")
    look(page, "campaign-create")
    page.get_by_role("button", name="Create campaign").click()
    expect(page.get_by_text("The campaign has 1 item")).to_be_visible()
    page.get_by_role("button", name="Open to annotators").click()
    expect(page.get_by_text("Campaign state: Open.")).to_be_visible()
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Guidelines for annotators").fill(GUIDELINES)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Judge what you see")).to_be_visible()
    assert Campaign.objects.get().campaign_items.count() == 1


def test_a_reviewer_follows_a_campaign(
    open_page: Callable[..., Page], make_user: Callable[..., User], running: Campaign, look: Callable
) -> None:
    page = open_page(make_user("rita", Role.REVIEWER))
    page.goto("/campaigns/")
    look(page, "campaigns")
    page.get_by_role("link", name="Street photographs").click()
    expect(page.get_by_text("Two questions fit.")).to_be_visible()
    look(page, "campaign")
    page.get_by_role("main").get_by_role("link", name="Image checklist v1").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Image checklist v1")
    look(page, "checklist")


def test_items_are_taken_out_put_back_and_added(
    open_page: Callable[..., Page], make_user: Callable[..., User], running: Campaign, media: list, look: Callable
) -> None:
    """First where it was reported, then in the list of the campaign's items; an admin adds what is new."""
    make_item(prompt="A brass lamp, seen from above")
    page = open_page(make_user("root", Role.ADMIN))
    page.goto(f"/campaigns/{running.pk}/")
    page.get_by_role("link", name="Open reports: 1").click()
    page.get_by_role("button", name="Valid: remove the item").click()
    expect(page.get_by_text("1 report resolved")).to_be_visible()
    page.get_by_role("link", name="Resolved").click()
    page.get_by_role("link", name="removed").click()
    expect(page.locator(".item-row")).to_have_count(1)
    page.get_by_role("link", name="All (3)").click()
    expect(page.locator("#count-new")).to_have_text("1 item would be added.")
    look(page, "campaign-items")
    page.get_by_role("link", name="Need annotators (2)").click()
    page.get_by_role("checkbox").first.focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Remove selected items").click()
    expect(page.get_by_text("1 item removed")).to_be_visible()
    page.get_by_role("link", name="Removed (2)").click()
    for tick in page.get_by_role("checkbox").all():
        tick.check()
    page.get_by_role("button", name="Restore selected items").click()
    expect(page.get_by_text("2 items restored")).to_be_visible()
    expect(page.get_by_text("No items match.")).to_be_visible()
    page.get_by_role("button", name="Add items").click()
    expect(page.get_by_text("1 item added")).to_be_visible()
    assert running.campaign_items.filter(purpose="work").count() == 4


def test_an_annotator_sees_work_and_guidelines(
    open_page: Callable[..., Page], running: Campaign, look: Callable
) -> None:
    page = open_page(User.objects.get(username="ann"))
    page.goto("/campaigns/")
    look(page, "campaigns-annotator")
    page.get_by_role("link", name="Street photographs", exact=True).click()
    expect(page.get_by_text("Judge what you see")).to_be_visible()
    expect(page.get_by_text("Two questions fit.")).to_have_count(0)
    page.get_by_role("link", name="My answers").click()
    expect(page.locator(".own-tile")).to_have_count(1)
    page.get_by_role("link", name="Continue").click()
    expect(page).to_have_url(re.compile(r"/campaigns/assignments/[0-9a-f-]+/"))
    assert Assignment.objects.filter(annotator__username="ann").count() >= 2
