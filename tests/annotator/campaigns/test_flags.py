"""Reports on items: made once, taken back, settled for all that say the same; what is unsafe is hidden meanwhile."""

import json
from uuid import uuid4

import pytest

from annotator.accounts.models import Role
from annotator.campaigns.models import Assignment, Flag, FlagOutcome
from annotator.campaigns.queries import my_assignment, open_flags
from annotator.campaigns.services import (
    flag_item,
    lease_next_item,
    reopen_flag,
    settle_flag,
    skip_assignment,
    take_up_again,
    withdraw_flag,
)
from annotator.core.errors import ConflictError, ProblemError

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def leased(make_campaign, ann):
    return lease_next_item(campaign=make_campaign(items=1), annotator=ann)


def flag(assignment, reason, **fields):
    return flag_item(token=assignment.token, annotator=assignment.annotator, reason=reason, **fields)


def test_the_same_report_is_one_report_and_a_settled_one_can_be_made_again(leased):
    first = flag(leased, "broken", note="gray ")
    assert flag(leased, "broken", note="green").pk == first.pk
    assert Flag.objects.get().note == "green"
    settle_flag(flag=first, by=leased.annotator, outcome=FlagOutcome.DISMISSED)
    again = flag(leased, "broken")
    assert Flag.objects.count() == 2
    with pytest.raises(ConflictError, match="made again"):
        reopen_flag(flag=first)
    with pytest.raises(ConflictError, match="already resolved"):
        settle_flag(flag=first, by=leased.annotator, outcome=FlagOutcome.UPHELD)
    assert withdraw_flag(token=leased.token, annotator=leased.annotator, reason="broken")
    assert not Flag.objects.filter(pk=again.pk).exists()
    reopen_flag(flag=first)
    assert open_flags() == 1


def test_an_unclear_question_is_named(leased):
    for ladder in ("", "nonsense"):
        with pytest.raises(ProblemError, match="Choose which question"):
            flag(leased, "unclear", sub_dimension=ladder)
    with pytest.raises(ProblemError, match="Choose a reason"):
        flag(leased, "ugly")
    flag(leased, "unclear", sub_dimension="clarity")
    flag(leased, "unclear", sub_dimension="safety")
    flag(leased, "broken", sub_dimension="safety")  # of no ladder: the same wherever it was pressed
    assert set(Flag.objects.values_list("reason", "sub_dimension")) == {
        ("unclear", "clarity"), ("unclear", "safety"), ("broken", "")
    }  # fmt: skip


def test_only_ones_own_items_are_reported(leased, make_user):
    with pytest.raises(Assignment.DoesNotExist):
        flag_item(token=leased.token, annotator=make_user("bo"), reason="broken")
    assert not Flag.objects.exists()


def test_unsafe_content_is_hidden_from_others_until_a_reviewer_says_it_is_fine(make_campaign, ann, make_user, leased):
    item = leased.campaign_item.item
    mine = flag(leased, "unsafe")
    other = make_campaign(items=0)
    other.campaign_items.create(item=item, needed=2, open_slots=2)  # the same item elsewhere
    bo, cy = make_user("bo"), make_user("cy", Role.REVIEWER)
    theirs = lease_next_item(campaign=other, annotator=bo)
    assert my_assignment(bo, theirs.token).was_unsafe
    assert not my_assignment(ann, leased.token).was_unsafe  # who reports it has seen it
    flag(theirs, "unsafe")
    flag(theirs, "broken")
    assert settle_flag(flag=mine, by=cy, outcome=FlagOutcome.DISMISSED, answer="a statue") == 2
    assert open_flags() == 1  # the other kind still waits
    assert not my_assignment(bo, theirs.token).was_unsafe
    reopen_flag(flag=mine)
    settle_flag(flag=mine, by=cy, outcome=FlagOutcome.UPHELD)
    assert my_assignment(bo, theirs.token).was_unsafe


def test_leaving_an_item_is_a_report_that_goes_when_it_is_taken_up_again(leased):
    flag(leased, "unclear", sub_dimension="clarity")
    skip_assignment(token=leased.token, annotator=leased.annotator, reason="broken", note="gray")
    assert Flag.objects.get(reason="broken").with_skip
    take_up_again(token=leased.token, annotator=leased.annotator)
    assert list(Flag.objects.values_list("reason", flat=True)) == ["unclear"]


def test_the_addresses_of_the_page(client, leased, ann):
    client.force_login(ann, backend=BACKEND)
    url, accept = f"/campaigns/assignments/{leased.token}/flag/", {"accept": "application/json"}
    assert client.post(url, {"reason": "unclear"}, headers=accept).status_code == 400
    sent = {"reason": "unclear", "sub_dimension": "clarity", "note": "two fit"}
    assert client.post(url, sent, headers=accept).json() == {"flagged": True}
    page = client.get(f"/campaigns/assignments/{leased.token}/").content.decode()
    assert "Reported: Clarity" in page
    assert client.post(url, {**sent, "withdraw": "1"}, headers=accept).json() == {"flagged": False}
    assert client.post(url, {"reason": "other"}).url == f"/campaigns/assignments/{leased.token}/"  # the bare form
    assert Flag.objects.get().reason == "other"
    assert client.post(f"/campaigns/assignments/{uuid4()}/flag/", {"reason": "other"}).status_code == 404


def test_reviewers_settle_in_the_list_and_nobody_else(client, leased, ann, make_user):
    made = flag(leased, "broken", note="gray <square>")
    client.force_login(ann, backend=BACKEND)
    assert client.get("/campaigns/flags/").status_code == 403
    assert client.post(f"/campaigns/flags/{made.pk}/settle/", {"outcome": "upheld"}).status_code == 403
    client.force_login(make_user("rev", Role.REVIEWER), backend=BACKEND)
    campaign = leased.campaign_item.campaign
    assert "gray &lt;square&gt;" in client.get(f"/campaigns/flags/?campaign={campaign.pk}").content.decode()
    assert "No open reports" in client.get("/campaigns/flags/?reason=unsafe").content.decode()
    sent = {"outcome": "upheld", "answer": "taken out", "query": "reason=broken"}
    assert client.post(f"/campaigns/flags/{made.pk}/settle/", sent).url == "/campaigns/flags/?reason=broken"
    assert "taken out" in client.get("/campaigns/flags/?settled=1").content.decode()
    client.post(f"/campaigns/flags/{made.pk}/settle/", {"outcome": "reopen"})
    assert open_flags(campaign) == 1
    client.post(f"/campaigns/flags/{made.pk}/settle/", {"outcome": "nonsense"})
    assert open_flags(campaign) == 1


def test_the_api(client, leased, ann, make_user):
    client.force_login(ann, backend=BACKEND)
    url = f"/api/v1/assignments/{leased.token}/flag/"
    body = {"reason": "unclear", "sub_dimension": "clarity"}
    answer = client.post(url, json.dumps(body), content_type="application/json")
    assert answer.status_code == 200, answer.content
    assert client.get("/api/v1/flags/").status_code == 403
    client.force_login(make_user("rev", Role.REVIEWER), backend=BACKEND)
    assert client.get("/api/v1/flags/?outcome=").json()["results"][0]["sub_dimension"] == "clarity"
    settle = f"/api/v1/flags/{answer.json()['id']}/settle/"
    for status in (200, 409):
        sent = client.post(settle, json.dumps({"outcome": "upheld"}), content_type="application/json")
        assert sent.status_code == status, sent.content
