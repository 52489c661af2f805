"""Pages of trust: who may see them, and what their buttons do."""

import pytest
from django.urls import reverse

from annotator.accounts.models import Role
from annotator.campaigns.models import Purpose
from annotator.campaigns.services import take_out
from annotator.trust.models import Adjudication, AnnotatorStanding, TrustPolicy
from annotator.trust.queries import review_item

BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def disputed(make_campaign, make_user, work_on):
    campaign = make_campaign(2, overlap=2)
    first = campaign.campaign_items.order_by("pk").first()
    campaign.campaign_items.filter(pk=first.pk).update(priority=1)  # equal ones come to everybody in another order
    for name, worst in (("ann", False), ("ben", True)):
        work_on(campaign, make_user(name), worst=worst)
    return campaign


@pytest.fixture
def row(disputed):
    return disputed.campaign_items.order_by("pk").first()


@pytest.fixture
def admin_client_(client, make_user):
    client.force_login(make_user("root", Role.ADMIN), backend=BACKEND)
    return client


@pytest.mark.parametrize("name", ["campaign", "review", "review-item"])
def test_annotators_see_nothing_of_it(client, disputed, row, make_user, name):
    client.force_login(make_user("cem"), backend=BACKEND)
    pk = row.pk if name == "review-item" else disputed.pk
    assert client.get(reverse(f"trust:{name}", args=[pk])).status_code == 403


def test_an_admin_sets_the_policy_in_percent(admin_client_, disputed):
    address = reverse("trust:campaign", args=[disputed.pk])
    page = admin_client_.get(address)
    assert page.status_code == 200
    fields = page.context["form"].initial | {"gold_every": 8, "pass_share": 80, "overlap_max": 5}
    answer = admin_client_.post(address, {k: v for k, v in fields.items() if v not in (None, False)})
    assert answer.status_code == 302, answer.context["form"].errors
    policy = TrustPolicy.objects.get(campaign=disputed)
    assert (policy.gold_every, policy.pass_share, policy.overlap_max) == (8, 0.8, 5)


def test_a_maximum_below_the_overlap_is_refused(admin_client_, disputed):
    address = reverse("trust:campaign", args=[disputed.pk])
    fields = admin_client_.get(address).context["form"].initial | {"overlap_max": 1}
    answer = admin_client_.post(address, {k: v for k, v in fields.items() if v not in (None, False)})
    assert "already has 2 annotators" in answer.content.decode()
    assert not TrustPolicy.objects.exists()


def test_a_reviewer_cannot_change_the_policy(client, disputed, make_user):
    client.force_login(make_user("rev", Role.REVIEWER), backend=BACKEND)
    client.post(reverse("trust:campaign", args=[disputed.pk]), {"gold_every": 3})
    assert not TrustPolicy.objects.exists()


def test_a_reviewer_decides_and_goes_on(client, disputed, row, make_user):
    client.force_login(make_user("rev", Role.REVIEWER), backend=BACKEND)
    assert b"Disputed" in client.get(reverse("trust:review", args=[disputed.pk])).content
    answer = client.post(reverse("trust:review-item", args=[row.pk]), {"clarity": "1", "safety": "", "note": "Blurred"})
    assert answer.status_code == 302
    assert list(Adjudication.objects.values_list("sub_dimension", "level", "note")) == [("clarity", 1, "Blurred")]


def test_a_level_that_is_none_is_refused_in_words(client, row, make_user):
    client.force_login(make_user("rev", Role.REVIEWER), backend=BACKEND)
    for value, said in (("7", "has no level 7"), ("high", "“high” is not a level")):
        answer = client.post(reverse("trust:review-item", args=[row.pk]), {"clarity": value}, follow=True)
        assert said in answer.content.decode()
    assert not Adjudication.objects.exists()


def test_an_item_is_kept_as_gold_and_given_back(admin_client_, row):
    left = [ladder.sub.id for ladder in review_item(row).open]
    address = reverse("trust:review-item", args=[row.pk])
    admin_client_.post(address, {"clarity": "1", "make": "gold", "without": left})
    row.refresh_from_db()
    assert row.purpose == Purpose.GOLD
    admin_client_.post(reverse("trust:forget", args=[row.pk]))
    row.refresh_from_db()
    assert row.purpose == Purpose.WORK


def test_an_item_that_is_taken_out_is_shown_as_such_and_left_alone(admin_client_, row, know):
    (gold,) = know(row.campaign, 1)
    take_out(campaign=gold.campaign, items=[gold.item_id])
    address, forget = reverse("trust:campaign", args=[gold.campaign_id]), reverse("trust:forget", args=[gold.pk])
    page = admin_client_.get(address).content.decode()
    assert "removed" in page
    assert forget not in page
    assert "Restore it first" in admin_client_.post(forget, follow=True).content.decode()
    gold.refresh_from_db()
    assert (gold.purpose, gold.purpose_before) == (Purpose.WITHDRAWN, Purpose.GOLD)


def test_pausing_and_letting_go_on(admin_client_, disputed):
    ann = disputed.campaign_items.first().assignments.first().annotator
    address = reverse("trust:standing", args=[disputed.pk, ann.pk])
    admin_client_.post(address, {"what": "pause"})
    assert AnnotatorStanding.objects.get(annotator=ann).state == "paused"
    admin_client_.post(address, {"what": "lift-restore"})
    assert AnnotatorStanding.objects.get(annotator=ann).state == "active"
    assert "Choose an action" in admin_client_.post(address, {"what": "fire"}, follow=True).content.decode()


def test_the_campaigns_page_says_what_comes_first(client, make_campaign, make_policy, know, make_user):
    campaign = make_campaign(4, overlap=1)
    make_policy(campaign, require_qualification=True, pass_share=0.8)
    know(campaign, 2, Purpose.QUALIFICATION)
    client.force_login(make_user("dee"), backend=BACKEND)
    page = client.get(reverse("campaigns:detail", args=[campaign.pk])).content.decode()
    assert "short test of 2 items" in page
    assert "The pass mark is 80%" in page


@pytest.mark.parametrize("name", ["campaign", "review"])
def test_a_page_works_nothing_out_itself_and_says_how_old_its_figures_are(
    client, disputed, make_user, monkeypatch, name
):
    from annotator.core import figures

    asked = []
    monkeypatch.setattr(figures, "send", lambda *what: asked.append(what))
    monkeypatch.setattr(figures, "CHECK_SECONDS", 60)
    client.force_login(make_user("rev", Role.REVIEWER), backend=BACKEND)
    address = reverse(f"trust:{name}", args=[disputed.pk])
    for _ in range(3):
        assert b"The results will appear here" in client.get(address).content
    kind = {"campaign": "trust.report", "review": "trust.review-queue"}[name]
    assert asked == [(kind, disputed.pk)], "however many look"
    figures.make(kind, disputed.pk)
    page = client.get(address).content.decode()
    assert "Computed" in page
    assert ("ben" if name == "campaign" else "Disputed") in page
    assert len(asked) == 1
