"""An annotator turns the product to Simplified Chinese and works in it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from annotator.accounts.models import User
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Assignment, AssignmentState, CampaignState
from annotator.campaigns.services import create_campaign, load_builtin_checklists
from tests.factories import make_item

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_workspace_in_chinese_by_keys(
    open_page: Callable[..., Page], make_user: Callable[..., User], look: Callable, wait_until: Callable, files: object
) -> None:
    version = next(version for version, _ in load_builtin_checklists() if version.media_type == "image")
    item = make_item(prompt="一盏黄铜台灯放在书桌上，晨光，旁边有三本书", width=900, height=600)
    work = create_campaign(name="街头摄影", checklist_version=version, items=[item], state=CampaignState.OPEN)
    ann = make_user("ann")
    page = open_page(ann)
    page.goto("/")
    page.get_by_label("Account and appearance").click()
    page.get_by_role("button", name="简体中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
    page.goto(f"/campaigns/{work.pk}/work/")
    expect(page.locator(".ladder.current")).to_be_focused()
    expect(page.locator("#ladder-hands .name")).to_contain_text("手")
    expect(page.locator("#left")).to_have_text("还剩 18 项")
    look(page, "annotate-chinese", full_page=False)
    ladders = checklist_of(version).ordinal
    for sub in ladders:
        page.keyboard.press(str(len(sub.levels) - sub.masked_by_other))
    expect(page.locator("#ladder-clarity [data-choice]")).to_have_text("非常清晰")
    expect(page.locator("#left")).to_have_text("已全部作答")
    expect(page.locator("#save-state")).to_have_attribute("data-state", "saved")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("没有剩余的样本")
    assignment = Assignment.objects.get(annotator=ann)
    wait_until(
        lambda: Assignment.objects.get(pk=assignment.pk).state == AssignmentState.SUBMITTED, "it was not submitted"
    )
    stored = dict(assignment.judgments.values_list("sub_dimension", "level"))
    assert stored == {sub.id: sub.highest for sub in ladders}
