"""What the tests of the annotator's workspace share: a campaign to work in, and words for what one does there."""

import itertools
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from annotator.accounts.models import User
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Assignment, Campaign, CampaignState, Judgment
from annotator.campaigns.services import create_campaign, lease_next_item, release_expired_leases
from annotator.library.models import MediaType
from tests.factories import built_in_checklist, make_item

NUMBER = itertools.count(1)
PROMPTS = [
    "A red kite over a gray sea, seen from the pier, late afternoon light",
    "Two old friends play chess in a park, autumn leaves on the board, warm light, wide shot",
    "A brass lamp on a desk, morning light, three books beside it",
]


@pytest.fixture
def campaign(transactional_db: None, files: object) -> Callable[..., Campaign]:
    """``campaign("video", 2)``: an open campaign over real media, which everybody gets in the order of their ids."""

    def make(media_type: str = MediaType.IMAGE, items: int = 2, **fields: object) -> Campaign:
        version = built_in_checklist(media_type)
        size = {"width": 320, "height": 240} if media_type == MediaType.VIDEO else {"width": 900, "height": 600}
        media = [make_item(media_type, prompt=PROMPTS[n % 3], **size) for n in range(items)]
        made = create_campaign(
            name=f"Street photographs {next(NUMBER)}", checklist_version=version, items=media,
            **{"state": CampaignState.OPEN, "overlap": 2, **fields},
        )  # fmt: skip
        for place, row in enumerate(made.campaign_items.order_by("-pk")):
            made.campaign_items.filter(pk=row.pk).update(priority=place)
        return made

    return make


def begin(page: Page, campaign: Campaign) -> None:
    page.goto(f"/campaigns/{campaign.pk}/work/")
    expect(page.locator("#workspace.scripted")).to_be_visible()
    expect(page.locator(".ladder.current")).to_be_focused()


def shown(page: Page) -> Assignment:
    """The assignment on the screen."""
    return Assignment.objects.get(token=page.url.rstrip("/").rsplit("/", 1)[-1])


def top_keys(campaign: Campaign) -> list[str]:
    """The key of each ladder's highest level, in order: no mask closes anything, nothing is unsafe."""
    return [str(len(sub.levels) - sub.masked_by_other) for sub in checklist_of(campaign.checklist_version).ordinal]


def press(page: Page, keys: list[str]) -> int:
    for key in keys:
        page.keyboard.press(key)
    return len(keys)


def azerty(page: Page, place: int) -> None:
    """The key of a French keyboard, where digits need shift."""
    page.evaluate(
        """([key, code]) => document.activeElement.dispatchEvent(
            new KeyboardEvent("keydown", { key, code, bubbles: true, cancelable: true }))""",
        ["&é\"'(-è_ç"[place - 1], f"Digit{place}"],
    )


def standing(assignment: Assignment) -> dict[str, int]:
    return dict(Judgment.objects.filter(assignment=assignment).values_list("sub_dimension", "level"))


@pytest.fixture
def snap(screenshots: Path) -> Callable[..., None]:
    """``snap(page, "name")``: one picture. ``look`` (both sizes and themes, axe) is for states that differ much."""

    def shoot(page: Page, name: str) -> None:
        page.screenshot(path=screenshots / f"{name}.png")

    return shoot


def state(page: Page, name: str) -> None:
    expect(page.locator("#save-state")).to_have_attribute("data-state", name)


def newest(user: User) -> Assignment:
    return Assignment.objects.filter(annotator=user).latest("pk")


def lapse_to(assignment: Assignment, other: User) -> Assignment:
    """The lease runs out, and somebody else gets the item; their assignment."""
    Assignment.objects.filter(pk=assignment.pk).update(lease_expires_at=timezone.now() - timedelta(minutes=1))
    release_expired_leases()
    theirs = lease_next_item(campaign=assignment.campaign_item.campaign, annotator=other)
    assert theirs is not None
    return theirs


def answer_the_rest(page: Page) -> None:
    """The highest level of every ladder that is still open, by keys the page is told of at once: where a test is not
    about answering."""
    page.evaluate(
        """() => {
          while (!document.querySelector("#workspace.complete")) {
            const key = [...document.querySelectorAll(".ladder.current input:not([disabled])")].at(-1).dataset.key;
            const pressed = new KeyboardEvent("keydown", { key, code: `Digit${key}`, bubbles: true });
            document.activeElement.dispatchEvent(pressed);
          }
        }"""
    )
