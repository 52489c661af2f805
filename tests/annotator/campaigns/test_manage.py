"""The pages around the work: lists, a campaign, a new one, checklists."""

import pytest

from annotator.accounts.models import Role
from annotator.campaigns.campaign_panels import campaign_panels
from annotator.campaigns.models import Campaign, CampaignState, ChecklistVersion
from annotator.campaigns.services import (
    lease_next_item,
    load_builtin_checklists,
    set_state,
    skip_assignment,
    submit_assignment,
)

pytestmark = pytest.mark.django_db


def test_nobody_sees_campaigns_without_signing_in(client, make_campaign):
    pk = make_campaign().pk
    for path in ("/campaigns/", "/campaigns/new/", f"/campaigns/{pk}/", f"/campaigns/{pk}/work/"):
        assert client.get(path)["Location"].startswith("/accounts/login/")


def test_annotators_see_what_is_open_and_what_they_worked_in(sign_in, make_campaign, answer_all):
    client = sign_in(Role.ANNOTATOR)
    shown = make_campaign(name="An open one", items=3)
    hidden = make_campaign(name="A draft", state=CampaignState.DRAFT)
    worked = make_campaign(name="Done with", items=1)
    foreign = set_state(campaign=make_campaign(name="Closed before"), state=CampaignState.CLOSED)
    assignment = lease_next_item(campaign=worked, annotator=client.user)
    answer_all(assignment)
    submit_assignment(token=assignment.token, annotator=client.user)
    Campaign.objects.filter(pk=worked.pk).update(state=CampaignState.CLOSED)
    page = client.get("/campaigns/").content.decode()
    assert "An open one" in page
    assert "Done with" in page
    assert "A draft" not in page
    assert "Closed before" not in page
    assert client.get(f"/campaigns/{shown.pk}/").status_code == 200
    assert client.get(f"/campaigns/{worked.pk}/mine/").status_code == 200
    for campaign in (hidden, foreign):
        for path in ("", "mine/", "work/", "next/"):
            assert client.get(f"/campaigns/{campaign.pk}/{path}").status_code == 404


def test_an_annotators_page_does_not_tell_about_others(sign_in, make_campaign, make_user):
    client = sign_in(Role.ANNOTATOR)
    campaign = make_campaign(items=2, guidelines="Look twice.\n\nThen <b>judge</b>.")
    lease_next_item(campaign=campaign, annotator=make_user("bo"))
    page = client.get(f"/campaigns/{campaign.pk}/").content.decode()
    assert "Look twice." in page
    assert "&lt;b&gt;judge" in page
    assert ">bo<" not in page
    assert "Progress" not in page
    assert f"/campaigns/{campaign.pk}/work/" in page


def test_reviewers_see_progress_people_and_why_items_were_skipped(sign_in, make_campaign, make_user, answer_all):
    client = sign_in(Role.REVIEWER)
    campaign = make_campaign(items=3, overlap=2)
    ann, bo = make_user("ann"), make_user("bo", is_synthetic=True)
    done = lease_next_item(campaign=campaign, annotator=ann)
    answer_all(done)
    submit_assignment(token=done.token, annotator=ann)
    skipped = lease_next_item(campaign=campaign, annotator=bo)
    skip_assignment(token=skipped.token, annotator=bo, reason="broken", note="gray <square>")
    page = client.get(f"/campaigns/{campaign.pk}/").content.decode()
    assert "The media is damaged" in page
    assert "gray &lt;square&gt;" in page
    assert "synthetic" in page
    assert 'value="1" max="6"' in page
    assert 'name="state"' not in page  # steering is for admins
    assert client.get("/campaigns/").status_code == 200


@pytest.mark.parametrize("role", [Role.ANNOTATOR, Role.REVIEWER])
def test_only_admins_steer(sign_in, make_campaign, role):
    client, campaign = sign_in(role), make_campaign()
    assert client.get("/campaigns/new/").status_code == 403
    assert client.get(f"/campaigns/{campaign.pk}/guidelines/").status_code == 403
    assert client.post(f"/campaigns/{campaign.pk}/state/", {"state": "closed"}).status_code == 403
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.OPEN


