"""The workspace's addresses: one's own work and nobody else's, saved answers, the next item, the bare form."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotator.campaigns import hooks
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Assignment, AssignmentState, Campaign, CampaignState
from annotator.campaigns.queries import progress
from annotator.campaigns.services import lease_next_item, skip_assignment
from annotator.core.errors import ConflictError

pytestmark = pytest.mark.django_db
LADDERS = 18


@pytest.fixture
def ann(make_user, client):
    user = make_user("ann")
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return user


def data_of(response):
    """What the page tells its script."""
    text = response.content.decode().split('<script id="workspace-data" type="application/json">')[1]
    return json.loads(text.split("</script>")[0])


def judge(client, assignment, **changes):
    act = {"sub_dimension": "clarity", "level": 1, "key": "k1", "sequence": 1} | changes
    return send(client, f"{assignment.token}/judgments/", [act])


def send(client, path, judgments):
    body = json.dumps({"judgments": judgments})
    return client.post(f"/campaigns/assignments/{path}", body, content_type="application/json")


def test_work_leads_to_the_item_and_the_page_shows_it(client, ann, make_campaign):
    campaign = make_campaign()
    response = client.get(f"/campaigns/{campaign.pk}/work/", follow=True)
    assignment = Assignment.objects.get()
    assert response.redirect_chain == [(f"/campaigns/assignments/{assignment.token}/", 302)]
    page = response.content.decode()
    assert assignment.campaign_item.item.prompt.text in page
    assert page.count('role="radiogroup"') == LADDERS + 1  # and the kind of unsafe content
    assert assignment.campaign_item.item.generator.name not in page.split("</header>", 1)[1]  # annotators judge blindly
    data = data_of(response)
    assert (data["assignment"], data["person"], data["editable"]) == (str(assignment.token), ann.pk, True)


def test_a_judgment_is_saved_and_shown_again(client, ann, make_campaign):
    assignment = lease_next_item(campaign=make_campaign(), annotator=ann)
    saved = judge(client, assignment, milliseconds=812).json()
    assert saved == {"results": [{"levels": {"clarity": 1}, "applied": True}]}
    assert not judge(client, assignment, level=2).json()["results"][0]["applied"]
    response = client.get(f"/campaigns/assignments/{assignment.token}/")
    data = data_of(response)
    assert (data["levels"], data["spent"], data["sequence"]) == ({"clarity": 1}, {"clarity": 812}, 1)
    assert 'value="1" data-key="4" data-name="Clear" checked' in response.content.decode()


@pytest.mark.parametrize(
    "changes",
    [
        {"key": ""},
        {"key": "x" * 65},
        {"level": "high"},
        {"sequence": None},
    ],
)
def test_what_is_no_answer_is_refused_in_words(client, ann, make_campaign, changes):
    assignment = lease_next_item(campaign=make_campaign(), annotator=ann)
    response = judge(client, assignment, **changes)
    assert response.status_code == 400
    assert f"judgments[0].{next(iter(changes))}" in response.json()["message"]
    assert not assignment.changes.exists()


def test_an_answer_that_is_refused_keeps_no_other_from_being_saved(client, ann, make_campaign):
    assignment = lease_next_item(campaign=make_campaign(), annotator=ann)
    acts = [
        {"sub_dimension": sub, "level": level, "key": f"k{number}", "sequence": number}
        for number, (sub, level) in enumerate(
            [("clarity", 1), ("clarity", 9), ("nonsense", 0), ("lighting_distinction", -1), ("lighting_aesthetic", 2),
             ("clarity", 2), ("clarity", None), ("richness", 1)]
        )
    ]  # fmt: skip
    results = send(client, f"{assignment.token}/judgments/", acts).json()["results"]
    assert [result.get("code", "saved") for result in results] == [
        "saved", "no_level", "no_sub_dimension", "saved", "implied", "saved", "saved", "saved",
    ]  # fmt: skip
    assert all(result["message"] for result in results if "code" in result)
    standing = dict(assignment.judgments.values_list("sub_dimension", "level"))
    assert standing == {"lighting_distinction": -1, "lighting_aesthetic": -1, "richness": 1}
    assert list(assignment.changes.filter(sub_dimension="clarity").values_list("level", flat=True)) == [1, 2, None]
    again = send(client, f"{assignment.token}/judgments/", acts).json()["results"]
    assert not any(result.get("applied") for result in again)


def test_a_submission_brings_the_last_answers_with_it(client, ann, make_campaign):
    """In few queries, however many answers come along."""
    assignment = lease_next_item(campaign=make_campaign(), annotator=ann)
    checklist = checklist_of(assignment.campaign_item.campaign.checklist_version)
    acts = [
        {"sub_dimension": sub.id, "level": sub.highest, "key": sub.id, "sequence": number}
        for number, sub in enumerate(checklist.ordinal)
    ]
    path = f"{assignment.token}/submit/"
    early = send(client, path, acts[:3]).json()
    assert (early["submitted"], early["problem"]["code"]) == (False, "incomplete")
    assert assignment.judgments.count() == 3
    wrong = send(client, path, [acts[3] | {"level": 9}]).json()
    assert (wrong["submitted"], wrong["problem"]["code"], wrong["results"][0]["code"]) == (False, *["no_level"] * 2)
    with CaptureQueriesContext(connection) as captured:
        done = send(client, path, acts[3:]).json()
    assert done["submitted"]
    assert len(asked(captured)) <= 11, "\n".join(asked(captured))
    assert [result["applied"] for result in done["results"]] == [True] * (len(acts) - 3)
    assignment.refresh_from_db()
    assert assignment.state == AssignmentState.SUBMITTED
    assert send(client, path, acts).json()["submitted"]
    assert assignment.changes.count() == len(acts)


def test_somebody_elses_assignment_does_not_exist(client, ann, make_campaign, make_user):
    theirs = lease_next_item(campaign=make_campaign(), annotator=make_user("bo"))
    base = f"/campaigns/assignments/{theirs.token}/"
    assert client.get(base).status_code == 404
    assert judge(client, theirs).status_code == 404
    for action, body in (("submit/", {}), ("skip/", {"reason": "other"}), ("take-up/", {})):
        assert client.post(base + action, body).status_code == 404
        assert client.post(base + action, body, headers={"Accept": "application/json"}).status_code == 404
    theirs.refresh_from_db()
    assert theirs.state == AssignmentState.LEASED
    assert not theirs.changes.exists()


def test_only_annotators_annotate(client, make_user, make_campaign):
    from annotator.accounts.models import Role

    client.force_login(make_user("rita", Role.REVIEWER), backend="django.contrib.auth.backends.ModelBackend")
    campaign = make_campaign()
    for path in ("work", "next", "mine"):
        assert client.get(f"/campaigns/{campaign.pk}/{path}/").status_code == 403


def test_the_item_behind_comes_as_a_page_to_keep(client, ann, make_campaign):
    campaign = make_campaign(2)
    first = lease_next_item(campaign=campaign, annotator=ann)
    response = client.get(f"/campaigns/{campaign.pk}/next/?after={first.token}")
    second = Assignment.objects.exclude(pk=first.pk).get()
    assert response["X-Assignment-Url"] == f"/campaigns/assignments/{second.token}/"
    assert data_of(response)["assignment"] == str(second.token)
    assert b"<html" not in response.content
    skip_assignment(token=second.token, annotator=ann, reason="other")
    assert client.get(f"/campaigns/{campaign.pk}/next/?after={first.token}").status_code == 204
    Campaign.objects.update(state=CampaignState.PAUSED)
    assert client.get(f"/campaigns/{campaign.pk}/next/?after={first.token}").status_code == 204
    paused = client.get(f"/campaigns/{campaign.pk}/work/", follow=True)
    assert b"no items are being assigned" in paused.content


def test_an_item_loaded_ahead_is_not_in_progress_until_it_is_answered(client, ann, make_campaign):
    campaign = make_campaign()
    client.get(f"/campaigns/{campaign.pk}/work/", follow=True)
    shown = Assignment.objects.get()
    client.get(f"/campaigns/{campaign.pk}/next/?after={shown.token}")
    ahead = Assignment.objects.exclude(pk=shown.pk).get()
    mine = f"/campaigns/{campaign.pk}/mine/"
    assert [one.pk for one in client.get(mine).context["page"]] == [shown.pk]
    counts = progress._count_progress(campaign.pk)
    assert (counts["states"]["leased"], counts["people"][0]["leased"]) == (1, 1)
    judge(client, ahead)
    assert {one.pk for one in client.get(mine).context["page"]} == {shown.pk, ahead.pk}
    counts = progress._count_progress(campaign.pk)
    assert (counts["states"]["leased"], counts["people"][0]["leased"]) == (2, 2)


def test_when_all_is_done_the_page_says_so(client, ann, make_campaign):
    campaign = make_campaign(1)
    only = lease_next_item(campaign=campaign, annotator=ann)
    skip_assignment(token=only.token, annotator=ann, reason="other")
    assert b"No items remaining" in client.get(f"/campaigns/{campaign.pk}/work/").content


def test_the_script_submits_and_skips_in_json(client, ann, make_campaign, answer_all):
    campaign = make_campaign(2)
    first = lease_next_item(campaign=campaign, annotator=ann)
    accept = {"Accept": "application/json"}
    refused = send(client, f"{first.token}/submit/", []).json()
    assert (refused["submitted"], refused["problem"]["code"]) == (False, "incomplete")
    answer_all(first)
    for _ in range(2):
        assert send(client, f"{first.token}/submit/", []).json() == {"results": [], "submitted": True}
    second = lease_next_item(campaign=campaign, annotator=ann)
    url = f"/campaigns/assignments/{second.token}/skip/"
    assert client.post(url, {"reason": "bored"}, headers=accept).json()["code"] == "no_reason"
    assert client.post(url, {"reason": "unsafe", "note": "no"}, headers=accept).json() == {"skipped": True}


def test_the_bare_form_saves_owners_before_what_hangs_on_them(client, ann, make_campaign):
    """Without a script nothing closes the ladder of the lighting's beauty; what contradicts is not taken."""
    first = lease_next_item(campaign=make_campaign(), annotator=ann)
    levels = {"lighting_aesthetic": "2", "lighting_distinction": "-1", "clarity": "2", "hands": "abc"}
    page = client.post(f"/campaigns/assignments/{first.token}/submit/", levels, follow=True)
    assert b"Not answered yet" in page.content
    standing = dict(first.judgments.values_list("sub_dimension", "level"))
    assert standing == {"lighting_aesthetic": -1, "lighting_distinction": -1, "clarity": 2}


