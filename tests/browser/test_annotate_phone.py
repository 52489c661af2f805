"""The annotator's flows on a phone, by touch alone."""

import re
from collections.abc import Callable

import crowdkit.aggregation  # noqa: F401 - takes seconds; loaded here, no page of a test waits for it
import pytest
from playwright.sync_api import Page, expect

from annotator.accounts.models import Role, User
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Assignment, AssignmentState, Campaign, CampaignState, Flag, Purpose
from annotator.campaigns.services import flag_item, lease_next_item, set_suggestions
from annotator.library.models import MediaType
from annotator.trust.models import Adjudication, AnnotatorStanding, QualificationAttempt, TrustPolicy
from annotator.trust.services import follow_up, set_known_answers
from tests.browser.annotating import answer_the_rest, begin, newest, shown, standing, state
from tests.factories import make_annotations, make_reward_model, make_score

pytestmark = pytest.mark.django_db(transaction=True)


def tap(page: Page, ladder: str, level: str) -> None:
    """Open a ladder and choose a level by its name, as a finger does."""
    box = page.locator(f"#ladder-{ladder}")
    if "current" not in (box.get_attribute("class") or ""):
        box.locator(".name").tap()
    # A finger takes its time; two taps at one place within a quarter of a second are a double tap.
    page.wait_for_timeout(page.evaluate("Math.max(0, 260 - performance.now() + (window.tapped ?? -1e6))"))
    page.evaluate("window.tapped = performance.now()")
    box.locator(".level", has=page.locator("b", has_text=re.compile(f"^{level}$"))).tap()


def test_a_phone_that_loses_its_line_and_is_closed(
    open_context: Callable, make_user: Callable[..., User], campaign: Callable[..., Campaign], wait_until: Callable
) -> None:
    """Cut in the middle of an item, submitted offline, the tab killed: all of it arrives with the next visit."""
    work, ann = campaign(items=2), make_user("ann")
    context = open_context(ann, phone=True)
    page = context.new_page()
    begin(page, work)
    first = shown(page)
    page.wait_for_load_state("networkidle")
    page.locator("#ladder-symmetry .level").last.tap()
    state(page, "saved")
    context.set_offline(True)
    page.locator("#ladder-object_pairing .level").last.tap(position={"x": 120, "y": 12})
    expect(page.locator("#save-state")).to_have_text("Offline: 1 answer kept here")
    assert first.judgments.count() == 1
    answer_the_rest(page)
    page.get_by_role("button", name="Submit").tap()
    expect(page.locator("#left")).to_have_text("18 left")
    page.close()
    context.set_offline(False)
    again = context.new_page()
    again.goto(f"/campaigns/assignments/{newest(ann).token}/")
    wait_until(lambda: Assignment.objects.get(pk=first.pk).state == AssignmentState.SUBMITTED, "it was not submitted")
    assert first.changes.count() == 18  # each once
    # An answer of one's own is looked at again and corrected.
    again.goto(f"/campaigns/{work.pk}/mine/")
    again.get_by_role("link", name=re.compile("Submitted")).tap()
    tap(again, "clarity", "Blurry")
    state(again, "saved")
    assert list(first.changes.filter(sub_dimension="clarity").values_list("level", flat=True)) == [2, -1]


