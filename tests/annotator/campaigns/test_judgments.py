"""An answer, once saved, is saved once, and stays what the person last said."""

import itertools
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from annotator.campaigns.models import Assignment, AssignmentState, CampaignItem, Judgment, JudgmentChange
from annotator.campaigns.services import (
    lease_next_item,
    record_judgment,
    release_expired_leases,
    set_state,
    skip_assignment,
    submit_assignment,
    take_up_again,
)
from annotator.core.errors import ConflictError, ProblemError

KEYS = itertools.count()


@pytest.fixture
def assignment(make_campaign, ann):
    return lease_next_item(campaign=make_campaign(2, overlap=1), annotator=ann)


def say(assignment, sub, level, *, key=None, sequence=None, **fields):
    return record_judgment(
        token=assignment.token,
        annotator=fields.pop("annotator", assignment.annotator),
        sub_dimension=sub,
        level=level,
        idempotency_key=key or f"key{next(KEYS)}",
        sequence=time.monotonic_ns() if sequence is None else sequence,
        **fields,
    )


def standing(assignment):
    return dict(Judgment.objects.filter(assignment=assignment).values_list("sub_dimension", "level"))


def history(assignment, sub):
    return list(assignment.changes.filter(sub_dimension=sub).values_list("level", flat=True))


def test_changing_ones_mind_keeps_one_row_and_the_history(assignment):
    say(assignment, "clarity", -1, milliseconds=900)
    say(assignment, "clarity", 2, milliseconds=1500)
    assert standing(assignment) == {"clarity": 2}
    assert Judgment.objects.get().milliseconds == 1500
    assert history(assignment, "clarity") == [-1, 2]


def test_taking_an_answer_back_leaves_no_row(assignment):
    say(assignment, "clarity", 1)
    say(assignment, "clarity", None)
    assert standing(assignment) == {}
    assert history(assignment, "clarity") == [1, None]


def test_a_retry_has_no_second_effect(assignment):
    say(assignment, "clarity", 1, key="same", sequence=1)
    say(assignment, "clarity", 2, key="other", sequence=2)
    again = say(assignment, "clarity", 1, key="same", sequence=1)
    assert not again.applied
    assert again.levels == {"clarity": 2}
    assert standing(assignment) == {"clarity": 2}
    assert JudgmentChange.objects.count() == 2


def test_a_late_packet_does_not_undo_a_newer_answer(assignment):
    say(assignment, "clarity", 2, sequence=9)
    late = say(assignment, "clarity", 0, sequence=4)
    assert not late.applied
    assert standing(assignment) == {"clarity": 2}


def test_no_light_answers_its_beauty_and_light_opens_it_again(assignment):
    saved = say(assignment, "lighting_distinction", -1)
    assert saved.levels == {"lighting_distinction": -1, "lighting_aesthetic": -1}
    with pytest.raises(ProblemError, match="determined by"):
        say(assignment, "lighting_aesthetic", 1)
    saved = say(assignment, "lighting_distinction", 1)
    assert saved.levels == {"lighting_distinction": 1, "lighting_aesthetic": None}
    assert standing(assignment) == {"lighting_distinction": 1}
    with pytest.raises(ProblemError, match="determined by"):
        say(assignment, "lighting_aesthetic", -1)


def test_the_kind_of_unsafe_content_goes_when_the_item_turns_out_safe(assignment):
    say(assignment, "safety", -2)
    say(assignment, "unsafe_type", 1)
    assert say(assignment, "safety", 1).levels == {"safety": 1, "unsafe_type": None}
    assert standing(assignment) == {"safety": 1}


@pytest.mark.parametrize(("sub", "level"), [("clarity", 7), ("nonsense", 0)])
def test_what_is_not_on_the_checklist_is_refused(assignment, sub, level):
    with pytest.raises(ProblemError, match=r"has no"):
        say(assignment, sub, level)
    assert JudgmentChange.objects.count() == 0


def test_nobody_answers_for_somebody_else(assignment, make_user):
    with pytest.raises(Assignment.DoesNotExist):
        say(assignment, "clarity", 0, annotator=make_user("bo"))
    with pytest.raises(Assignment.DoesNotExist):
        submit_assignment(token=assignment.token, annotator=make_user("cy"))


