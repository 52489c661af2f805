"""Campaigns for programs: who may do what, the work of an annotator from lease to submission."""

from uuid import uuid4

import pytest
from django.contrib.auth.models import Group

from annotator.accounts.models import Role
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Assignment, AssignmentState, Campaign, CampaignState, ChecklistVersion
from annotator.campaigns.services import lease_next_item, load_builtin_checklists
from reward_engine.checklist import builtin, dumps

pytestmark = pytest.mark.django_db


def post(client, path, **body):
    return client.post(f"/api/v1/{path}", body, content_type="application/json")


def said(client, pk, key, sequence=1, **body):
    values = {"sub_dimension": "clarity", "level": 1, "key": key, "sequence": sequence} | body
    return post(client, f"assignments/{pk}/judgments/", **values)


def test_without_a_token_nothing_is_revealed(client, make_campaign):
    pk = make_campaign().pk
    for path in (
        "campaigns/",
        f"campaigns/{pk}/",
        "assignments/",
        f"assignments/{uuid4()}/",
        "checklists/",
    ):
        assert client.get(f"/api/v1/{path}").status_code == 401


def test_an_item_from_lease_to_submission(program, make_campaign):
    client, campaign = program(name="ann"), make_campaign(2, overlap=1)
    leased = post(client, f"campaigns/{campaign.pk}/next/").json()
    assert leased["state"] == "leased"
    assert leased["prompt"] == Assignment.objects.get().campaign_item.item.prompt.text
    assert leased["levels"] == {}
    assert leased["media_url"].endswith(f"/campaigns/media/{leased['id']}/")
    assert post(client, f"campaigns/{campaign.pk}/next/").json()["id"] == leased["id"]
    behind = post(client, f"campaigns/{campaign.pk}/next/", after=leased["id"]).json()
    assert behind["id"] != leased["id"]
    for number, sub in enumerate(checklist_of(campaign.checklist_version).ordinal):
        saved = said(client, leased["id"], f"k{number}", number, sub_dimension=sub.id, level=sub.highest).json()
        assert saved == {"levels": {sub.id: sub.highest}, "applied": True}
    done = post(client, f"assignments/{leased['id']}/submit/").json()
    assert done["state"] == "submitted"
    assert len(done["levels"]) == 18
    skipped = post(client, f"assignments/{behind['id']}/skip/", reason="broken", note="gray").json()
    assert (skipped["state"], skipped["skip_reason"]) == ("skipped", "broken")
    assert post(client, f"campaigns/{campaign.pk}/next/").status_code == 204
    assert post(client, f"assignments/{behind['id']}/take-up/").json()["state"] == "leased"
    mine = client.get(f"/api/v1/assignments/?campaign={campaign.pk}&state=submitted").json()
    assert [row["id"] for row in mine["results"]] == [leased["id"]]


def test_retries_late_packets_and_refusals(program, make_campaign):
    client, campaign = program(name="ann"), make_campaign()
    pk = post(client, f"campaigns/{campaign.pk}/next/").json()["id"]
    assert said(client, pk, "a", 5).json() == {"levels": {"clarity": 1}, "applied": True}
    assert said(client, pk, "a", 5, level=2).json() == {"levels": {"clarity": 1}, "applied": False}
    assert said(client, pk, "b", 4, level=0).json() == {"levels": {"clarity": 1}, "applied": False}
    assert said(client, pk, "c", 6, level=None).json() == {"levels": {"clarity": None}, "applied": True}
    wrong = said(client, pk, "d", 7, level=9)
    assert (wrong.status_code, wrong.json()["code"]) == (400, "no_level")
    assert said(client, pk, "e", 8, sub_dimension="nonsense").status_code == 400
    assert said(client, pk, "", 9).status_code == 400
    assert said(client, pk, "f", -1).status_code == 400
    unfinished = post(client, f"assignments/{pk}/submit/")
    assert (unfinished.status_code, unfinished.json()["code"]) == (400, "incomplete")
    assert "clarity" in unfinished.json()["missing"]
    assert post(client, f"assignments/{pk}/skip/", reason="bored").status_code == 400


def test_many_answers_in_one_request_and_with_the_submission(program, make_campaign):
    client, campaign = program(name="ann"), make_campaign()
    pk = post(client, f"campaigns/{campaign.pk}/next/").json()["id"]
    subs = checklist_of(campaign.checklist_version).ordinal
    answers = [
        {"sub_dimension": sub.id, "level": sub.highest, "key": sub.id, "sequence": n} for n, sub in enumerate(subs)
    ]
    wrong = {"sub_dimension": "clarity", "level": 9, "key": "x", "sequence": 99}
    results = post(client, f"assignments/{pk}/judgments/batch/", judgments=[*answers[:2], wrong]).json()["results"]
    assert [result.get("code") for result in results] == [None, None, "no_level"]
    unfinished = post(client, f"assignments/{pk}/submit/", judgments=answers[2:4])
    assert (unfinished.status_code, unfinished.json()["code"]) == (400, "incomplete")
    assert [result["applied"] for result in unfinished.json()["results"]] == [True, True]
    assert len(client.get(f"/api/v1/assignments/{pk}/").json()["levels"]) == 4, "what could be saved is saved"
    done = post(client, f"assignments/{pk}/submit/", judgments=answers[4:]).json()
    assert (done["state"], len(done["levels"])) == ("submitted", len(subs))
    assert post(client, f"assignments/{pk}/judgments/batch/", judgments=[]).status_code == 400
    assert post(client, f"assignments/{pk}/judgments/batch/", judgments=answers * 6).status_code == 400


