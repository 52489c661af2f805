"""The annotator's workspace in the browser."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from annotator.accounts.models import User
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Assignment, AssignmentState, Campaign, CampaignState, Judgment
from annotator.campaigns.services import lease_next_item, skip_assignment
from annotator.library.models import MediaType
from tests.browser.annotating import PROMPTS, azerty, begin, lapse_to, newest, press, shown, standing, state, top_keys
from tests.browser.conftest import accessible

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_image_from_first_key_to_the_next_item(
    open_page: Callable[..., Page], make_user: Callable[..., User], campaign: Callable[..., Campaign], look: Callable,
    snap: Callable, wait_until: Callable,
) -> None:  # fmt: skip
    work, ann = campaign(items=3), make_user("ann")
    page = open_page(ann)
    begin(page, work)
    first = shown(page)
    look(page, "annotate-image", full_page=False)
    page.set_viewport_size({"width": 1366, "height": 768})
    page.keyboard.press("?")
    for part in (page.locator("#keys-title"), page.get_by_label("Turn off single-key shortcuts")):
        expect(part).to_be_in_viewport(ratio=1)
    page.keyboard.press("Escape")
    for word in ("Skip", "Report", "Undo", "Keys"):
        expect(page.locator(".workbar .word", has_text=word)).to_be_in_viewport(ratio=1)
    page.keyboard.press("j")
    page.keyboard.press("Enter")  # too early
    expect(page.locator("#left")).to_have_text("18 questions still open")
    expect(page.locator("#left")).to_be_in_viewport(ratio=1)
    expect(page.locator(".ladder").first).to_be_focused()
    keys = press(page, top_keys(work))  # one keystroke a sub-dimension …
    expect(page.locator("#left")).to_have_text("All answered")
    sign = page.locator("#open-skip svg").bounding_box()
    assert sign
    assert sign["width"] >= 12
    state(page, "saved")
    expect(page.locator("#submit")).to_be_focused()
    snap(page, "annotate-image-answered")
    page.keyboard.press("Enter")  # … and one more
    assert keys + 1 == 19
    expect(page).to_have_url(re.compile(rf"/campaigns/assignments/(?!{first.token}/)[0-9a-f-]+/"))
    expect(page.locator("#left")).to_have_text("18 left")
    expect(page.locator(".ladder.current")).to_be_focused()
    expect(page.locator("#today")).to_have_text("1")
    wait_until(lambda: Assignment.objects.get(pk=first.pk).state == AssignmentState.SUBMITTED, "it was not submitted")
    assert standing(first) == {sub.id: sub.highest for sub in checklist_of(work.checklist_version).ordinal}


def test_answers_that_gather_behind_a_slow_request_travel_together(
    open_page: Callable[..., Page], make_user: Callable[..., User], campaign: Callable[..., Campaign]
) -> None:
    """The rest of the item and its submission are one request."""
    work, ann = campaign(items=2), make_user("ann")
    page = open_page(ann)
    begin(page, work)
    page.wait_for_load_state("networkidle")
    first, sent, held = shown(page), [], []

    def slow(route: object) -> None:
        sent.append(len(route.request.post_data_json["judgments"]))
        if len(sent) == 1:
            held.append(route)
        else:
            route.continue_()

    page.route(re.compile(r"/(judgments|submit)/$"), slow)
    press(page, top_keys(work))
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert len(sent) == 1
    held[0].continue_()
    state(page, "saved")
    assert len(sent) == 2
    assert sum(sent) == 18
    assert Assignment.objects.get(pk=first.pk).state == AssignmentState.SUBMITTED
    assert standing(first) == {sub.id: sub.highest for sub in checklist_of(work.checklist_version).ordinal}


def test_a_submitted_item_is_corrected(
    open_page: Callable[..., Page], make_user: Callable[..., User], campaign: Callable[..., Campaign],
    wait_until: Callable, snap: Callable,
) -> None:  # fmt: skip
    work, ann = campaign(items=2), make_user("ann")
    page = open_page(ann)
    begin(page, work)
    first = shown(page)
    press(page, top_keys(work))
    page.keyboard.press("Enter")
    expect(page.locator("#left")).to_have_text("18 left")
    state(page, "saved")
    page.keyboard.press("Shift+K")
    expect(page.get_by_text("You have submitted this item")).to_be_visible()
    page.locator("#ladder-clarity .name").click()
    page.keyboard.press("1")
    expect(page.locator("#ladder-clarity [data-choice]")).to_have_text("Very blurry")
    wait_until(lambda: standing(first)["clarity"] == -2, "the correction was not saved")
    assert list(first.changes.filter(sub_dimension="clarity").values_list("level", flat=True)) == [2, -2]
    page.keyboard.press("Enter")
    expect(page.locator("#left")).to_have_text("18 left")
    page.goto(f"/campaigns/{work.pk}/mine/")
    snap(page, "campaign-mine")
    page.get_by_role("link", name=re.compile("Submitted")).click()
    expect(page.locator("#ladder-clarity [data-choice]")).to_have_text("Very blurry")


def test_the_next_item_waits_ready(
    open_page: Callable[..., Page], make_user: Callable[..., User], campaign: Callable[..., Campaign]
) -> None:
    """Nothing is loaded between submit and the next item: its page and its picture are there before."""
    page = open_page(make_user("ann"))
    work = campaign(items=4)
    with page.expect_response(re.compile(r"/next/")):
        begin(page, work)
    for _ in range(2):
        page.wait_for_load_state("networkidle")
        press(page, top_keys(work))
        state(page, "saved")
        asked: list[str] = []
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.evaluate(
            """() => {
              const before = document.querySelector("#workspace");
              addEventListener("keydown", () => { window.pressed = performance.now(); }, { capture: true, once: true });
              window.swapped = new Promise((resolve) => new MutationObserver((_, observer) => {
                if (document.querySelector("#workspace") === before) return;
                observer.disconnect();
                requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - window.pressed)));
              }).observe(document.querySelector("main"), { childList: true }));
            }"""
        )
        page.keyboard.press("Enter")
        print("submit to paint:", round(page.evaluate("window.swapped")), "ms")
        assert page.evaluate("(media => media.complete && media.naturalWidth)(document.querySelector('#media'))")
        page.wait_for_load_state("networkidle")
        kinds = [
            re.sub(r"[0-9a-f-]{36}|\d+", "N", url.split("/", 3)[3].split("?")[0])
            for url in asked
            if "/static/" not in url
        ]
        # The one before is submitted, and one further is fetched; the one on the screen is not asked for again.
        assert kinds[0] == "campaigns/assignments/N/submit/"
        assert sum(kind.startswith("campaigns/media/") for kind in kinds) <= 2, kinds


def test_a_mask_closes_its_ladder_and_undo_opens_it_again(
    open_page: Callable[..., Page], make_user: Callable[..., User], campaign: Callable[..., Campaign],
    wait_until: Callable, snap: Callable,
) -> None:  # fmt: skip
    work, ann = campaign(), make_user("ann")
    page = open_page(ann)
    begin(page, work)
    beauty, light = page.locator("#ladder-lighting_aesthetic"), page.locator("#ladder-lighting_distinction")
    beauty.locator(".name").click()
    page.keyboard.press("3")
    light.locator(".name").click()
    page.keyboard.press("1")
    expect(beauty).to_have_class(re.compile("closed"))
    expect(beauty.locator("[data-choice]")).to_have_text("No lighting")
    expect(beauty.get_by_text("determined by")).to_be_visible()
    snap(page, "annotate-mask")
    first = min(Assignment.objects.all(), key=lambda assignment: assignment.pk)
    wait_until(lambda: standing(first) == {"lighting_aesthetic": -1, "lighting_distinction": -1})
    page.keyboard.press("Backspace")
    expect(light).to_be_focused()
    expect(beauty.locator("[data-choice]")).to_have_text("Very beautiful")
    wait_until(lambda: standing(first) == {"lighting_aesthetic": 2}, "what the mask had closed was not given back")
    page.keyboard.press("Backspace")
    expect(beauty.locator("[data-choice]")).to_be_empty()
    wait_until(lambda: standing(first) == {})
    page.locator("#ladder-safety .name").click()
    expect(page.locator("#ladder-unsafe_type")).to_be_hidden()
    page.keyboard.press("2")
    expect(page.locator("#ladder-unsafe_type")).to_be_focused()
    page.keyboard.press("2")
    page.locator("#ladder-safety .name").click()
    page.keyboard.press("5")
    expect(page.locator("#ladder-unsafe_type")).to_be_hidden()
    wait_until(lambda: standing(first) == {"safety": 1})


def test_a_lost_connection_loses_no_answer(
    open_context: Callable, make_user: Callable[..., User], campaign: Callable[..., Campaign], wait_until: Callable,
    snap: Callable,
) -> None:  # fmt: skip
    """Cut in the middle of an item, submitted offline, the next item begun, the tab closed: all of it arrives."""
    work, ann = campaign(items=3), make_user("ann")
    context = open_context(ann)
    page = context.new_page()
    begin(page, work)
    first = shown(page)
    page.wait_for_load_state("networkidle")
    keys = top_keys(work)
    press(page, keys[:5])
    state(page, "saved")
    context.set_offline(True)
    press(page, keys[5:8])
    expect(page.locator("#save-state")).to_have_text("Offline: 3 answers kept here")
    snap(page, "annotate-offline")
    assert first.judgments.count() == 5
    press(page, keys[8:])
    page.keyboard.press("Enter")
    expect(page.locator("#left")).to_have_text("18 left")
    page.keyboard.press("1")
    second = newest(ann)
    page.close()
    context.set_offline(False)
    assert Assignment.objects.get(pk=first.pk).state == AssignmentState.LEASED
    again = context.new_page()
    again.goto(f"/campaigns/assignments/{second.token}/")  # whichever page of the workspace is opened next sends it
    wait_until(lambda: Assignment.objects.get(pk=first.pk).state == AssignmentState.SUBMITTED, "it was not submitted")
    wait_until(lambda: second.judgments.count() == 1, "the answer of the next item was lost")
    state(again, "saved")
    assert first.judgments.count() == 18
    assert first.changes.count() == 18  # each once


def test_a_connection_that_comes_back_is_used_by_itself(
    open_context: Callable, make_user: Callable[..., User], campaign: Callable[..., Campaign], wait_until: Callable
) -> None:
    work, ann = campaign(), make_user("ann")
    context = open_context(ann)
    page = context.new_page()
    begin(page, work)
    page.wait_for_load_state("networkidle")
    context.set_offline(True)
    page.keyboard.press("2")
    state(page, "offline")
    context.set_offline(False)
    state(page, "saved")
    assert Judgment.objects.count() == 1


def test_a_server_in_trouble_and_answers_that_arrived_although_nobody_said_so(
    open_context: Callable, make_user: Callable[..., User], campaign: Callable[..., Campaign], wait_until: Callable
) -> None:
    """Errors are tried again; a save whose answer got lost is sent again and has its effect once."""
    work, ann = campaign(), make_user("ann")
    page = open_context(ann).new_page()
    begin(page, work)
    page.wait_for_load_state("networkidle")
    tries = []

    def unlucky(route: object) -> None:
        tries.append(route.request.post_data_json["judgments"][0]["key"])
        if len(tries) == 1:
            route.fulfill(status=502, body="bad gateway")
        elif len(tries) == 2:
            route.fetch()  # it arrives at the server …
            route.abort()  # … and its answer never arrives here
        else:
            route.continue_()

    page.route("**/judgments/", unlucky)
    page.keyboard.press("2")
    state(page, "trouble")
    state(page, "saved")
    assert len(tries) >= 3
    assert len(set(tries)) == 1
    assert newest(ann).campaign_item.campaign == work
    assert Judgment.objects.count() == 1
    assert Assignment.objects.order_by("pk").first().changes.count() == 1


def test_a_packet_that_comes_late_undoes_nothing(
    open_context: Callable, make_user: Callable[..., User], campaign: Callable[..., Campaign]
) -> None:
    """The first answer hangs somewhere on its way; it is sent again, corrected, and only then comes through."""
    work, ann = campaign(), make_user("ann")
    page = open_context(ann).new_page()
    begin(page, work)
    page.wait_for_load_state("networkidle")
    late: list[tuple[str, dict[str, str], str]] = []

    def hang(route: object) -> None:
        if late:
            route.continue_()
            return
        late.append((route.request.url, route.request.all_headers(), route.request.post_data))
        route.abort()

    page.route("**/judgments/", hang)
    page.keyboard.press("1")
    page.keyboard.press("Backspace")
    page.keyboard.press("3")
    state(page, "offline")
    state(page, "saved")
    url, headers, body = late[0]
    answer = page.request.post(url, headers=headers, data=body).json()
    assert answer == {"results": [{"levels": {"symmetry": 1}, "applied": False}]}
    mine = shown(page)
    assert standing(mine) == {"symmetry": 1}
    assert list(mine.changes.values_list("level", flat=True)) == [-1, None, 1]


def test_who_was_given_an_item_finishes_it_after_the_lease_ran_out(
    open_context: Callable, make_user: Callable[..., User], campaign: Callable[..., Campaign]
) -> None:
    work, ann, bo = campaign(items=1, overlap=1), make_user("ann"), make_user("bo")
    page = open_context(ann).new_page()
    begin(page, work)
    page.keyboard.press("2")
    state(page, "saved")
    mine = Assignment.objects.get()
    page.wait_for_load_state("networkidle")  # asking for the next item must not come between
    lapse_to(mine, bo)
    page.keyboard.press("3")
    state(page, "saved")
    assert standing(mine) == {"symmetry": 0, "object_pairing": 1}


def test_a_closed_campaign_is_said_and_its_answers_wait(
    open_context: Callable, make_user: Callable[..., User], campaign: Callable[..., Campaign], snap: Callable
) -> None:
    work, ann = campaign(items=1, overlap=1), make_user("ann")
    page = open_context(ann).new_page()
    begin(page, work)
    page.keyboard.press("2")
    state(page, "saved")
    mine = Assignment.objects.get()
    page.wait_for_load_state("networkidle")  # asking for the next item must not come between
    Campaign.objects.update(state=CampaignState.CLOSED)
    page.keyboard.press("3")
    expect(page.get_by_text("is closed")).to_be_visible()
    expect(page.get_by_text("An answer could not be saved: Object pairing.")).to_be_visible()
    state(page, "refused")
    expect(page.locator("#ladder-object_pairing [data-choice]")).to_be_empty()  # what is stored is what is seen
    snap(page, "annotate-closed")
    accessible(page, "annotate-closed")
    page.reload()
    expect(page.get_by_text("An answer could not be saved: Object pairing.")).to_be_visible()
    Campaign.objects.update(state=CampaignState.OPEN)
    page.get_by_role("button", name="Try again").click()
    state(page, "saved")
    assert standing(mine) == {"symmetry": 0, "object_pairing": 1}


def test_two_windows_show_the_same(
    open_context: Callable, make_user: Callable[..., User], campaign: Callable[..., Campaign], wait_until: Callable
) -> None:
    work, ann = campaign(items=3), make_user("ann")
    context = open_context(ann)
    left, right = context.new_page(), context.new_page()
    begin(left, work)
    right.goto(left.url)
    left.keyboard.press("2")
    expect(right.locator("#ladder-symmetry [data-choice]")).to_have_text("Ordinary")
    right.locator("#ladder-clarity .name").click()
    right.keyboard.press("4")
    expect(left.locator("#ladder-clarity [data-choice]")).to_have_text("Clear")
    keys = top_keys(work)
    press(left, keys[1:5] + keys[6:])
    left.keyboard.press("Enter")
    expect(right.get_by_text("You have finished this item in another window")).to_be_visible()
    wait_until(lambda: Assignment.objects.filter(state=AssignmentState.SUBMITTED).count() == 1)
    right.get_by_role("button", name="Continue").click()
    expect(right.locator("#left")).to_have_text("18 left")
    first = Assignment.objects.get(state=AssignmentState.SUBMITTED)
    assert first.judgments.count() == 18
    assert (standing(first)["symmetry"], standing(first)["clarity"]) == (0, 1)


def test_skipping_with_a_reason(
    open_page: Callable[..., Page], make_user: Callable[..., User], campaign: Callable[..., Campaign],
    wait_until: Callable, snap: Callable,
) -> None:  # fmt: skip
    work, ann = campaign(), make_user("ann")
    page = open_page(ann)
    begin(page, work)
    page.wait_for_load_state("networkidle")
    first = shown(page)
    page.keyboard.press("s")
    snap(page, "annotate-skip")
    azerty(page, 3)
    page.get_by_role("dialog").get_by_label("Comment").fill("two questions fit")
    page.get_by_role("button", name="Skip", exact=True).click()
    expect(page).not_to_have_url(re.compile(f"/{first.token}/"))
    wait_until(lambda: Assignment.objects.get(pk=first.pk).skip_reason == "unclear", "it was not skipped")
    page.keyboard.press("Shift+K")
    page.get_by_role("button", name="Reopen").click()
    expect(page.locator("#left")).to_have_text("18 left")
    page.keyboard.press("2")
    state(page, "saved")
    assert standing(first) == {"symmetry": 0}


def test_a_video_is_played_stepped_and_answered(
    open_page: Callable[..., Page], make_user: Callable[..., User], campaign: Callable[..., Campaign],
    wait_until: Callable, look: Callable, snap: Callable,
) -> None:  # fmt: skip
    work, ann = campaign(MediaType.VIDEO, 2), make_user("ann")
    page = open_page(ann)
    begin(page, work)
    video = "document.querySelector('#media')"
    wait_until(lambda: page.evaluate(f"{video}.currentTime > 0 && !{video}.paused"), "it does not play by itself")
    assert page.evaluate(f"{video}.muted && {video}.loop && !{video}.controls")
    page.keyboard.press(" ")
    wait_until(lambda: page.evaluate(f"{video}.paused"), "space does not pause it")
    page.locator("#scrub").fill("500")
    wait_until(lambda: page.evaluate(f"!{video}.seeking"))
    frame = f"Math.floor({video}.currentTime * 10 + 0.001)"
    at = page.evaluate(frame)
    page.locator("#ladder-alignment .name").click()
    page.keyboard.press(".")
    wait_until(lambda: page.evaluate(frame) == at + 1, "one frame on is not one frame on")
    page.keyboard.press(",")
    page.keyboard.press(",")
    wait_until(lambda: page.evaluate(frame) == at - 1)
    page.keyboard.press("[")
    assert page.evaluate(f"{video}.playbackRate") == 0.5
    look(page, "annotate-video", full_page=False)
    page.keyboard.press("e")
    ends = """[...document.querySelectorAll("#ends video")]
        .map((video) => video.readyState >= 2 && !video.seeking ? video.currentTime : -1)"""
    wait_until(lambda: page.evaluate(ends)[1] > 0.9, "the last frame is not shown")
    assert 0 <= page.evaluate(ends)[0] < 0.1
    snap(page, "annotate-video-ends")
    page.keyboard.press("e")
    press(page, top_keys(work))
    expect(page.locator("#left")).to_have_text("All answered")
    page.keyboard.press("Enter")
    expect(page.locator("#left")).to_have_text("20 left")
    wait_until(lambda: page.evaluate(f"{video}.currentTime > 0 && !{video}.paused"), "the next one does not play")
    assert page.evaluate(f"{video}.playbackRate") == 1
    wait_until(lambda: Assignment.objects.filter(state=AssignmentState.SUBMITTED).count() == 1)


def test_the_image_is_zoomed_panned_and_looked_at_closely(
    open_page: Callable[..., Page], make_user: Callable[..., User], campaign: Callable[..., Campaign], snap: Callable
) -> None:
    page = open_page(make_user("ann"))
    begin(page, campaign())
    zoom, box = page.locator("#zoom"), page.locator("#canvas").bounding_box()
    fitted = zoom.inner_text()
    page.keyboard.press("o")
    expect(zoom).to_have_text("100%")
    # The point of the image under the pointer stays under it.
    under = """([x, y]) => { const m = new DOMMatrix(getComputedStyle(document.querySelector("#media")).transform);
        const c = document.querySelector("#canvas").getBoundingClientRect();
        return [(x - c.left - m.e) / m.a, (y - c.top - m.f) / m.a]; }"""
    point = [box["x"] + 200, box["y"] + 150]
    page.mouse.move(*point)
    before = page.evaluate(under, point)
    page.mouse.wheel(0, -400)
    expect(zoom).not_to_have_text("100%")
    assert page.evaluate(under, point) == pytest.approx(before, abs=0.5)
    page.mouse.down()
    page.mouse.move(point[0] - 60, point[1] - 40)
    page.mouse.up()
    assert page.evaluate(under, [point[0] - 60, point[1] - 40]) == pytest.approx(before, abs=0.5)
    page.keyboard.press("l")
    page.mouse.move(point[0] + 80, point[1] + 60)
    expect(page.locator("#loupe")).to_be_visible()
    snap(page, "annotate-loupe")
    page.keyboard.press("l")
    expect(page.locator("#loupe")).to_be_hidden()
    page.keyboard.press("f")
    expect(zoom).to_have_text(fitted)


def test_single_questions_give_the_same_judgments(
    open_page: Callable[..., Page], make_user: Callable[..., User], campaign: Callable[..., Campaign],
    wait_until: Callable, look: Callable, snap: Callable,
) -> None:  # fmt: skip
    work, ann = campaign(), make_user("ann")
    page = open_page(ann)
    begin(page, work)
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keyboard shortcuts")).to_be_visible()
    look(page, "annotate-keys", full_page=False)
    page.get_by_label("Ask yes/no questions").check()
    page.keyboard.press("Escape")
    page.locator("#ladder-richness .name").click()  # five levels, four questions
    snap(page, "annotate-questions")
    page.keyboard.press("y")
    page.keyboard.press("y")
    page.keyboard.press("n")
    expect(page.locator("#ladder-richness [data-choice]")).to_have_text("Ordinary")
    page.get_by_role("button", name="No", exact=True).click()  # the next one: not even the first step
    expect(page.locator("#ladder-background [data-choice]")).to_have_text("None")
    page.locator("#ladder-lighting_aesthetic .name").click()
    page.keyboard.press("n")
    expect(page.locator("#ladder-lighting_aesthetic [data-choice]")).to_have_text("Ordinary")
    page.locator("#ladder-symmetry .name").click()
    page.keyboard.press("y")
    page.keyboard.press("y")
    first = Assignment.objects.order_by("pk").first()
    wait_until(lambda: standing(first) == {"richness": 0, "background": -1, "lighting_aesthetic": 0, "symmetry": 1})
    page.reload()
    expect(page.locator(".ask:visible")).to_have_count(1)  # the choice of the mode stays


def test_mouse_double_clicks_and_native_keys(
    open_page: Callable[..., Page], make_user: Callable[..., User], campaign: Callable[..., Campaign],
    wait_until: Callable,
) -> None:  # fmt: skip
    work, ann = campaign(), make_user("ann")
    page = open_page(ann)
    begin(page, work)
    page.locator("#ladder-symmetry .level", has_text="Symmetrical").dblclick()
    expect(page.locator("#ladder-symmetry [data-choice]")).to_have_text("Symmetrical")
    expect(page.locator("#ladder-object_pairing")).to_be_focused()
    first = Assignment.objects.order_by("pk").first()
    state(page, "saved")
    assert standing(first) == {"symmetry": 1}  # the second click did not answer the ladder that moved under it
    page.keyboard.press("ArrowRight")  # one level up, staying there
    expect(page.locator("#ladder-object_pairing [data-choice]")).to_have_text("Clashing")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#ladder-object_pairing")).to_be_focused()
    page.locator("#ladder-main_object input").first.focus()  # as a screen reader does it
    page.keyboard.press(" ")
    expect(page.locator("#ladder-main_object [data-choice]")).to_have_text("Unclear")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#ladder-main_object [data-choice]")).to_have_text("Findable")
    wait_until(lambda: standing(first) == {"symmetry": 1, "object_pairing": 0, "main_object": 0})
    page.locator("#open-keys").click()
    page.get_by_label("Turn off single-key shortcuts").check()
    page.get_by_role("button", name="Close").click()
    page.locator("#ladder-richness .name").click()
    page.keyboard.press("2")
    expect(page.locator("#ladder-richness [data-choice]")).to_be_empty()


def test_on_a_phone_by_touch(
    open_page: Callable[..., Page], make_user: Callable[..., User], campaign: Callable[..., Campaign],
    wait_until: Callable,
) -> None:  # fmt: skip
    work, ann = campaign(), make_user("ann")
    page = open_page(ann, phone=True)
    begin(page, work)
    first = shown(page)
    media = page.locator("#canvas").bounding_box()
    for number, sub in enumerate(checklist_of(work.checklist_version).ordinal):
        current = page.locator(".ladder.current")
        expect(current).to_have_attribute("data-ladder", sub.id)
        # Quicker than a finger: so not twice at the same place, which would be taken for a double tap.
        current.locator(".level").last.tap(position={"x": 20 + 100 * (number % 2), "y": 12})
        assert page.locator("#canvas").bounding_box() == media  # the media stays where it is
    expect(page.locator("#left")).to_have_text("All answered")
    page.get_by_role("button", name="Submit").tap()
    expect(page.locator("#left")).to_have_text("18 left")
    wait_until(lambda: Assignment.objects.get(pk=first.pk).state == AssignmentState.SUBMITTED)


def test_media_is_hidden_until_asked_for(
    open_page: Callable[..., Page], make_user: Callable[..., User], campaign: Callable[..., Campaign], snap: Callable
) -> None:
    work, ann, bo = campaign(items=1), make_user("ann"), make_user("bo")
    skipped = lease_next_item(campaign=work, annotator=bo)
    skip_assignment(token=skipped.token, annotator=bo, reason="unsafe")
    page = open_page(ann)
    begin(page, work)
    expect(page.get_by_text("An annotator chose not to look at this")).to_be_visible()
    expect(page.locator("#media")).to_be_hidden()
    snap(page, "annotate-veiled")
    page.keyboard.press("v")
    expect(page.locator("#media")).to_be_visible()


def test_signed_out_meanwhile(
    open_context: Callable, make_user: Callable[..., User], campaign: Callable[..., Campaign], snap: Callable
) -> None:
    work, ann = campaign(), make_user("ann")
    context = open_context(ann)
    page = context.new_page()
    begin(page, work)
    page.wait_for_load_state("networkidle")
    cookies = context.cookies()
    context.clear_cookies()
    page.keyboard.press("2")
    state(page, "signedOut")
    expect(page.get_by_role("link", name="Sign in again")).to_be_visible()
    snap(page, "annotate-signed-out")
    context.add_cookies(cookies)
    page.reload()
    state(page, "saved")
    assert standing(Assignment.objects.order_by("pk").first()) == {"symmetry": 0}


def test_without_scripts_it_is_a_form(
    browser: object, open_context: Callable, make_user: Callable[..., User], campaign: Callable[..., Campaign],
    live_server: object,
) -> None:  # fmt: skip
    work, ann = campaign(), make_user("ann")
    cookies = open_context(ann).cookies()
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    context.add_cookies(cookies)
    page = context.new_page()
    page.goto(f"/campaigns/{work.pk}/work/")
    for sub in checklist_of(work.checklist_version).ordinal:
        if sub.id != "clarity":
            page.locator(f"#ladder-{sub.id} .level").last.click()
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("Not answered yet: “Clarity”.")).to_be_visible()
    page.locator("#ladder-clarity .level").nth(3).click()
    page.get_by_role("button", name="Submit").click()
    first = Assignment.objects.get(state=AssignmentState.SUBMITTED)
    assert first.judgments.count() == 18
    expect(page).not_to_have_url(re.compile(f"/{first.token}/"))
    context.close()


def test_the_words_of_the_prompt_are_marked(
    open_page: Callable[..., Page], make_user: Callable[..., User], campaign: Callable[..., Campaign], snap: Callable
) -> None:
    page = open_page(make_user("ann"))
    begin(page, campaign())
    kite = page.locator(".term", has_text="kite")
    kite.click()
    expect(kite).to_have_attribute("data-state", "met")
    page.keyboard.press("ArrowRight")  # "over"
    page.keyboard.press("Enter")
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="over: missing")).to_be_focused()
    snap(page, "annotate-terms")
    accessible(page, "annotate-terms")
    page.locator("#ladder-clarity .name").click()
    page.keyboard.press("t")
    expect(page.get_by_role("button", name="over: missing")).to_be_focused()
    page.reload()
    expect(page.locator(".term", has_text="kite")).to_have_attribute("data-state", "met")
    expect(page.locator("#prompt-text")).to_have_text(PROMPTS[0])