def test_a_campaign_is_opened_paused_and_closed(sign_in, make_campaign):
    client, campaign = sign_in(Role.ADMIN), make_campaign(state=CampaignState.DRAFT)
    for state in ("open", "paused", "open", "closed"):
        client.post(f"/campaigns/{campaign.pk}/state/", {"state": state})
        campaign.refresh_from_db()
        assert campaign.state == state
    page = client.post(f"/campaigns/{campaign.pk}/state/", {"state": "draft"}, follow=True).content.decode()
    assert "cannot go from" in page
    page = client.post(f"/campaigns/{campaign.pk}/state/", {"state": "nonsense"}, follow=True).content.decode()
    assert "cannot go from" in page


def new_campaign(**changes):
    version = next(v for v, _ in load_builtin_checklists() if v.media_type == "image")
    return {"name": "May", "checklist_version": version.pk, "overlap": 2, "lease_seconds": 600} | changes


def test_a_new_campaign_takes_the_items_that_fit(sign_in, bare_items):
    client = sign_in(Role.ADMIN)
    pictures = bare_items(3)
    bare_items(2, "video")
    word = pictures[1].prompt.text.split()[-1]
    assert "3 items match" in client.get("/campaigns/new/count/", new_campaign()).content.decode()
    assert "1 item matches" in client.get("/campaigns/new/count/", new_campaign(prompt=word)).content.decode()
    response = client.post("/campaigns/new/", new_campaign(prompt=word, guidelines="Be kind."), follow=True)
    campaign = Campaign.objects.get()
    assert response.redirect_chain[-1][0] == f"/campaigns/{campaign.pk}/"
    assert list(campaign.campaign_items.values_list("item", flat=True)) == [pictures[1].pk]
    assert (campaign.state, campaign.created_by) == (CampaignState.DRAFT, client.user)
    row = campaign.campaign_items.get()
    assert (row.needed, row.open_slots) == (2, 2)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"prompt": "no such words"}, "No image in the library matches"),
        ({"overlap": 0}, "greater than or equal to 1."),
        ({"lease_seconds": 5}, "greater than or equal to 30."),
        ({"name": ""}, "This field is required"),
        ({"checklist_version": ""}, "This field is required"),
    ],
)
def test_a_campaign_that_makes_no_sense_is_refused_in_words(sign_in, bare_items, changes, said):
    client = sign_in(Role.ADMIN)
    bare_items(1)
    response = client.post("/campaigns/new/", new_campaign(**changes))
    assert response.status_code == 422
    assert said in response.content.decode()
    assert not Campaign.objects.exists()


def test_two_campaigns_cannot_share_a_name(sign_in, bare_items, make_campaign):
    client = sign_in(Role.ADMIN)
    make_campaign(name="May")
    response = client.post("/campaigns/new/", new_campaign())
    assert response.status_code == 422
    assert "already" in response.content.decode()


def test_the_guidelines_may_change_while_a_campaign_runs(sign_in, make_campaign):
    client, campaign = sign_in(Role.ADMIN), make_campaign()
    assert client.get(f"/campaigns/{campaign.pk}/guidelines/").status_code == 200
    client.post(f"/campaigns/{campaign.pk}/guidelines/", {"guidelines": "Hands first."})
    assert "Hands first." in client.get(f"/campaigns/{campaign.pk}/").content.decode()


def test_a_checklist_is_read_as_people_read_it(sign_in):
    client = sign_in(Role.ANNOTATOR)
    for version, _ in load_builtin_checklists():
        page = client.get(f"/campaigns/checklists/{version.pk}/").content.decode()
        assert str(version) in page
        assert "yes/no questions" in page
    assert (
        client.get(f"/campaigns/checklists/{ChecklistVersion.objects.order_by('pk').last().pk + 1}/").status_code == 404
    )


def test_other_apps_add_panels(sign_in, make_campaign):
    client, campaign = sign_in(Role.REVIEWER), make_campaign()
    campaign_panels.register("campaigns/_state.html", lambda request, shown: {} if shown == campaign else None)
    try:
        with_panel = client.get(f"/campaigns/{campaign.pk}/").content.decode()
        without = client.get(f"/campaigns/{make_campaign().pk}/").content.decode()
    finally:
        campaign_panels.unregister("campaigns/_state.html")
    assert with_panel.count("badge good") == without.count("badge good") + 1