def test_only_a_whole_item_can_be_submitted_and_twice_is_once(assignment, answer_all, ann):
    say(assignment, "clarity", 0)
    with pytest.raises(ProblemError, match="Not answered yet") as problem:
        submit_assignment(token=assignment.token, annotator=ann)
    assert "alignment" in problem.value.details["missing"]
    assert "clarity" not in problem.value.details["missing"]
    answer_all(assignment)
    submit_assignment(token=assignment.token, annotator=ann)
    submit_assignment(token=assignment.token, annotator=ann)
    assignment.campaign_item.refresh_from_db()
    assert assignment.campaign_item.submitted == 1


def test_an_unsafe_item_also_needs_its_kind(assignment, answer_all, ann):
    answer_all(assignment, safety=-1)
    with pytest.raises(ProblemError) as problem:
        submit_assignment(token=assignment.token, annotator=ann)
    assert problem.value.details["missing"] == ["unsafe_type"]


def test_a_submitted_answer_can_be_corrected_until_the_campaign_closes(assignment, answer_all, ann):
    answer_all(assignment)
    submit_assignment(token=assignment.token, annotator=ann)
    say(assignment, "clarity", 0)
    assert standing(assignment)["clarity"] == 0
    set_state(campaign=assignment.campaign_item.campaign, state="closed")
    with pytest.raises(ConflictError, match="is closed"):
        say(assignment, "clarity", 1)


def test_an_expired_lease_is_taken_up_by_answering_though_somebody_else_has_it_too(assignment, make_user):
    campaign = assignment.campaign_item.campaign
    far = timezone.now() + timedelta(days=1)
    say(assignment, "clarity", 0)
    release_expired_leases(now=far)
    say(assignment, "color_aesthetic", 0)
    assignment.refresh_from_db()
    assert assignment.state == AssignmentState.LEASED
    release_expired_leases(now=far)
    CampaignItem.objects.filter(pk=assignment.campaign_item_id).update(priority=9)  # the next one for everybody
    assert lease_next_item(campaign=campaign, annotator=make_user("bo")).campaign_item == assignment.campaign_item
    say(assignment, "symmetry", 0)
    assert standing(assignment) == {"clarity": 0, "color_aesthetic": 0, "symmetry": 0}
    assert CampaignItem.objects.get(pk=assignment.campaign_item_id).open_slots == -1, "nobody is asked for it instead"


def test_a_skipped_item_can_be_taken_up_again(assignment, ann):
    skip_assignment(token=assignment.token, annotator=ann, reason="unclear", note="too dark to tell")
    with pytest.raises(ConflictError, match="skipped"):
        say(assignment, "clarity", 0)
    assert take_up_again(token=assignment.token, annotator=ann).state == AssignmentState.LEASED
    say(assignment, "clarity", 0)


def test_skipping_wants_a_reason_and_not_a_submitted_item(assignment, answer_all, ann):
    with pytest.raises(ProblemError, match="Choose a reason"):
        skip_assignment(token=assignment.token, annotator=ann, reason="")
    answer_all(assignment)
    submit_assignment(token=assignment.token, annotator=ann)
    with pytest.raises(ConflictError, match="not skip"):
        skip_assignment(token=assignment.token, annotator=ann, reason="broken")


def test_answering_keeps_the_lease_alive(assignment):
    soon = timezone.now() + timedelta(seconds=5)
    Assignment.objects.filter(pk=assignment.pk).update(lease_expires_at=soon)
    say(assignment, "clarity", 0)
    assignment.refresh_from_db()
    assert assignment.lease_expires_at > soon + timedelta(minutes=10)


def test_a_save_costs_few_queries(assignment, django_assert_max_num_queries):
    say(assignment, "clarity", 0)
    with django_assert_max_num_queries(6):  # with its savepoint; 4 that ask or write
        say(assignment, "clarity", 1)


def test_no_two_keys_are_taken_for_one_however_alike_they_begin(assignment):
    """An act that answers other ladders too notes them under keys of their own; what a client sends is never one."""
    long = "k" * 40
    for number, key in enumerate((f"{long}-first", f"{long}-second", f"{long}>lighting_aesthetic", "é" * 64)):
        assert say(assignment, "lighting_distinction", -1, key=key, sequence=2 * number).applied
        assert not say(assignment, "lighting_distinction", 0, key=key, sequence=2 * number).applied
        assert say(assignment, "lighting_distinction", 0, key=f"{number}", sequence=2 * number + 1).applied
    keys = list(JudgmentChange.objects.filter(assignment=assignment).values_list("idempotency_key", flat=True))
    assert len(keys) == len(set(keys)) > 8
    assert {len(key) for key in keys} == {64}
