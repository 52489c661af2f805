"""The test before the work: passed, failed, taken again."""

import pytest

from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Assignment, Purpose
from annotator.campaigns.queries import campaign_progress, judgment_levels
from annotator.campaigns.services import lease_next_item, put_back, skip_assignment, take_out
from annotator.core.errors import ConflictError, ProblemError
from annotator.trust.models import QualificationAttempt
from annotator.trust.services import allow_another_try, forget_known_answers, set_known_answers


@pytest.fixture
def campaign(make_campaign, make_policy, know):
    campaign = make_campaign(5, overlap=1)
    make_policy(campaign, require_qualification=True, pass_share=0.7, attempts_allowed=2)
    know(campaign, 2, Purpose.QUALIFICATION)
    return campaign


def test_whoever_passes_goes_on_to_the_work(campaign, make_user, work_on):
    ann = make_user("ann")
    purposes = [work_on(campaign, ann).campaign_item.purpose for _ in range(3)]
    assert purposes == [Purpose.QUALIFICATION, Purpose.QUALIFICATION, Purpose.WORK]
    attempt = QualificationAttempt.objects.get(annotator=ann)
    assert attempt.passed
    assert attempt.right == attempt.judged > 20


def test_whoever_fails_may_try_again_and_then_no_more(campaign, make_user, work_on):
    ann = make_user("ann")
    work_on(campaign, ann, worst=True)
    work_on(campaign, ann, worst=True)
    first = QualificationAttempt.objects.get(annotator=ann)
    assert not first.passed
    assert len(first.answers) == 2, "what was answered is kept"
    assert work_on(campaign, ann, worst=True).campaign_item.purpose == Purpose.QUALIFICATION
    work_on(campaign, ann, worst=True)
    with pytest.raises(ConflictError) as refused:
        lease_next_item(campaign=campaign, annotator=ann)
    assert refused.value.code == "not_qualified"


def test_a_second_try_can_pass(campaign, make_user, work_on):
    ann = make_user("ann")
    for worst in (True, True, False, False):
        work_on(campaign, ann, worst=worst)
    assert list(QualificationAttempt.objects.values_list("number", "passed")) == [(1, False), (2, True)]
    assert work_on(campaign, ann).campaign_item.purpose == Purpose.WORK


def test_no_work_is_prefetched_while_the_test_is_unmarked(campaign, make_user):
    ann = make_user("ann")
    first = lease_next_item(campaign=campaign, annotator=ann)
    second = lease_next_item(campaign=campaign, annotator=ann, after=first.token)
    assert second.campaign_item.purpose == Purpose.QUALIFICATION
    Assignment.objects.filter(pk=first.pk).update(state="submitted")
    with pytest.raises(ConflictError) as refused:
        lease_next_item(campaign=campaign, annotator=ann, after=second.token)
    assert refused.value.code == "test_first"


def test_more_tries_than_were_used_up_let_people_try_again(campaign, make_user, make_policy, work_on):
    ann = make_user("ann")
    for _ in range(4):
        work_on(campaign, ann, worst=True)
    make_policy(campaign, attempts_allowed=3)
    purposes = [work_on(campaign, ann).campaign_item.purpose for _ in range(3)]
    assert purposes == [Purpose.QUALIFICATION, Purpose.QUALIFICATION, Purpose.WORK]


def by_taking_out(campaign, row):
    take_out(campaign=campaign, items=[row.item_id])


def by_making_it_work(campaign, row):
    forget_known_answers(campaign_item=row)


def by_making_it_gold(campaign, row):
    set_known_answers(campaign_item=row, levels={"clarity": 1})


LEAVING = pytest.mark.parametrize("leave", [by_taking_out, by_making_it_work, by_making_it_gold])


@LEAVING
def test_whoever_did_all_the_rest_has_passed_when_an_item_leaves_the_test(
    campaign, make_user, work_on, leave, django_capture_on_commit_callbacks
):
    ann, bo = make_user("ann"), make_user("bo")
    work_on(campaign, ann)
    broken = lease_next_item(campaign=campaign, annotator=ann)
    skip_assignment(token=broken.token, annotator=ann, reason="broken")
    with django_capture_on_commit_callbacks(execute=True):
        leave(campaign, broken.campaign_item)
    assert list(QualificationAttempt.objects.values_list("annotator", "passed")) == [(ann.pk, True)]
    assert work_on(campaign, ann).campaign_item.purpose == Purpose.WORK
    assert [work_on(campaign, bo).campaign_item.purpose for _ in range(2)] == [Purpose.QUALIFICATION, Purpose.WORK]


def test_whoever_did_the_rest_badly_has_failed_and_tries_again(
    campaign, make_user, work_on, django_capture_on_commit_callbacks
):
    ann = make_user("ann")
    first = work_on(campaign, ann, worst=True)
    broken = lease_next_item(campaign=campaign, annotator=ann)
    with django_capture_on_commit_callbacks(execute=True):
        take_out(campaign=campaign, items=[broken.campaign_item.item_id])
    assert list(QualificationAttempt.objects.values_list("number", "passed")) == [(1, False)]
    held = lease_next_item(campaign=campaign, annotator=ann)
    assert held == broken, "what is on the screen may be finished"
    again = lease_next_item(campaign=campaign, annotator=ann, after=held.token)
    assert again.campaign_item == first.campaign_item


