"""Items taken out of a campaign: nobody is given them, their answers count nowhere, and all comes back as it was."""

import json

import pytest

from annotator.accounts.models import Role
from annotator.campaigns.models import Assignment, CampaignItem, FlagOutcome, Purpose, QueueOrder
from annotator.campaigns.queries import campaign_progress, items_counted, items_of, judgment_levels
from annotator.campaigns.services import (
    flag_item,
    lease_next_item,
    put_back,
    set_state,
    settle_flag,
    skip_assignment,
    submit_assignment,
    take_out,
    take_up_again,
)
from annotator.core.errors import ConflictError, ProblemError
from annotator.datasets.queries import exported_annotations
from annotator.rewards.queries.models import training_choices
from annotator.trust.services import set_known_answers
from tests.factories import make_item

pytestmark = pytest.mark.django_db


def items(campaign):
    return list(campaign.campaign_items.order_by("pk").values_list("item_id", flat=True))


def test_nobody_is_given_it_any_more_and_what_is_on_a_screen_may_be_finished(make_campaign, ann, make_user, answer_all):
    campaign = make_campaign(items=2, overlap=2)
    held = lease_next_item(campaign=campaign, annotator=ann)
    first, second = sorted(items(campaign), key=lambda item: item != held.campaign_item.item_id)
    assert take_out(campaign=campaign, items=[first, second]) == 2
    assert take_out(campaign=campaign, items=[first]) == 0
    assert lease_next_item(campaign=campaign, annotator=make_user("bo")) is None
    answer_all(held)
    submit_assignment(token=held.token, annotator=ann)
    assert lease_next_item(campaign=campaign, annotator=ann) is None
    assert put_back(campaign=campaign, items=[first]) == 1
    row = CampaignItem.objects.get(campaign=campaign, item=first)
    assert (row.purpose, row.submitted, row.open_slots) == (Purpose.WORK, 1, 1)
    assert lease_next_item(campaign=campaign, annotator=make_user("cy")).campaign_item_id == row.pk


def test_its_answers_count_nowhere_until_it_is_back(make_campaign, ann, answer_all):
    campaign = make_campaign(items=2, overlap=1)
    for _ in range(2):
        done = lease_next_item(campaign=campaign, annotator=ann)
        answer_all(done)
        submit_assignment(token=done.token, annotator=ann)

    def counted():
        return (
            len(judgment_levels([campaign]).items),
            exported_annotations(campaign).count(),
            [choice.annotations for choice in training_choices()],
            campaign_progress(campaign)["submitted_count"],
        )

    assert counted() == (2, 2, [2], 2)
    take_out(campaign=campaign, items=items(campaign)[:1])
    assert counted() == (1, 1, [1], 1)
    put_back(campaign=campaign, items=items(campaign))
    assert counted() == (2, 2, [2], 2)


def test_nobody_takes_it_up_again(make_campaign, ann):
    campaign = make_campaign(items=1)
    left = lease_next_item(campaign=campaign, annotator=ann)
    skip_assignment(token=left.token, annotator=ann, reason="broken")
    take_out(campaign=campaign, items=items(campaign))
    with pytest.raises(ConflictError, match="was removed"):
        take_up_again(token=left.token, annotator=ann)
    put_back(campaign=campaign, items=items(campaign))
    assert take_up_again(token=left.token, annotator=ann).pk == left.pk


def test_gold_that_is_put_back_is_gold_again(make_campaign):
    campaign = make_campaign(items=1)
    row = campaign.campaign_items.get()
    set_known_answers(campaign_item=row, levels={"clarity": 1})
    take_out(campaign=campaign, items=items(campaign))
    assert campaign.campaign_items.get().purpose == Purpose.WITHDRAWN
    put_back(campaign=campaign, items=items(campaign))
    row.refresh_from_db()
    assert (row.purpose, row.purpose_before) == (Purpose.GOLD, "")


def test_an_item_of_another_campaign_is_refused_and_none_is_taken(make_campaign):
    campaign, other = make_campaign(items=1), make_campaign(items=1)
    with pytest.raises(ProblemError, match=f"Item {items(other)[0]} is not in the campaign"):
        take_out(campaign=campaign, items=[*items(campaign), *items(other)])
    assert campaign.campaign_items.get().purpose == Purpose.WORK