def test_masks_undo_double_taps_and_single_questions(
    open_page: Callable[..., Page], make_user: Callable[..., User], campaign: Callable[..., Campaign],
    wait_until: Callable,
) -> None:  # fmt: skip
    page = open_page(make_user("ann"), phone=True)
    begin(page, campaign())
    mine = shown(page)
    first = page.locator("#ladder-symmetry .level").last
    box = first.bounding_box()
    for _ in range(2):  # a double tap: the second half must not answer the ladder that has moved under the finger
        page.touchscreen.tap(box["x"] + 60, box["y"] + 12)
    expect(page.locator("#ladder-object_pairing")).to_be_focused()
    state(page, "saved")
    assert standing(mine) == {"symmetry": 1}
    tap(page, "lighting_distinction", "No lighting")
    beauty = page.locator("#ladder-lighting_aesthetic")
    expect(beauty.get_by_text("determined by")).to_be_visible()
    wait_until(lambda: standing(mine).get("lighting_aesthetic") == -1, "what follows was not saved")
    page.get_by_role("button", name="Undo").tap()
    expect(beauty.get_by_text("determined by")).to_be_hidden()
    wait_until(lambda: standing(mine) == {"symmetry": 1}, "what the mask had closed was not given back")
    page.get_by_role("button", name="Shortcuts and options").tap()
    page.get_by_label("Ask yes/no questions").tap()
    page.get_by_role("dialog").get_by_role("button", name="Close").tap()
    page.locator("#ladder-richness .name").tap()
    for answer in ("Yes", "Yes", "No"):
        page.locator(".ladder.current").get_by_role("button", name=answer, exact=True).tap()
    expect(page.locator("#ladder-richness [data-choice]")).to_have_text("Ordinary")
    wait_until(lambda: standing(mine) == {"symmetry": 1, "richness": 0})


def test_reports_skips_veils_and_suggestions(
    open_page: Callable[..., Page], make_user: Callable[..., User], campaign: Callable[..., Campaign], snap: Callable,
    wait_until: Callable,
) -> None:  # fmt: skip
    work, ann, bo = campaign(items=2), make_user("ann"), make_user("bo")
    model = make_reward_model()
    for row in work.campaign_items.select_related("item"):
        make_score(model, row.item, 0.9)
    set_suggestions(campaign=work, percent=100)
    theirs = lease_next_item(campaign=work, annotator=bo)
    flag_item(token=theirs.token, annotator=bo, reason="unsafe")
    page = open_page(ann, phone=True)
    begin(page, work)
    page.wait_for_load_state("networkidle")
    mine = shown(page)
    expect(page.locator("#media")).to_be_hidden()
    page.get_by_role("button", name="Show").tap()
    expect(page.locator("#media")).to_be_visible()
    page.locator(".ladder.current").get_by_role("button", name="Accept").tap()
    expect(page.locator("#ladder-symmetry [data-choice]")).to_have_text("Symmetrical")
    snap(page, "annotate-suggestions-phone")
    page.get_by_role("button", name="Report a problem").tap()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("A question is unclear here").tap()
    snap(page, "annotate-flag-phone")
    dialog.get_by_role("button", name="Report and continue").tap()
    expect(page.get_by_text("Reported: Object pairing")).to_be_visible()
    state(page, "saved")
    assert mine.flags.get().sub_dimension == "object_pairing"
    page.locator("#open-skip").tap()
    dialog.get_by_label("The media does not load or play").tap()
    dialog.get_by_role("button", name="Skip", exact=True).tap()
    expect(page).not_to_have_url(re.compile(f"/{mine.token}/"))
    wait_until(lambda: Assignment.objects.get(pk=mine.pk).skip_reason == "broken", "it was not skipped")
    assert set(Flag.objects.filter(assignment=mine).values_list("reason", "with_skip")) == {
        ("unclear", False), ("broken", True)
    }  # fmt: skip


def test_a_campaign_is_closed_and_a_second_window_shows_the_same(
    open_context: Callable, make_user: Callable[..., User], campaign: Callable[..., Campaign]
) -> None:
    work, ann = campaign(items=1, overlap=1), make_user("ann")
    context = open_context(ann, phone=True)
    page, second = context.new_page(), context.new_page()
    begin(page, work)
    second.goto(page.url)
    expect(second.locator("#workspace.scripted")).to_be_visible()
    page.locator("#ladder-symmetry .level").last.tap()
    expect(second.locator("#ladder-symmetry [data-choice]")).to_have_text("Symmetrical")
    state(page, "saved")
    second.close()
    page.wait_for_load_state("networkidle")  # asking for the next item must not come between
    Campaign.objects.update(state=CampaignState.CLOSED)
    page.locator("#ladder-object_pairing .level").last.tap(position={"x": 120, "y": 12})
    expect(page.get_by_text("is closed")).to_be_visible()
    expect(page.locator("#ladder-object_pairing [data-choice]")).to_be_empty()
    page.get_by_role("button", name="Discard").tap()
    state(page, "saved")


