"""Gold items measure annotators without being seen, and who is far off is paused, reversibly."""

import pytest

from annotator.campaigns.models import Assignment, AssignmentState, CampaignItem, Purpose
from annotator.campaigns.queries import judgment_levels
from annotator.campaigns.services import lease_next_item
from annotator.core.errors import ConflictError, ProblemError
from annotator.trust.models import AnnotatorStanding, AnnotatorStandingState, KnownAnswers
from annotator.trust.services import follow_up, forget_known_answers, lift_pause, set_known_answers


def test_gold_comes_about_as_often_as_the_policy_says_and_each_once(
    make_campaign, make_user, make_policy, know, work_on
):
    campaign, ann = make_campaign(24, overlap=1), make_user("ann")
    make_policy(campaign, gold_every=2)
    know(campaign, 8)
    seen = []
    while (assignment := work_on(campaign, ann)) is not None:
        seen.append(assignment.campaign_item)
    purposes = [item.purpose for item in seen]
    assert purposes.count(Purpose.WORK) == 16, "all work is handed out"
    assert 3 <= purposes.count(Purpose.GOLD) <= 8
    assert len({item.pk for item in seen}) == len(seen)


def test_without_a_policy_no_gold_is_handed_out(make_campaign, make_user, know, work_on):
    campaign, ann = make_campaign(5, overlap=1), make_user("ann")
    know(campaign, 3)
    purposes = [work_on(campaign, ann).campaign_item.purpose for _ in range(2)]
    assert purposes == [Purpose.WORK] * 2
    assert work_on(campaign, ann) is None


def test_reloading_does_not_draw_again(make_campaign, make_user, make_policy, know):
    campaign, ann = make_campaign(8), make_user("ann")
    make_policy(campaign, gold_every=2)
    know(campaign, 4)
    assert len({lease_next_item(campaign=campaign, annotator=ann).pk for _ in range(4)}) == 1


def test_whoever_is_far_off_is_paused_and_their_work_is_asked_again(
    make_campaign, make_user, make_policy, know, work_on
):
    campaign, ann = make_campaign(12, overlap=1), make_user("ann")
    make_policy(campaign, gold_every=1, gold_items_before=2, gold_share=0.5)
    assert work_on(campaign, ann, worst=True).campaign_item.purpose == Purpose.WORK
    know(campaign, 2)
    work_on(campaign, ann, worst=True)
    standing = AnnotatorStanding.objects.get(campaign=campaign, annotator=ann)
    assert standing.state == AnnotatorStandingState.ACTIVE
    assert standing.share < 0.5
    work_on(campaign, ann, worst=True)
    standing.refresh_from_db()
    assert standing.state == AnnotatorStandingState.PAUSED
    assert "known answers" in standing.reason
    with pytest.raises(ConflictError) as refused:
        lease_next_item(campaign=campaign, annotator=ann)
    assert refused.value.code == "paused"
    own = Assignment.objects.get(annotator=ann, campaign_item__purpose=Purpose.WORK)
    assert not own.counted
    assert own.campaign_item.open_slots == 1, "somebody else is asked"
    assert len(judgment_levels([campaign]).assignments) == 2, "gold answers stay, work does not count"


def test_a_pause_is_lifted_and_the_work_counts_again(make_campaign, make_user, make_policy, know, work_on):
    campaign, ann, ben = make_campaign(6, overlap=1), make_user("ann"), make_user("ben")
    make_policy(campaign, gold_every=1, gold_items_before=1, gold_share=0.5)
    work_on(campaign, ann, worst=True)
    work_on(campaign, ann, worst=True)
    know(campaign, 1)
    work_on(campaign, ann, worst=True)
    standing = AnnotatorStanding.objects.get(campaign=campaign, annotator=ann)
    assert standing.state == AnnotatorStandingState.PAUSED
    make_policy(campaign, gold_every=0)
    redone = work_on(campaign, ben).campaign_item
    lift_pause(standing=standing, restore=True)
    standing.refresh_from_db()
    assert standing.state == AnnotatorStandingState.ACTIVE
    assert standing.judged == 0, "a clean slate"
    assert Assignment.objects.filter(annotator=ann, counted=True).count() == 3
    for item in CampaignItem.objects.filter(campaign=campaign, assignments__annotator=ann, purpose=Purpose.WORK):
        assert item.open_slots == (-1 if item.pk == redone.pk else 0), "nobody else is asked"
        assert item.submitted == (2 if item.pk == redone.pk else 1)
    assert lease_next_item(campaign=campaign, annotator=ann) is not None


def test_an_item_in_work_is_given_back_when_its_annotator_is_paused(
    make_campaign, make_user, make_policy, know, work_on, answer_all
):
    from annotator.campaigns.services import submit_assignment

    campaign, ann = make_campaign(6, overlap=1), make_user("ann")
    make_policy(campaign, gold_every=1, gold_items_before=1, gold_share=0.9)
    know(campaign, 1)
    gold = lease_next_item(campaign=campaign, annotator=ann)
    behind = lease_next_item(campaign=campaign, annotator=ann, after=gold.token)
    answer_all(gold, clarity=-2, object_pairing=-1, richness=-2, background=0, emotion=-2)
    submit_assignment(token=gold.token, annotator=ann)
    follow_up(assignment_id=gold.pk)  # as the task does after the commit
    behind.refresh_from_db()
    assert behind.state == AssignmentState.EXPIRED
    assert behind.campaign_item.open_slots == 1


def test_somebody_good_is_never_paused(make_campaign, make_user, make_policy, know, work_on):
    campaign, ann = make_campaign(8, overlap=1), make_user("ann")
    make_policy(campaign, gold_every=1, gold_items_before=1, gold_share=0.9)
    know(campaign, 4)
    while work_on(campaign, ann) is not None:
        pass
    standing = AnnotatorStanding.objects.get(campaign=campaign, annotator=ann)
    assert standing.share == 1.0
    assert standing.by_sub_dimension["clarity"][0] == standing.by_sub_dimension["clarity"][1] > 0


def test_a_gold_item_looks_like_any_other_in_the_page_and_the_api(make_campaign, make_user, make_policy, know, client):
    campaign, ann = make_campaign(2, overlap=1), make_user("ann")
    make_policy(campaign, gold_every=1)
    know(campaign, 1)
    client.force_login(ann, backend="django.contrib.auth.backends.ModelBackend")
    gold = lease_next_item(campaign=campaign, annotator=ann)
    assert gold.campaign_item.purpose == Purpose.GOLD
    page = client.get(f"/campaigns/assignments/{gold.token}/").content.decode()
    assert "gold" not in page.lower().replace("golden", "")
    assert "known" not in page.lower()


@pytest.mark.parametrize(
    ("levels", "words"),
    [({}, "at least one"), ({"clarity": 9}, "no level 9"), ({"sharpness": 1}, "sharpness")],
)
def test_known_answers_must_be_on_the_checklist(make_campaign, levels, words):
    row = make_campaign(1).campaign_items.get()
    with pytest.raises(ProblemError, match=words):
        set_known_answers(campaign_item=row, levels=levels)
    assert not KnownAnswers.objects.exists()


def test_gold_becomes_work_again(make_campaign, know):
    campaign = make_campaign(2, overlap=2)
    row = know(campaign, 1)[0]
    assert row.open_slots > 1000
    row = forget_known_answers(campaign_item=row)
    assert (row.purpose, row.needed, row.open_slots) == (Purpose.WORK, 2, 2)
    assert not KnownAnswers.objects.exists()
