"""Suggestions of a model: off until switched on, the same for gold, kept with each answer, and their pull measured."""

import random

import pytest

from annotator.accounts.models import Role
from annotator.campaigns import hooks
from annotator.campaigns.models import Assignment, Judgment, Purpose
from annotator.campaigns.queries import suggestion_bias
from annotator.campaigns.services import lease_next_item, record_judgment, set_suggestions, submit_assignment
from annotator.trust.services import set_known_answers
from tests.factories import make_reward_model, make_score

pytestmark = pytest.mark.django_db
GIVEN = (Purpose.WORK, Purpose.GOLD, Purpose.QUALIFICATION)
BACKEND = "django.contrib.auth.backends.ModelBackend"


def scored(campaign, p_yes=0.9):
    model = make_reward_model()
    for row in campaign.campaign_items.select_related("item"):
        make_score(model, row.item, p_yes)
    return model


def answer(assignment, **levels):
    for number, (sub, level) in enumerate(levels.items()):
        record_judgment(
            token=assignment.token, annotator=assignment.annotator, sub_dimension=sub, level=level,
            idempotency_key=f"{assignment.pk}-{sub}-{level}", sequence=number,
        )  # fmt: skip


def test_none_are_made_before_a_campaign_wants_them(make_campaign, ann):
    campaign = make_campaign()
    scored(campaign)
    assignment = lease_next_item(campaign=campaign, annotator=ann)
    assert (assignment.suggestions, assignment.suggestions_shown) == (None, False)
    answer(assignment, clarity=1)
    assert Judgment.objects.get().suggested_level is None


def test_the_promoted_models_levels_are_shown_and_kept_with_each_answer(make_campaign, ann, client):
    campaign = make_campaign()
    model = scored(campaign)
    set_suggestions(campaign=campaign, percent=100)
    assignment = lease_next_item(campaign=campaign, annotator=ann)
    assert assignment.suggested_by == str(model)
    assert assignment.suggestions["clarity"] == 2  # every question a likely yes: the top of every ladder
    answer(assignment, clarity=0, symmetry=1)
    stored = Judgment.objects.order_by("pk").values_list("level", "suggested_level", "suggestion_shown")
    assert list(stored) == [(0, 2, True), (1, 1, True)]
    client.force_login(ann, backend=BACKEND)
    page = client.get(f"/campaigns/assignments/{assignment.token}/").content.decode()
    assert "The model suggests" in page
    assert page.count("checked") == 2  # what was answered; nothing is chosen by a suggestion
    assert client.get(f"/api/v1/assignments/{assignment.token}/").json()["suggestions"]["clarity"] == 2


def test_a_share_is_answered_without_seeing_them(make_campaign, ann, client, monkeypatch):
    campaign = make_campaign()
    scored(campaign)
    set_suggestions(campaign=campaign, percent=80)
    monkeypatch.setattr(random, "random", lambda: 0.8)
    assignment = lease_next_item(campaign=campaign, annotator=ann)
    answer(assignment, clarity=1)
    kept = Judgment.objects.get()
    assert (kept.suggested_level, kept.suggestion_shown) == (2, False)
    client.force_login(ann, backend=BACKEND)
    page = client.get(f"/campaigns/assignments/{assignment.token}/").content.decode()
    assert "The model suggests" not in page
    assert '"suggestions": {}' in page  # nor does the page's data give it away
    assert client.get(f"/api/v1/assignments/{assignment.token}/").json()["suggestions"] == {}


def test_gold_gets_them_like_work_and_a_test_gets_none(make_campaign, ann, monkeypatch):
    campaign = make_campaign(items=3)
    scored(campaign)
    set_suggestions(campaign=campaign, percent=100)
    for row, purpose in zip(campaign.campaign_items.order_by("pk"), GIVEN, strict=True):
        if purpose != Purpose.WORK:
            set_known_answers(campaign_item=row, levels={"clarity": -2}, purpose=purpose)
    rows = {row.purpose: row for row in campaign.campaign_items.all()}
    seen = {}
    for purpose in (Purpose.QUALIFICATION, Purpose.GOLD, Purpose.WORK):
        chosen = rows[purpose] if purpose != Purpose.WORK else None  # work comes from the queue
        monkeypatch.setattr(hooks, "choosers", [lambda campaign, annotator, chosen=chosen: chosen])
        assignment = lease_next_item(campaign=campaign, annotator=ann)
        assert assignment.campaign_item.purpose == purpose
        seen[purpose] = assignment.suggestions
        Assignment.objects.filter(pk=assignment.pk).update(state="submitted")
    assert seen[Purpose.QUALIFICATION] is None
    assert seen[Purpose.GOLD] == seen[Purpose.WORK]
    assert len(seen[Purpose.GOLD]) == 18


def test_a_model_of_another_checklist_speaks_for_the_ladders_both_have(make_campaign, ann, monkeypatch):
    said = hooks.Suggestion(levels={"clarity": 1, "symmetry": 9, "fur": 0, "lighting_aesthetic": -1}, by="Other v1")
    monkeypatch.setattr(hooks, "suggesters", [lambda campaign, item: None, lambda campaign, item: said])
    campaign = make_campaign()
    set_suggestions(campaign=campaign, percent=100)
    # No level 9, no ladder "fur"; and that there is no lighting follows from another ladder, nobody is asked for it.
    assert lease_next_item(campaign=campaign, annotator=ann).suggestions == {"clarity": 1}


def test_the_pull_is_the_difference_between_shown_and_hidden(make_campaign, make_user, answer_all):
    campaign = make_campaign(items=4, overlap=1)
    scored(campaign)
    set_suggestions(campaign=campaign, percent=50)
    ann = make_user("ann")
    for number, clarity in enumerate((2, 2, 2, -1)):  # twice shown and agreed; hidden: once agreed, once not
        assignment = lease_next_item(campaign=campaign, annotator=ann)
        Assignment.objects.filter(pk=assignment.pk).update(suggestions_shown=number < 2)
        answer_all(assignment, clarity=clarity)
        submit_assignment(token=assignment.token, annotator=ann)
    found = suggestion_bias(campaign)
    clarity = next(row for row in found.rows if row.name == "Clarity")
    assert (clarity.shown.share, clarity.hidden.share, clarity.bias) == (1.0, 0.5, 0.5)
    assert clarity.margin == pytest.approx(1.96 * (0.25 / 2) ** 0.5)
    assert (found.total.shown.n, found.total.hidden.n) == (36, 36)
    assert found.total.bias == pytest.approx(1 / 36)
    # Two annotations with 18/18 and 17/18: the error of their mean.
    assert found.total.hidden.error == pytest.approx((2 * 0.5**2 / 2) ** 0.5 / 18)
    assert not found.total.is_clear


def test_admins_set_it_and_reviewers_read_it(client, make_campaign, make_user):
    campaign = make_campaign()
    url = f"/campaigns/{campaign.pk}/suggestions/"
    client.force_login(make_user("rev", Role.REVIEWER), backend=BACKEND)
    assert "No answers with a suggestion yet" in client.get(url).content.decode()
    client.post(url, {"percent": 100})
    client.force_login(make_user("root", Role.ADMIN), backend=BACKEND)
    assert client.post(url, {"percent": 101}).status_code == 422
    campaign.refresh_from_db()
    assert campaign.suggestions_percent == 0
    assert client.post(url, {"percent": 80}).status_code == 302
    campaign.refresh_from_db()
    assert campaign.suggestions_percent == 80
    client.force_login(make_user("ann"), backend=BACKEND)
    assert client.get(url).status_code == 403