def test_what_is_taken_out_gets_no_known_answers_and_loses_none(campaign):
    row = campaign.campaign_items.filter(purpose=Purpose.QUALIFICATION).first()
    take_out(campaign=campaign, items=[row.item_id])
    for change in (by_making_it_work, by_making_it_gold):
        with pytest.raises(ProblemError, match="Restore it first"):
            change(campaign, row)
    put_back(campaign=campaign, items=[row.item_id])
    row.refresh_from_db()
    assert row.purpose == Purpose.QUALIFICATION
    assert row.known.levels


def test_the_test_is_no_data(campaign, make_user, work_on):
    ann = make_user("ann")
    for _ in range(3):
        work_on(campaign, ann)
    assert len(judgment_levels([campaign]).assignments) == 1
    assert campaign_progress(campaign)["items_count"] == 3


def test_a_policy_without_test_items_keeps_nobody_out(make_campaign, make_policy, make_user, work_on):
    campaign = make_campaign(1, overlap=1)
    make_policy(campaign, require_qualification=True)
    assert work_on(campaign, make_user("ann")).campaign_item.purpose == Purpose.WORK


def test_the_test_says_at_once_what_fits_and_gold_never_does(campaign, make_user, client, know, make_policy):
    from annotator.trust.models import KnownAnswers

    ann = make_user("ann")
    client.force_login(ann, backend="django.contrib.auth.backends.ModelBackend")
    assignment = lease_next_item(campaign=campaign, annotator=ann)
    KnownAnswers.objects.update(explanations={"clarity": "Every hair can be counted."})

    def say(level, number):
        body = {"sub_dimension": "clarity", "level": level, "key": f"key-{number}", "sequence": number}
        address = f"/campaigns/assignments/{assignment.token}/judgments/"
        answer = client.post(address, {"judgments": [body]}, content_type="application/json")
        return answer.json()["results"][0].get("feedback")

    assert say(-1, 1) == {"right": False, "text": "Not quite: “Very clear” fits. Every hair can be counted."}
    assert say(1, 2)["text"].startswith("Close enough")
    assert say(2, 3) == {"right": True, "text": "Correct. Every hair can be counted."}
    assert say(None, 4) is None
    assignment.campaign_item.__class__.objects.filter(pk=assignment.campaign_item_id).update(purpose=Purpose.GOLD)
    assert say(0, 5) is None


def answer_by_feedback(client, assignment, ladders):
    """Answer each ladder at its lowest, read which level is right, and say that."""
    address = f"/campaigns/assignments/{assignment.token}/judgments/"
    number = 0

    def say(sub, level):
        nonlocal number
        number += 1
        body = {"sub_dimension": sub.id, "level": level, "key": f"{sub.id}-{number}", "sequence": number}
        answer = client.post(address, {"judgments": [body]}, content_type="application/json")
        return answer.json()["results"][0].get("feedback")

    for sub in ladders:
        # The second level from below closes no other ladder.
        told = say(sub, sub.scores[1] if sub.mask else sub.lowest)
        names = {level.name: level.score for level in sub.levels}
        right = next((score for name, score in names.items() if told and f"“{name}”" in told["text"]), sub.highest)
        say(sub, right)


def test_correcting_oneself_by_the_feedback_does_not_pass_the_test(campaign, make_user, client):
    ann = make_user("ann")
    client.force_login(ann, backend="django.contrib.auth.backends.ModelBackend")
    ladders = checklist_of(campaign.checklist_version).ordinal
    for _ in range(2):
        assignment = lease_next_item(campaign=campaign, annotator=ann)
        answer_by_feedback(client, assignment, ladders)
        standing = dict(assignment.judgments.values_list("sub_dimension", "level"))
        assert all(standing[sub.id] == sub.highest for sub in ladders), "what stands is all right"
        assert client.post(
            f"/campaigns/assignments/{assignment.token}/submit/", {"judgments": []}, content_type="application/json"
        ).json()["submitted"]
    attempt = QualificationAttempt.objects.get(annotator=ann)
    assert not attempt.passed
    assert attempt.right < attempt.judged * 0.3


def test_a_second_try_draws_other_items_while_there_are_any(make_campaign, make_policy, know, make_user, work_on):
    campaign, ann, bo = make_campaign(8, overlap=1), make_user("ann"), make_user("bo")
    make_policy(campaign, require_qualification=True, attempts_allowed=2, test_items=2)
    know(campaign, 5, Purpose.QUALIFICATION)
    first, second = ({work_on(campaign, ann, worst=True).campaign_item_id for _ in range(2)} for _ in range(2))
    assert len(first) == len(second) == 2
    assert not first & second
    allow_another_try(campaign=campaign, annotator=ann)
    third = [work_on(campaign, ann) for _ in range(2)]
    assert len({row.campaign_item_id for row in third} - first - second) == 1, "the fifth, and one of long ago"
    assert work_on(campaign, ann).campaign_item.purpose == Purpose.WORK
    assert [work_on(campaign, bo).campaign_item.purpose for _ in range(3)][2] == Purpose.WORK
