"""Beside the questions: examples of levels, reports, suggestions of the model, a word on rest."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from playwright.sync_api import Page, expect

from annotator.accounts.models import Role, User
from annotator.campaigns.models import Assignment, Campaign, Flag, FlagOutcome, Judgment, LevelExample
from annotator.campaigns.services import add_example, lease_next_item, set_suggestions
from tests.browser.annotating import answer_the_rest, azerty, begin, press, shown, standing, state, top_keys
from tests.factories import built_in_checklist, make_reward_model, make_score, write_image, write_video

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def clarity_examples(campaign: object, tmp_path: Path) -> None:
    """Two pictures and a clip of levels of clarity."""
    version = built_in_checklist("image")
    clip = write_video(tmp_path / "clip.webm", width=160, height=120)
    pictures = [write_image(tmp_path / f"{n}.png", width=320, height=240) for n in range(2)]
    for level, path, alt, caption in (
        (-2, pictures[0], "A face of which one sees only patches", "Nothing has an edge"),
        (2, pictures[1], "A face with every hair", ""),
        (2, clip, "A pan over a sharp wall", "Stays sharp while it moves"),
    ):
        add_example(
            checklist_version=version, sub_dimension="clarity", level=level, alt=alt, caption=caption,
            upload=SimpleUploadedFile(path.name, path.read_bytes()),
        )  # fmt: skip


def test_examples_open_beside_the_questions(
    open_page: Callable[..., Page], make_user: Callable[..., User], campaign: Callable[..., Campaign],
    clarity_examples: None, look: Callable,
) -> None:  # fmt: skip
    work = campaign(items=2)
    page = open_page(make_user("ann"))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    begin(page, work)
    page.wait_for_load_state("networkidle")
    assert not [url for url in asked if "/guide/" in url or "/examples/" in url]  # nothing before somebody looks
    guide = page.locator("#guide")
    page.locator("#ladder-clarity .name").click()
    page.keyboard.press("g")
    expect(guide.get_by_role("heading", name="Clarity")).to_be_visible()
    expect(guide.get_by_alt_text("A face with every hair")).to_be_visible()
    expect(guide.get_by_text("Nothing has an edge")).to_be_visible()
    expect(page.locator("#ladder-clarity")).to_be_focused()  # one goes on answering
    expect(page.locator("#ladder-clarity [data-guide]")).to_have_attribute("aria-expanded", "true")
    look(page, "annotate-examples", full_page=False)
    page.keyboard.press("5")
    expect(page.locator("#ladder-clarity [data-choice]")).to_have_text("Very clear")
    expect(guide.get_by_text("No example images for this question yet")).to_be_visible()  # of the next one
    assert len([url for url in asked if "/guide/" in url]) == 1
    page.locator("#ladder-clarity .name").click()
    guide.get_by_role("button", name=re.compile("A pan over a sharp wall")).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Stays sharp while it moves")).to_be_visible()
    assert page.evaluate("document.querySelector('#example-large video').muted")
    page.keyboard.press("Escape")
    guide.get_by_role("button", name="Close examples").focus()
    page.keyboard.press("Escape")
    expect(guide).to_be_hidden()
    expect(page.locator("#ladder-clarity")).to_be_focused()
    page.locator("#ladder-clarity [data-guide]").click()
    page.reload()
    expect(guide).to_be_visible()  # who works with them open finds them open


def test_an_admin_keeps_the_examples(
    open_page: Callable[..., Page], make_user: Callable[..., User], clarity_examples: None, look: Callable,
    snap: Callable, tmp_path: Path,
) -> None:  # fmt: skip
    page = open_page(make_user("root", Role.ADMIN), strict=False)  # a refused file answers 422
    version = built_in_checklist("image")
    page.goto(f"/campaigns/checklists/{version.pk}/")
    snap(page, "checklist-examples")
    page.get_by_role("link", name=re.compile("Examples ?: Clarity, Very clear")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Clarity: Very clear")
    look(page, "examples")
    page.get_by_label("Image or short clip").set_input_files(
        files=[{"name": "no.png", "mimeType": "image/png", "buffer": b"no picture"}]
    )
    page.locator("#id_new-alt").fill("A leaf")
    page.get_by_role("button", name="Add").click()
    expect(page.locator(".errors")).to_contain_text("no.png")
    page.get_by_label("Image or short clip").set_input_files(write_image(tmp_path / "leaf.png"))
    page.get_by_role("button", name="Add").click()
    leaf = page.get_by_role("form", name="A leaf")
    leaf.get_by_label("Description").fill("A leaf with its veins")
    leaf.get_by_role("button", name="Save").click()
    page.get_by_role("form", name="A leaf with its veins").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("Example removed")).to_be_visible()
    assert LevelExample.objects.filter(level=2).count() == 2


def test_a_problem_is_reported_and_the_work_goes_on(
    open_context: Callable, open_page: Callable[..., Page], make_user: Callable[..., User],
    campaign: Callable[..., Campaign], look: Callable, snap: Callable,
) -> None:  # fmt: skip
    """By keys, offline in between; a colleague meets the item veiled until a reviewer says that it is fine."""
    work, ann, bo = campaign(items=1), make_user("ann"), make_user("bo")
    context = open_context(ann)
    page = context.new_page()
    begin(page, work)
    page.wait_for_load_state("networkidle")
    press(page, ["3", "r"])
    azerty(page, 3)
    expect(page.get_by_label("Which question?")).to_have_value("object_pairing")  # the one in hand
    page.get_by_role("dialog").get_by_label("Comment").fill("two answers fit")
    snap(page, "annotate-flag")
    page.get_by_role("button", name="Report and continue").click()
    expect(page.get_by_text("Reported: Object pairing")).to_be_visible()
    expect(page.locator("#ladder-object_pairing")).to_be_focused()
    state(page, "saved")
    context.set_offline(True)
    press(page, ["r", "2", "Enter"])
    expect(page.get_by_text("Reported: Unsafe content")).to_be_visible()
    state(page, "offline")
    page.keyboard.press("3")  # answering goes on
    context.set_offline(False)
    state(page, "saved")
    mine = shown(page)
    assert set(mine.flags.values_list("reason", "sub_dimension", "note")) == {
        ("unclear", "object_pairing", "two answers fit"), ("unsafe", "", "")
    }  # fmt: skip
    assert standing(mine) == {"symmetry": 1, "object_pairing": 1}
    page.reload()
    expect(page.locator("#media")).to_be_visible()  # who reports it has seen it
    page.get_by_role("button", name=re.compile("Withdraw ?: Object pairing")).click()
    expect(page.get_by_text("Reported: Object pairing")).to_have_count(0)
    state(page, "saved")
    assert not mine.flags.filter(reason="unclear").exists()
    snap(page, "annotate-flagged")

    other = open_page(bo)
    begin(other, work)
    expect(other.get_by_text("An annotator chose not to look at this")).to_be_visible()
    expect(other.locator("#media")).to_be_hidden()
    rev = open_page(make_user("rev", Role.REVIEWER))
    rev.goto("/")
    rev.get_by_role("link", name="1 open report from annotators").click()
    look(rev, "flags")
    rev.get_by_placeholder("Note").fill("a statue")
    rev.get_by_role("button", name="Safe: show").click()
    expect(rev.get_by_text("1 report resolved")).to_be_visible()
    rev.get_by_role("link", name="Resolved").click()
    expect(rev.get_by_text("a statue")).to_be_visible()
    assert Flag.objects.get().outcome == FlagOutcome.DISMISSED
    other.reload()
    expect(other.locator("#media")).to_be_visible()


def test_what_the_model_suggests_is_accepted_with_one_key_and_its_pull_is_reported(
    open_page: Callable[..., Page], make_user: Callable[..., User], campaign: Callable[..., Campaign], look: Callable,
    wait_until: Callable, snap: Callable,
) -> None:  # fmt: skip
    work, ann = campaign(items=2), make_user("ann")
    model = make_reward_model()
    for row in work.campaign_items.select_related("item"):
        make_score(model, row.item, 0.9)
    page = open_page(make_user("root", Role.ADMIN))
    page.goto(f"/campaigns/{work.pk}/")
    page.get_by_role("link", name="Model suggestions: off").click()
    page.get_by_label("Items with suggestions").fill("80")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The change applies from the next")).to_be_visible()
    set_suggestions(campaign=work, percent=100)  # no lots drawn in a test
    desk = open_page(ann)
    begin(desk, work)
    first = shown(desk)
    expect(desk.locator("#left")).to_have_text("18 left")  # nothing is chosen by a suggestion
    expect(desk.locator("#ladder-symmetry .suggested b")).to_have_text("Symmetrical")
    expect(desk.get_by_text("The model suggests Symmetrical")).to_be_visible()
    snap(desk, "annotate-suggestions")
    desk.keyboard.press("a")
    expect(desk.locator("#ladder-symmetry [data-choice]")).to_have_text("Symmetrical")
    desk.locator("#ladder-object_pairing").get_by_role("button", name="Accept").click()
    desk.keyboard.press("1")  # one's own mind
    answer_the_rest(desk)
    desk.keyboard.press("Enter")
    wait_until(lambda: Assignment.objects.get(pk=first.pk).state == "submitted", "it was not submitted")
    assert set(first.judgments.values_list("suggestion_shown", flat=True)) == {True}
    kept = Judgment.objects.get(assignment=first, sub_dimension="main_object")
    assert kept.level < kept.suggested_level
    Assignment.objects.exclude(pk=first.pk).update(suggestions_shown=False)
    second = lease_next_item(campaign=work, annotator=ann)
    for name, level in (("symmetry", -1), ("clarity", 2)):
        told = second.suggestions[name]
        Judgment.objects.create(assignment=second, sub_dimension=name, level=level, suggested_level=told)
    Assignment.objects.filter(pk=second.pk).update(state="submitted")
    page.reload()
    row = page.get_by_role("row", name=re.compile("^Symmetry"))
    expect(row).to_contain_text("+100.0")
    look(page, "suggestions")


def test_a_word_on_rest_after_fifty_minutes_of_work(
    open_page: Callable[..., Page], make_user: Callable[..., User], campaign: Callable[..., Campaign], snap: Callable
) -> None:
    """However long an item takes; a pause of five minutes is a break."""
    work = campaign(items=3, lease_seconds=24 * 3600)
    page = open_page(make_user("ann"))
    page.clock.install()
    begin(page, work)
    reminder = page.get_by_text("minutes without a break")

    def item(minutes_between: int) -> None:
        for key in top_keys(work):
            page.clock.run_for(minutes_between * 60_000)
            page.keyboard.press(key)
        expect(page.locator("#left")).to_have_text("All answered")
        expect(page.locator("#save-state")).to_have_attribute("data-state", "saved", timeout=15_000)
        page.keyboard.press("Enter")
        expect(page.locator("#left")).to_have_text("18 left", timeout=15_000)

    item(3)
    expect(page.get_by_text("You have worked for 51 minutes without a break")).to_be_visible()
    snap(page, "annotate-rest")
    page.locator(".toast").get_by_role("button", name="Close").click()
    page.clock.run_for(30 * 60_000)
    item(2)  # 34 minutes after a break
    expect(reminder).to_have_count(0)
