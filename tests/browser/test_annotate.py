"""The annotator's workspace in the browser."""

import itertools
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from annotator.accounts.models import Role, User
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Assignment, AssignmentState, Campaign, CampaignState, Judgment
from annotator.campaigns.services import create_campaign, load_builtin_checklists
from annotator.library.models import MediaType
from tests.factories import make_item

pytestmark = pytest.mark.django_db(transaction=True)
NUMBER = itertools.count(1)
PROMPTS = [
    "A red kite over a grey sea, seen from the pier, late afternoon light",
    "Two old friends play chess in a park, autumn leaves on the board, warm light, wide shot",
    "A brass lamp on a desk, morning light, three books beside it",
]


@pytest.fixture
def campaign(transactional_db: None, files: object) -> Callable[..., Campaign]:
    """``campaign("video", 2)``: an open campaign over real media."""

    def make(media_type: str = MediaType.IMAGE, items: int = 2, **fields: object) -> Campaign:
        version = next(v for v, _ in load_builtin_checklists() if v.media_type == media_type)
        size = {"width": 320, "height": 240} if media_type == MediaType.VIDEO else {"width": 900, "height": 600}
        media = [make_item(media_type, prompt=PROMPTS[n % 3], **size) for n in range(items)]
        return create_campaign(
            name=f"Street photographs {next(NUMBER)}", checklist_version=version, items=media,
            **{"state": CampaignState.OPEN, "overlap": 2, **fields},
        )  # fmt: skip

    return make


def begin(page: Page, campaign: Campaign) -> None:
    page.goto(f"/campaigns/{campaign.pk}/work/")
    expect(page.locator("#workspace.scripted")).to_be_visible()
    expect(page.locator(".ladder.current")).to_be_focused()


def answer_by_keys(page: Page, campaign: Campaign, key: str = "2") -> int:
    """Every ladder with one key; how many keys it took."""
    pressed = 0
    for _ in checklist_of(campaign.checklist_version).ordinal:
        page.keyboard.press(key)
        pressed += 1
    return pressed


def standing(assignment: Assignment) -> dict[str, int]:
    return dict(Judgment.objects.filter(assignment=assignment).values_list("sub_dimension", "level"))


def test_an_image_from_first_key_to_the_next_item(
    open_page: Callable[..., Page], make_user: Callable[..., User], campaign: Callable[..., Campaign], look: Callable,
    wait_until: Callable,
) -> None:  # fmt: skip
    work, ann = campaign(items=3), make_user("ann")
    page = open_page(ann)
    begin(page, work)
    look(page, "annotate-image", full_page=False)
    assert answer_by_keys(page, work) == 18  # one keystroke a sub-dimension …
    expect(page.locator("#left")).to_have_text("All answered")
    first = Assignment.objects.get(annotator=ann, state=AssignmentState.LEASED, campaign_item__campaign=work, pk=min(
        Assignment.objects.filter(annotator=ann).values_list("pk", flat=True)))  # fmt: skip
    expect(page.locator("#save-state")).to_have_attribute("data-state", "saved")
    expect(page.locator("#submit")).to_be_focused()
    look(page, "annotate-image-answered", full_page=False)
    page.keyboard.press("Enter")  # … and one more
    expect(page).to_have_url(re.compile(rf"/campaigns/assignments/(?!{first.pk}/)\d+/"))
    expect(page.locator("#left")).to_have_text("18 left")
    expect(page.locator(".ladder.current")).to_be_focused()
    expect(page.locator("#today")).to_have_text("1")
    wait_until(lambda: Assignment.objects.get(pk=first.pk).state == AssignmentState.SUBMITTED, "it was not submitted")
    checklist = checklist_of(work.checklist_version)
    assert standing(first) == {
        sub.id: sub.scores[2 if sub.masked_by_other else 1] for sub in checklist.ordinal
    }
    page.go_back()
    expect(page.get_by_text("You have submitted this item")).to_be_visible()
    page.locator("#ladder-clarity").press("5")
    wait_until(lambda: standing(first)["clarity"] == 2, "the correction was not saved")
    page.keyboard.press("Enter")
    expect(page.locator("#left")).to_have_text("18 left")


def test_the_next_item_waits_ready(
    open_page: Callable[..., Page], make_user: Callable[..., User], campaign: Callable[..., Campaign]
) -> None:
    """Nothing is loaded between submit and the next item: its page and its picture are there before."""
    page = open_page(make_user("ann"))
    begin(page, campaign(items=4))
    for _ in range(2):
        with page.expect_response(re.compile(r"/library/\d+/media/")):  # of the item behind this one
            pass
        asked: list[str] = []
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        for _ in range(18):
            page.keyboard.press("2")
        page.evaluate(
            """() => { const before = document.querySelector("#workspace");
               addEventListener("keydown", () => { window.pressed = performance.now(); }, { capture: true, once: true });
               new MutationObserver((_, observer) => {
                 if (document.querySelector("#workspace") === before) return;
                 observer.disconnect();
                 requestAnimationFrame(() => requestAnimationFrame(() => { window.painted = performance.now(); }));
               }).observe(document.querySelector("main"), { childList: true }); }"""
        )
        page.keyboard.press("Enter")
        page.wait_for_function("window.painted > window.pressed")
        assert page.evaluate("document.querySelector('#media').complete && document.querySelector('#media').naturalWidth")
        page.evaluate("window.painted = 0")