def test_a_report_that_is_right_takes_it_out_wherever_it_was_reported(make_campaign, ann, make_user):
    here, there, silent = make_campaign(items=1), make_campaign(items=0), make_campaign(items=0)
    item = here.campaign_items.get().item
    for campaign in (there, silent):
        campaign.campaign_items.create(item=item, needed=1, open_slots=1)
    flags = [
        flag_item(token=lease_next_item(campaign=campaign, annotator=person).token, annotator=person, reason="broken")
        for campaign, person in ((here, ann), (there, make_user("bo")))
    ]
    reviewer = make_user("cy", Role.REVIEWER)
    assert settle_flag(flag=flags[0], by=reviewer, outcome=FlagOutcome.UPHELD, take_item_out=True) == 2
    purposes = CampaignItem.objects.filter(item=item).order_by("campaign").values_list("campaign", "purpose")
    assert dict(purposes) == {here.pk: "withdrawn", there.pk: "withdrawn", silent.pk: "work"}


def test_a_report_that_is_no_problem_takes_nothing_out(make_campaign, ann):
    campaign = make_campaign(items=1)
    lease = lease_next_item(campaign=campaign, annotator=ann)
    flag = flag_item(token=lease.token, annotator=ann, reason="broken")
    settle_flag(flag=flag, by=ann, outcome=FlagOutcome.DISMISSED, take_item_out=True)
    assert campaign.campaign_items.get().purpose == Purpose.WORK


def test_the_page_lists_what_is_there_and_changes_it(sign_in, make_campaign, ann):
    campaign = make_campaign(items=3, overlap=1)
    lease = lease_next_item(campaign=campaign, annotator=ann)
    skip_assignment(token=lease.token, annotator=ann, reason="broken")
    first, second, _third = items(campaign)
    client = sign_in(Role.REVIEWER)
    page = client.get(f"/campaigns/{campaign.pk}/items/").content.decode()
    assert "skipped by 1" in page
    assert "1 report" in page
    assert "Add items" not in page  # an admin's
    url = f"/campaigns/{campaign.pk}/items/out/"
    assert client.post(url, {"item": [first, second], "query": "show=waiting"}).url.endswith("/items/?show=waiting")
    assert items_counted(campaign) == {"waiting": 1, "complete": 0, "known": 0, "out": 2, "all": 3}
    assert [row.item_id for row in items_of(campaign, show="out")] == [first, second]
    assert "removed" in client.get(f"/campaigns/{campaign.pk}/items/?show=out").content.decode()
    client.post(url, {"item": [first], "back": "1"})
    assert items_counted(campaign)["out"] == 1
    assert "Select items first" in client.post(url, {}, follow=True).content.decode()
    assert "is not in the campaign" in client.post(url, {"item": "999999"}, follow=True).content.decode()
    for path in ("add", "order"):
        assert client.post(f"/campaigns/{campaign.pk}/items/{path}/").status_code == 403


def test_annotators_see_none_of_it(sign_in, make_campaign):
    campaign = make_campaign(items=1)
    client = sign_in(Role.ANNOTATOR)
    assert client.get(f"/campaigns/{campaign.pk}/items/").status_code == 403
    assert client.post(f"/campaigns/{campaign.pk}/items/out/", {"item": items(campaign)}).status_code == 403
    assert campaign.campaign_items.get().purpose == Purpose.WORK


def test_an_admin_adds_items_and_orders_them(sign_in, make_campaign, files):
    campaign = make_campaign(items=1)
    wanted = make_item(prompt="A lighthouse at dusk")
    make_item(prompt="A loaf of bread")
    client = sign_in(Role.ADMIN)
    counted = client.get(f"/campaigns/{campaign.pk}/items/count/?prompt=lighthouse").content.decode()
    assert "1 item would be added" in counted
    url = f"/campaigns/{campaign.pk}/items/add/"
    for said in ("1 item added", "0 items added"):
        assert said in client.post(url, {"prompt": "lighthouse"}, follow=True).content.decode()
    assert campaign.campaign_items.filter(item=wanted).exists()
    assert "Choose the items again" in client.post(url, {"batch": "999"}, follow=True).content.decode()
    client.post(f"/campaigns/{campaign.pk}/items/order/", {"queue_order": "random"})
    client.post(f"/campaigns/{campaign.pk}/items/order/", {"queue_order": "nonsense"})
    campaign.refresh_from_db()
    assert campaign.queue_order == QueueOrder.RANDOM
    set_state(campaign=campaign, state="closed")
    assert "is closed" in client.post(url, {}, follow=True).content.decode()


def test_by_api(sign_in, make_campaign):
    campaign = make_campaign(items=2)
    client = sign_in(Role.REVIEWER)
    url = f"/api/v1/campaigns/{campaign.pk}/take-out/"
    for body, changed in (({}, 1), ({}, 0), ({"back": True}, 1)):
        sent = {"items": items(campaign)[:1], **body}
        answer = client.post(url, json.dumps(sent), content_type="application/json")
        assert answer.json() == {"changed": changed}
    answer = client.post(url, json.dumps({"items": [999_999]}), content_type="application/json")
    assert answer.status_code == 400
    assert "not in the campaign" in answer.content.decode()
    assert not Assignment.objects.exists()