def test_an_item_somebody_did_not_want_to_see_comes_veiled(client, ann, make_campaign, make_user):
    campaign, bo = make_campaign(1), make_user("bo")
    theirs = lease_next_item(campaign=campaign, annotator=bo)
    skip_assignment(token=theirs.token, annotator=bo, reason="unsafe")
    page = client.get(f"/campaigns/{campaign.pk}/work/", follow=True).content.decode()
    assert 'class="viewer veiled"' in page
    assert "An annotator chose not to look at this" in page


def test_one_may_choose_to_see_all_media_veiled(client, ann, make_campaign):
    campaign = make_campaign(1)
    assert 'class="viewer"' in client.get(f"/campaigns/{campaign.pk}/work/", follow=True).content.decode()
    client.cookies["veil"] = "1"
    page = client.get(f"/campaigns/{campaign.pk}/work/", follow=True).content.decode()
    assert 'class="viewer veiled"' in page
    assert "An annotator chose not" not in page


def test_media_has_the_name_of_the_assignment_and_is_for_its_annotator_only(client, ann, make_campaign, make_user):
    from annotator.library.access import visible_items

    assignment = lease_next_item(campaign=make_campaign(2), annotator=ann)
    assert not visible_items(ann).exists(), "no id of the library opens anything"
    address = f"/campaigns/media/{assignment.token}/"
    client.force_login(ann, backend="django.contrib.auth.backends.ModelBackend")
    assert address in client.get(f"/campaigns/assignments/{assignment.token}/").content.decode()
    assert b"is missing on the server" in client.get(address).content, "these items have no files"
    client.force_login(make_user("bo"), backend="django.contrib.auth.backends.ModelBackend")
    assert b"is missing on the server" not in client.get(address).content