@pytest.mark.parametrize("role", [Role.ANNOTATOR, Role.REVIEWER, Role.ADMIN])
def test_somebody_elses_work_does_not_exist(program, make_campaign, make_user, role):
    campaign = make_campaign()
    theirs = lease_next_item(campaign=campaign, annotator=make_user("bo"))
    client = program(role, "cy")
    client.user.groups.add(Group.objects.get(name=Role.ANNOTATOR))
    paths = {"judgments/": {"sub_dimension": "clarity", "level": 1, "key": "k", "sequence": 1}, "submit/": {},
             "skip/": {"reason": "other"}, "take-up/": {}}  # fmt: skip
    assert client.get(f"/api/v1/assignments/{theirs.token}/").status_code == 404
    for path, body in paths.items():
        assert post(client, f"assignments/{theirs.token}/{path}", **body).status_code == 404
    assert client.get("/api/v1/assignments/").json()["count"] == 0
    theirs.refresh_from_db()
    assert theirs.state == AssignmentState.LEASED
    assert not theirs.changes.exists()


def test_what_annotators_see_of_campaigns(program, make_campaign):
    client = program(name="ann")
    shown = make_campaign()
    hidden = make_campaign(state=CampaignState.DRAFT)
    rows = client.get("/api/v1/campaigns/").json()["results"]
    assert [row["id"] for row in rows] == [shown.pk]
    assert client.get(f"/api/v1/campaigns/{hidden.pk}/").status_code == 404
    assert post(client, f"campaigns/{hidden.pk}/next/").status_code == 404
    assert client.get(f"/api/v1/campaigns/{shown.pk}/progress/").status_code == 403
    assert post(client, f"campaigns/{shown.pk}/state/", state="closed").status_code == 403
    assert post(client, f"campaigns/{shown.pk}/items/").status_code == 403
    assert post(client, "campaigns/").status_code == 403


def test_a_paused_campaign_hands_out_nothing(program, make_campaign):
    client, campaign = program(name="ann"), make_campaign()
    pk = post(client, f"campaigns/{campaign.pk}/next/").json()["id"]
    Campaign.objects.update(state=CampaignState.PAUSED)
    refused = post(client, f"campaigns/{campaign.pk}/next/")
    assert (refused.status_code, refused["Content-Type"]) == (409, "application/problem+json")
    assert said(client, pk, "k").status_code == 200  # what is begun may be finished


def test_an_admin_makes_and_steers_a_campaign(program, bare_items):
    client = program(Role.ADMIN, "root")
    version = next(v for v, _ in load_builtin_checklists() if v.media_type == "image")
    pictures, clip = bare_items(3), bare_items(1, "video")[0]
    first = [pictures[0].pk, pictures[1].pk]
    made = post(client, "campaigns/", name="May", checklist_version=version.pk, items=first, overlap=2)
    assert made.status_code == 201
    assert made["Location"].endswith(f"/api/v1/campaigns/{made.json()['id']}/")
    pk = made.json()["id"]
    assert post(client, f"campaigns/{pk}/items/").json() == {"added": 1}
    assert post(client, f"campaigns/{pk}/items/", items=[clip.pk]).status_code == 400
    assert post(client, f"campaigns/{pk}/state/", state="open").json()["state"] == "open"
    assert post(client, f"campaigns/{pk}/state/", state="draft").status_code == 409
    progress = client.get(f"/api/v1/campaigns/{pk}/progress/").json()
    assert progress == {"items": 3, "complete": 0, "needed": 6, "submitted": 0}
    taken = post(client, "campaigns/", name="May", checklist_version=version.pk)
    assert (taken.status_code, taken.json()["code"]) == (400, "name_taken")
    assert post(client, "campaigns/", name="June", checklist_version=version.pk, overlap=0).status_code == 400


def test_checklists_are_kept_once_and_never_changed(program):
    client = program(Role.ADMIN, "root")
    text = dumps(builtin("image"))
    first = post(client, "checklists/", source=text)
    assert first.status_code == 201
    assert first.json()["dimensions"][0]["sub_dimensions"][0]["levels"][0].keys() == {"score", "name", "guidance"}
    assert post(client, "checklists/", source=text).status_code == 200
    edited = post(client, "checklists/", source=text.replace("Very blurry", "Extremely blurry"))
    assert edited.json()["version"] == first.json()["version"] + 1
    assert ChecklistVersion.objects.get(pk=first.json()["id"]).source == first.json()["source"]
    broken = post(client, "checklists/", source=text.replace("score: -1", "score: 7", 1), name="mine.yaml")
    assert broken.status_code == 400
    assert "mine.yaml" in broken.json()["title"]
    for method in ("put", "patch", "delete"):
        assert getattr(client, method)(f"/api/v1/checklists/{first.json()['id']}/").status_code == 405
    assert post(program(name="ann"), "checklists/", source=text).status_code == 403
