"""Comparisons in the browser: two items side by side, by keys, taken back, skipped; and what reviewers see of them."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from annotator.accounts.models import Role, User
from annotator.campaigns.models import Assignment, Campaign, HumanComparison
from annotator.campaigns.services import (
    create_campaign,
    create_comparison_campaign,
    lease_next_item,
    lease_next_pair,
    load_builtin_checklists,
    record_comparison,
)
from annotator.library.models import Item
from tests.factories import make_generator, make_item, make_prompt

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def pairs(transactional_db: None, files: Path) -> list[tuple[Item, Item]]:
    """Three pairs: what a generator made of a prompt, and what another made of it."""
    load_builtin_checklists()
    one, other = make_generator("painter-xl", "1.0"), make_generator("painter-xl", "1.1")
    prompts = [make_prompt(f"A brass lamp beside an open window, number {number}") for number in range(3)]
    size = {"width": 900, "height": 600}
    return [tuple(make_item(prompt=prompt, generator=maker, **size) for maker in (one, other)) for prompt in prompts]


@pytest.fixture
def campaign(pairs: list[tuple[Item, Item]], make_user: Callable[..., User]) -> Campaign:
    """An open campaign of these pairs; bo has compared the first."""
    found = create_comparison_campaign(
        name="Tuned against start", pairs=pairs, overlap=2, state="open", guidelines="Choose by the prompt first."
    )
    bo = make_user("bo")
    comparison = lease_next_pair(campaign=found, annotator=bo)
    record_comparison(token=comparison.token, annotator=bo, preference="left")
    return found


def press(page: Page, key: str) -> None:
    page.wait_for_load_state()  # the page listens only once its script has run
    page.keyboard.press(key)


SHOWN = """() => [...document.querySelectorAll(".side img")].map((image) => {
    const m = new DOMMatrix(getComputedStyle(image).transform), c = image.parentElement.getBoundingClientRect();
    return [(c.width / 2 - m.e) / (image.width * m.a), (c.height / 2 - m.f) / (image.height * m.d),
            m.a / Math.min(c.width / image.width, c.height / image.height, 2)];
})"""


def looked_at_alike(page: Page) -> tuple[float, float, float]:
    """What both images have in the middle of their frames (as shares of each), and how far they are zoomed in."""
    left, right = page.evaluate(SHOWN)
    assert left == pytest.approx(right, abs=0.01)
    return tuple(left)


def test_an_annotator_compares_by_keys_goes_back_and_skips(
    open_page: Callable[..., Page], campaign: Campaign, make_user: Callable[..., User], look: Callable
) -> None:
    page = open_page(make_user("ann"))
    page.goto("/campaigns/")
    page.get_by_role("link", name=re.compile("^Start :|^Start$")).click()
    expect(page.get_by_text("3 pairs remaining")).to_be_visible()
    expect(page.locator("main")).not_to_contain_text("painter-xl")  # blind
    look(page, "compare")
    page.set_viewport_size({"width": 1366, "height": 768})
    for name in ("Left is better", "No difference", "Skip…", "Keys"):
        expect(
            page.locator(".choices button, .pair-foot > * > summary, .pair-foot > button", has_text=name)
        ).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollHeight") <= 768
    assert looked_at_alike(page) == pytest.approx((0.5, 0.5, 1), abs=0.01)
    page.locator(".canvas").last.hover(position={"x": 450, "y": 200})
    page.mouse.wheel(0, -400)
    page.wait_for_timeout(50)
    across, down, zoom = looked_at_alike(page)
    assert across > 0.52
    assert down < 0.48
    assert zoom > 1.5
    press(page, "l")
    expect(page.locator(".loupe")).to_have_count(2)
    assert page.locator(".loupe").evaluate_all("all => all.every((loupe) => !loupe.hidden)")
    press(page, "?")
    expect(page.get_by_role("dialog")).to_contain_text("back to the previous pair")
    page.keyboard.press("2")  # nothing is answered behind the window
    page.keyboard.press("Escape")
    press(page, "1")
    expect(page.get_by_text("2 pairs remaining")).to_be_visible()
    press(page, "Backspace")
    expect(page.get_by_text("Your answer: Left. Choose again to change it.")).to_be_visible()
    look(page, "compare-again")
    press(page, "ArrowRight")
    expect(page.get_by_text("2 pairs remaining")).to_be_visible()
    press(page, "s")
    page.keyboard.press("3")
    expect(page.get_by_label("A question is unclear here")).to_be_checked()
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 pair remaining")).to_be_visible()
    page.get_by_role("button", name="No difference").click()
    expect(page.get_by_text("You have compared every pair")).to_be_visible()
    mine = HumanComparison.objects.filter(annotator__username="ann").order_by("pk")
    assert list(mine.values_list("state", "preference")) == [
        ("submitted", "right"),
        ("skipped", ""),
        ("submitted", "tie"),
    ]
    page.goto(f"/campaigns/{campaign.pk}/mine/")
    expect(page.locator(".own-tile")).to_have_count(3)
    look(page, "compare-mine")


def test_an_admin_makes_a_campaign_of_comparisons(
    open_page: Callable[..., Page], pairs: list[tuple[Item, Item]], make_user: Callable[..., User], look: Callable
) -> None:
    page = open_page(make_user("root", Role.ADMIN))
    page.goto("/campaigns/new/pairs/")
    page.get_by_label("Name").fill("Tuned against start")
    page.get_by_label("Checklist").select_option(label="Image checklist v1")
    page.get_by_label("First generator").select_option(label="painter-xl 1.1")
    expect(page.get_by_text("3 pairs match.")).to_be_visible()
    look(page, "comparing-create")
    page.get_by_role("button", name="Create campaign").click()
    expect(page.get_by_text("The campaign has 3 pairs.")).to_be_visible()


def test_a_reviewer_sees_what_was_said_of_each_pair(
    open_page: Callable[..., Page], campaign: Campaign, make_user: Callable[..., User], look: Callable
) -> None:
    page = open_page(make_user("rae", Role.ADMIN))
    page.goto("/campaigns/")
    page.get_by_role("link", name="Tuned against start").click()
    expect(page.locator(".pair-result")).to_have_count(3)
    expect(page.locator(".pair-result").first).to_contain_text("1 of 2")
    look(page, "comparing-campaign")


def test_items_one_has_annotated_are_compared_too(
    open_page: Callable[..., Page], pairs: list[tuple[Item, Item]], make_user: Callable[..., User]
) -> None:
    version = next(v for v, _ in load_builtin_checklists() if v.media_type == "image")
    running = create_campaign(
        name="Street photographs", checklist_version=version, items=pairs[0], overlap=2, state="open"
    )
    ann = make_user("ann")
    while lease := lease_next_item(campaign=running, annotator=ann):
        Assignment.objects.filter(pk=lease.pk).update(state="submitted")
    page = open_page(ann)
    page.goto(f"/campaigns/{running.pk}/")
    page.get_by_role("link", name="Compare pairs").click()
    expect(page.get_by_text("1 pair remaining")).to_be_visible()
    press(page, "2")
    expect(page.get_by_text("No pairs are available for you now")).to_be_visible()
    assert HumanComparison.objects.get().preference == "tie"