def asked(captured):
    """What a request asks of the database; a savepoint is this test's, a transaction's beginning outside of it."""
    return [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]]


def test_the_next_item_and_a_save_cost_few_queries(client, ann, make_campaign):
    campaign = make_campaign(3)
    first = lease_next_item(campaign=campaign, annotator=ann)
    skip_assignment(token=first.token, annotator=ann, reason="other")
    with CaptureQueriesContext(connection) as captured:
        assert client.get(f"/campaigns/{campaign.pk}/work/").status_code == 302
    assert len(asked(captured)) <= 8, "\n".join(asked(captured))
    second = Assignment.objects.exclude(pk=first.pk).get()
    with CaptureQueriesContext(connection) as captured:
        assert judge(client, second).status_code == 200
    assert len(asked(captured)) <= 5, "\n".join(asked(captured))
    with CaptureQueriesContext(connection) as captured:
        client.get(f"/campaigns/{campaign.pk}/next/?after={second.token}")
    assert len(asked(captured)) <= 9, "\n".join(asked(captured))  # with the whole page of the item behind


def test_who_is_no_annotator_any_more_cannot_answer(client, ann, make_campaign):
    assignment = lease_next_item(campaign=make_campaign(), annotator=ann)
    ann.groups.clear()
    assert judge(client, assignment).status_code == 403
    assert client.get(f"/campaigns/{assignment.campaign_item.campaign_id}/next/").status_code == 403
    assert not assignment.changes.exists()


def test_a_submit_says_when_there_is_no_going_on(client, ann, make_campaign, answer_all, monkeypatch):
    """The page may hold the next item ready: a pause must not wait until that one is done as well."""
    assignment = lease_next_item(campaign=make_campaign(), annotator=ann)
    answer_all(assignment)

    def paused(campaign, annotator):
        raise ConflictError("Have a cup of tea.")

    monkeypatch.setattr(hooks, "gates", [paused])
    answer = send(client, f"{assignment.token}/submit/", [])
    assert answer.json() == {"results": [], "submitted": True, "stop": "Have a cup of tea."}