def test_a_clip_is_played_and_stepped(
    open_page: Callable[..., Page], make_user: Callable[..., User], campaign: Callable[..., Campaign],
    wait_until: Callable,
) -> None:  # fmt: skip
    page = open_page(make_user("ann"), phone=True)
    begin(page, campaign(MediaType.VIDEO, 1))
    video = "document.querySelector('#media')"
    wait_until(lambda: page.evaluate(f"{video}.currentTime > 0 && !{video}.paused"), "it does not play by itself")
    page.locator("#media").tap()
    wait_until(lambda: page.evaluate(f"{video}.paused"), "a tap does not pause it")
    page.locator("#scrub").fill("500")
    wait_until(lambda: page.evaluate(f"!{video}.seeking"))
    frame = f"Math.floor({video}.currentTime * 10 + 0.001)"
    at = page.evaluate(frame)
    page.get_by_role("button", name="Next frame").tap()
    wait_until(lambda: page.evaluate(frame) == at + 1, "one frame on is not one frame on")
    page.get_by_role("button", name="Previous frame").tap()
    wait_until(lambda: page.evaluate(frame) == at)
    page.get_by_role("button", name="First and last frame").tap()
    expect(page.locator("#ends")).to_be_visible()


def test_an_image_is_pinched_moved_and_looked_at_closely(
    open_page: Callable[..., Page], make_user: Callable[..., User], campaign: Callable[..., Campaign]
) -> None:
    page = open_page(make_user("ann"), phone=True)
    begin(page, campaign(items=1))
    fingers = page.context.new_cdp_session(page)
    box = page.locator("#canvas").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def touch(kind: str, *points: tuple[float, float]) -> None:
        fingers.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [{"x": a, "y": b, "id": n} for n, (a, b) in enumerate(points)]},
        )

    zoom = page.locator("#zoom")
    fitted = zoom.inner_text()
    page.get_by_role("button", name="100%").tap()
    expect(zoom).to_have_text("100%")
    touch("touchStart", (x - 20, y), (x + 20, y))
    for span in (40, 60, 80):
        touch("touchMove", (x - span, y), (x + span, y))
    touch("touchEnd")
    expect(zoom).not_to_have_text(re.compile(rf"^(100%|{fitted})$"))
    left = "new DOMMatrix(getComputedStyle(document.querySelector('#media')).transform).e"
    before = page.evaluate(left)
    touch("touchStart", (x, y))
    touch("touchMove", (x - 30, y))
    page.wait_for_timeout(150)  # the finger rests: thrown off, the picture would swallow the next tap
    touch("touchMove", (x - 30, y))
    touch("touchEnd")
    assert page.evaluate(left) == pytest.approx(before - 30, abs=1)
    page.get_by_role("button", name="Magnifier").tap()
    expect(page.locator("#loupe")).to_be_visible()
    page.get_by_role("button", name="Magnifier").tap()
    page.get_by_role("button", name="Fit", exact=True).tap()
    expect(zoom).to_have_text(fitted)


