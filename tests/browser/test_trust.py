"""Trust as people meet it: the test, the pause, the reviewer's decisions."""

import re
from collections.abc import Callable

import crowdkit.aggregation  # noqa: F401 - takes seconds; loaded here, no page of a test waits for it
import pytest
from playwright.sync_api import Page, expect

from annotator.accounts.models import Role, User
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import CampaignItem, CampaignState, Purpose
from annotator.campaigns.services import (
    create_campaign,
    lease_next_item,
    load_builtin_checklists,
    record_judgment,
    set_priorities,
    submit_assignment,
)
from annotator.trust.models import Adjudication, AnnotatorStanding, TrustPolicy
from annotator.trust.services import follow_up, set_known_answers
from tests.browser.annotating import azerty
from tests.factories import make_item

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def campaign(files: object) -> object:
    version = next(v for v, _ in load_builtin_checklists() if v.media_type == "image")
    return create_campaign(
        name="Kites", checklist_version=version, items=[make_item(width=640, height=480) for _ in range(4)], overlap=2,
        state=CampaignState.OPEN,
    )  # fmt: skip


def answer(campaign: object, annotator: User, *, worst: bool = False) -> None:
    assignment = lease_next_item(campaign=campaign, annotator=annotator)
    checklist = checklist_of(campaign.checklist_version)
    for number, sub in enumerate(checklist.ordinal):
        low = sub.scores[1 if sub.mask or checklist.dependents(sub.id) else 0]
        record_judgment(
            token=assignment.token, annotator=annotator, sub_dimension=sub.id,
            level=low if worst and sub.id != "safety" else sub.highest, milliseconds=1500,
            idempotency_key=f"{assignment.pk}-{sub.id}", sequence=number,
        )  # fmt: skip
    submit_assignment(token=assignment.token, annotator=annotator)
    follow_up(assignment_id=assignment.pk)  # as a worker does after the commit


def test_a_reviewer_decides_by_keyboard(
    open_page: Callable[..., Page], make_user: Callable[..., User], campaign: object, look: Callable
) -> None:
    # Both get these two first; the order of equal ones is everybody's own.
    urgent = list(campaign.campaign_items.values_list("item_id", flat=True)[:2])
    set_priorities(campaign=campaign, priorities=dict.fromkeys(urgent, 1))
    for name, worst in (("ann", False), ("ben", True)):
        person = make_user(name)
        answer(campaign, person, worst=worst)
        answer(campaign, person, worst=worst)
    page = open_page(make_user("rev", Role.REVIEWER))
    page.goto(f"/campaigns/{campaign.pk}/")
    page.get_by_role("link", name="Review disagreements").click()
    expect(page.get_by_role("heading", name="Review", exact=True)).to_be_visible()
    look(page, "trust-review")
    page.get_by_role("button", name="Start").click()
    current = page.locator(".review-ladder.current legend")
    first = current.inner_text()
    decided = page.locator(".review-ladder.decided")
    # Of a question that is off the screen, a digit decides nothing: it brings the question back.
    current.scroll_into_view_if_needed()
    page.locator("details.settled").evaluate("folded => { folded.open = true; }")
    page.locator("details.settled fieldset").last.scroll_into_view_if_needed()
    expect(current).not_to_be_in_viewport()
    page.keyboard.press("2")
    expect(current).to_be_in_viewport()
    expect(decided).to_have_count(0)
    page.keyboard.press("2")
    expect(decided).to_have_count(1)
    expect(current).not_to_have_text(first)
    page.keyboard.press("k")
    page.keyboard.press("Backspace")
    expect(decided).to_have_count(0)
    azerty(page, 3)
    look(page, "trust-review-item")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Decisions saved")).to_be_visible()
    assert Adjudication.objects.count() == 1
    page.get_by_role("button", name="Save as gold").click()
    expect(page.get_by_role("alert").filter(has_text="still disputed")).to_be_in_viewport()
    look(page, "trust-review-confirm", full_page=False)


def test_the_annotators_page(
    open_page: Callable[..., Page], make_user: Callable[..., User], campaign: object, look: Callable
) -> None:
    TrustPolicy.objects.create(campaign=campaign, overlap_max=4, gold_every=5)
    for name, worst in (("ann", False), ("ben", True), ("cem", False)):
        person = make_user(name)
        answer(campaign, person, worst=worst)
        answer(campaign, person, worst=worst)
    page = open_page(make_user("root", Role.ADMIN))
    page.goto(f"/trust/campaigns/{campaign.pk}/")
    expect(page.get_by_role("rowheader", name=re.compile("ben"))).to_be_visible()
    look(page, "trust-annotators")
    row = page.get_by_role("row").filter(has_text="ben")
    row.get_by_text("Change").click()
    row.get_by_role("button", name="Pause and ask others again").click()
    expect(page.get_by_text("ben is paused")).to_be_visible()
    row.get_by_text("Change").click()
    row.get_by_role("button", name="Resume; count answers again").click()
    expect(page.get_by_text("ben can work again")).to_be_visible()


def test_the_test_comes_first_and_who_fails_it_is_informed(
    open_page: Callable[..., Page], make_user: Callable[..., User], campaign: object, look: Callable
) -> None:
    TrustPolicy.objects.create(campaign=campaign, require_qualification=True, attempts_allowed=1)
    best = {sub.id: sub.highest for sub in checklist_of(campaign.checklist_version).ordinal}
    for row in CampaignItem.objects.filter(campaign=campaign).order_by("pk")[:2]:
        set_known_answers(campaign_item=row, levels=best, purpose=Purpose.QUALIFICATION)
    ann, ben = make_user("ann"), make_user("ben")
    page = open_page(ann)
    page.goto(f"/campaigns/{campaign.pk}/")
    expect(page.get_by_text("First, take a short test of 2 items")).to_be_visible()
    look(page, "trust-test-first")
    page.goto(f"/campaigns/{campaign.pk}/work/")
    expect(page.locator("#workspace.scripted")).to_be_visible()
    page.keyboard.press("1")
    expect(page.locator(".ladder .feedback.wrong")).to_contain_text("Not quite")
    look(page, "trust-test-feedback", full_page=False)
    page.keyboard.press("Backspace")
    page.keyboard.press("3")
    expect(page.locator(".ladder .feedback")).to_have_text("Correct.")
    answer(campaign, ann)
    answer(campaign, ann)
    page.goto(f"/campaigns/{campaign.pk}/")
    expect(page.get_by_text("You have passed this campaign")).to_be_visible()
    answer(campaign, ben, worst=True)
    answer(campaign, ben, worst=True)
    other = open_page(ben)
    other.goto(f"/campaigns/{campaign.pk}/work/")
    expect(other.get_by_text("all attempts at this campaign")).to_be_visible()
    look(other, "trust-test-failed")


def test_who_is_paused_is_informed_kindly(
    open_page: Callable[..., Page], make_user: Callable[..., User], campaign: object, look: Callable
) -> None:
    ann = make_user("ann")
    TrustPolicy.objects.create(campaign=campaign, gold_every=1, gold_items_before=1, gold_share=0.9)
    row = CampaignItem.objects.filter(campaign=campaign).first()
    best = {sub.id: sub.highest for sub in checklist_of(campaign.checklist_version).ordinal}
    set_known_answers(campaign_item=row, levels=best)
    answer(campaign, ann, worst=True)
    assert AnnotatorStanding.objects.get(annotator=ann).state == "paused"
    page = open_page(ann)
    page.goto(f"/campaigns/{campaign.pk}/work/")
    expect(page.get_by_text("Nothing you did is lost").first).to_be_visible()
    look(page, "trust-paused")
