"""Consensus with a reviewer's word in it, the review queue, annotators side by side, what adaptive overlap saves."""

import pytest

from annotator.accounts.models import Role
from annotator.core.errors import ProblemError
from annotator.trust.queries import annotator_report, consensus_of, list_disputed, overlap_savings, review_item
from annotator.trust.services import adjudicate, pause
from annotator.trust.services.gold_from_decisions import make_known


@pytest.fixture
def disputed(make_campaign, make_user, work_on):
    """One item on which ann says the best of all, and ben the worst."""
    campaign = make_campaign(2, overlap=2)
    first = campaign.campaign_items.order_by("pk").first()
    campaign.campaign_items.filter(pk=first.pk).update(priority=1)  # equal ones come to everybody in another order
    for name, worst in (("ann", False), ("ben", True)):
        work_on(campaign, make_user(name), worst=worst)
    return campaign


def column(table, sub):
    return table.checklist.ordinal_index(sub)


@pytest.mark.parametrize("method", ["majority", "reliability"])
def test_a_decision_wins_over_the_votes_and_is_marked(disputed, make_user, method):
    row = disputed.campaign_items.order_by("pk").first()
    adjudicate(campaign_item=row, levels={"clarity": 1}, adjudicator=make_user("rev", Role.REVIEWER))
    table = consensus_of([disputed], method)
    assert table.levels[0, column(table, "clarity")] == 1, "nobody chose it, and it counts"
    assert table.adjudicated.sum() == 1
    assert table.agreement[0, column(table, "clarity")] == 1.0
    assert table.method == method


def test_deciding_that_there_is_none_settles_what_hangs_on_it(disputed, make_user):
    row = disputed.campaign_items.order_by("pk").first()
    checklist = consensus_of([disputed]).checklist
    owner = next(sub for sub in checklist.ordinal if checklist.dependents(sub.id))
    dependent = checklist.dependents(owner.id)[0]
    adjudicate(campaign_item=row, levels={owner.id: owner.lowest}, adjudicator=make_user("rev", Role.REVIEWER))
    table = consensus_of([disputed])
    assert table.levels[0, column(table, dependent.id)] == dependent.lowest


def test_an_unknown_method_is_refused(disputed):
    with pytest.raises(ProblemError, match="majority or reliability"):
        consensus_of([disputed], "gut feeling")


def test_the_queue_holds_what_is_disputed_until_it_is_decided(disputed, make_user):
    queue = list_disputed(disputed)
    assert len(queue) == 1
    assert queue[0].agreement < 0.6
    assert "clarity" in queue[0].disputed
    item = disputed.campaign_items.get(pk=queue[0].campaign_item)
    review = review_item(item)
    assert [person["letter"] for person in review.people] == ["A", "B"]
    clarity = next(ladder for ladder in review.ladders if ladder.sub.id == "clarity")
    assert [row["letters"] for row in clarity.levels] == [["B"], [], [], [], ["A"]]
    adjudicate(
        campaign_item=item,
        levels={ladder.sub.id: ladder.sub.highest for ladder in review.disputed},
        adjudicator=make_user("rev", Role.REVIEWER),
    )
    assert list_disputed(disputed) == []
    assert len(list_disputed(disputed, include_decided=True)[0].decided) > 5


def test_a_decided_item_becomes_gold(disputed, make_user):
    row = disputed.campaign_items.order_by("pk").first()
    reviewer = make_user("rev", Role.REVIEWER)
    adjudicate(campaign_item=row, levels={"clarity": 1}, adjudicator=reviewer, note="See the hair.")
    known = make_known(campaign_item=row, purpose="gold")
    assert known.levels["clarity"] == 1
    assert known.explanations["clarity"] == "See the hair."
    assert "symmetry" not in known.levels, "still disputed"
    untouched = disputed.campaign_items.order_by("-pk").first()
    with pytest.raises(ProblemError, match="settled"):
        make_known(campaign_item=untouched, purpose="gold")


def test_annotators_are_reported_the_least_reliable_first(make_campaign, make_user, work_on):
    campaign = make_campaign(8, overlap=3)
    people = {name: make_user(name) for name in ("ann", "ben", "cem")}
    for _ in range(8):
        work_on(campaign, people["ann"])
        work_on(campaign, people["ben"])
        work_on(campaign, people["cem"], worst=True)
    report = annotator_report(campaign)
    assert report[0].annotator == people["cem"]
    assert report[0].reliability < report[1].reliability
    assert [row.annotations for row in report] == [8, 8, 8]
    assert all(row.too_fast == 1.0 for row in report), "the test answers faster than anybody can look"
    assert report[-1].suspect


def test_somebody_paused_stays_in_the_report(make_campaign, make_user, work_on):
    from annotator.trust.models import AnnotatorStanding

    campaign, ann = make_campaign(2, overlap=1), make_user("ann")
    work_on(campaign, ann)
    pause(standing=AnnotatorStanding.objects.create(campaign=campaign, annotator=ann), reason="Looked at.")
    (row,) = annotator_report(campaign)
    assert (row.annotator, row.annotations, row.standing.reason) == (ann, 0, "Looked at.")


def test_savings_compare_with_asking_everybody(make_campaign, make_user, make_policy, work_on):
    campaign = make_campaign(2, overlap=1)
    assert overlap_savings(campaign) is None
    campaign = make_campaign(2, overlap=1)
    make_policy(campaign, overlap_max=4)
    ann = make_user("ann")
    work_on(campaign, ann)
    work_on(campaign, ann)
    savings = overlap_savings(campaign)
    assert savings.bars == [(1, 2)]
    assert (savings.asked, savings.most, savings.saved_share) == (2, 8, 0.75)