def test_the_test_is_failed_then_passed_and_gold_brings_a_pause(
    open_page: Callable[..., Page], make_user: Callable[..., User], campaign: Callable[..., Campaign], snap: Callable,
    wait_until: Callable[..., None],
) -> None:  # fmt: skip
    work, ann = campaign(items=3), make_user("ann")
    TrustPolicy.objects.create(
        campaign=work, require_qualification=True, attempts_allowed=2, gold_every=1, gold_items_before=1, gold_share=0.9
    )
    test, gold, _ordinary = work.campaign_items.order_by("pk")
    set_known_answers(campaign_item=test, levels={"clarity": -2}, purpose=Purpose.QUALIFICATION)
    set_known_answers(campaign_item=gold, levels={"clarity": -2, "richness": -2})
    page = open_page(ann, phone=True)
    page.goto(f"/campaigns/{work.pk}/")
    expect(page.get_by_text("First, take a short test of 1 item")).to_be_visible()
    page.get_by_role("link", name=re.compile("^Start")).tap()
    for clarity, verdict in (("Very clear", "Not quite"), ("Very blurry", "Correct.")):
        expect(page.locator("#left")).to_have_text("18 left")
        tap(page, "clarity", clarity)
        expect(page.locator("#ladder-clarity .feedback")).to_contain_text(verdict)
        snap(page, "annotate-test-phone")
        answer_the_rest(page)
        before = page.url
        page.get_by_role("button", name="Submit").tap()
        page.wait_for_url(lambda url, before=before: url != before and "/assignments/" in url)
    attempts = QualificationAttempt.objects.filter(annotator=ann).order_by("number")
    assert [attempt.passed for attempt in attempts] == [False, True]
    assert shown(page).campaign_item == gold  # and nothing on the page tells it
    expect(page.locator("#left")).to_have_text("18 left")
    answer_the_rest(page)
    here = page.url
    page.get_by_role("button", name="Submit").tap()
    page.wait_for_url(lambda url: url != here)
    submitted = Assignment.objects.filter(campaign_item=gold, state=AssignmentState.SUBMITTED)
    wait_until(submitted.exists, "the item with known answers was not submitted")
    follow_up(assignment_id=submitted.get().pk)  # as a worker does after the commit
    assert AnnotatorStanding.objects.get(annotator=ann).state == "paused"
    page.goto(f"/campaigns/{work.pk}/work/")
    expect(page.get_by_text("Nothing you did is lost").first).to_be_visible()
    snap(page, "trust-paused-phone")


def test_a_reviewer_decides(
    open_page: Callable[..., Page], make_user: Callable[..., User], campaign: Callable[..., Campaign]
) -> None:
    work = campaign(items=1)
    item = work.campaign_items.get().item
    best = {sub.id: sub.highest for sub in checklist_of(work.checklist_version).ordinal}
    make_annotations(work, [(item, make_user("ann"), best), (item, make_user("ben"), best | {"clarity": -2})])
    page = open_page(make_user("rev", Role.REVIEWER), phone=True)
    page.goto(f"/campaigns/{work.pk}/")
    page.get_by_role("link", name="Review disagreements").tap()
    page.get_by_role("button", name="Start").tap()
    ladder = page.locator(".review-ladder.disputed")
    expect(ladder.locator("legend")).to_contain_text("Clarity")
    ladder.locator("label", has_text="Fairly clear").tap()
    page.get_by_role("button", name="Save and go to next").tap()
    expect(page.get_by_text("Decisions saved")).to_be_visible()
    decided = Adjudication.objects.get()
    assert (decided.sub_dimension, decided.level) == ("clarity", 0)


def test_the_workspace_in_chinese(
    open_page: Callable[..., Page], make_user: Callable[..., User], campaign: Callable[..., Campaign], snap: Callable
) -> None:
    work, ann = campaign(items=1), make_user("ann")
    page = open_page(ann, phone=True)
    page.goto("/")
    page.get_by_label("Account and appearance").tap()
    page.get_by_role("button", name="简体中文").tap()
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
    begin(page, work)
    tap(page, "clarity", "非常清晰")
    state(page, "saved")
    assert standing(shown(page)) == {"clarity": 2}
    snap(page, "annotate-chinese-phone")
