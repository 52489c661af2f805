"""The arrays that training, agreement and exports begin with are the judgments, whatever happened before."""

import uuid
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotator.accounts.models import User
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Assignment, AssignmentState, Campaign, Judgment
from annotator.campaigns.queries import judgment_levels
from annotator.campaigns.services import lease_next_item, record_judgment, submit_assignment
from annotator.core.copying import copied
from annotator.core.errors import ProblemError
from reward_engine.answers import ABSENT, harmonize
from reward_engine.checklist import Checklist

pytestmark = pytest.mark.django_db


def act(assignment: Assignment, checklist: Checklist, number: int, choice: float) -> None:
    """One random act: a level given, changed or taken back. What the checklist forbids does nothing."""
    sub = checklist.sub_dimensions[number % 10_000 % len(checklist.sub_dimensions)]
    levels: list[int | None] = [*sub.scores, None]
    with suppress(ProblemError):
        record_judgment(
            token=assignment.token, annotator=assignment.annotator, sub_dimension=sub.id,
            level=levels[int(choice * len(levels))], idempotency_key=uuid.uuid4().hex, sequence=number,
        )  # fmt: skip


def finish(assignment: Assignment, checklist: Checklist) -> None:
    """Answer what lacks, owners first, and submit."""
    for sub in sorted(checklist.sub_dimensions, key=lambda sub: sub.masked_by_other):
        number = 10_000 + len(checklist.sub_dimensions) * 10 + checklist.sub_dimensions.index(sub)
        for place in reversed(range(len(sub.scores))):  # what contradicts the owner's answer is refused
            if not assignment.judgments.filter(sub_dimension=sub.id).exists():
                act(assignment, checklist, number, (place + 0.5) / (len(sub.scores) + 1))
    submit_assignment(token=assignment.token, annotator=assignment.annotator)


def slowly(campaign: Campaign) -> dict[int, list[int]]:
    """The levels of each submitted annotation, a row at a time."""
    checklist = checklist_of(campaign.checklist_version)
    found = {}
    for assignment in Assignment.objects.filter(
        campaign_item__campaign=campaign, state=AssignmentState.SUBMITTED, counted=True
    ):
        given = dict(assignment.judgments.values_list("sub_dimension", "level"))
        row = np.array([[given.get(sub.id, ABSENT) for sub in checklist.ordinal]], dtype=np.int16)
        found[assignment.pk] = harmonize(checklist, row)[0].tolist()
    return found


ACTS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 200), st.floats(0, 0.999)), max_size=25)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=ACTS, after=ACTS, put_aside=st.booleans())
def test_arrays_are_the_judgments_after_any_history(
    make_campaign: Callable[..., Campaign], make_user: Callable[..., User], before: list, after: list, put_aside: bool
) -> None:
    campaign, people = make_campaign(2), [make_user(uuid.uuid4().hex) for _ in range(2)]
    checklist = checklist_of(campaign.checklist_version)
    works = [lease_next_item(campaign=campaign, annotator=one) for one in people]
    works += [
        lease_next_item(campaign=campaign, annotator=one, after=w.token) for one, w in zip(people, works, strict=True)
    ]
    for at, number, choice in before:
        act(works[at], checklist, number, choice)
    for work in works[:3]:
        finish(work, checklist)
    for at, number, choice in after:
        act(works[at], checklist, 20_000 + number, choice)
    if put_aside:
        Assignment.objects.filter(pk=works[0].pk).update(counted=False)
    table, expected = judgment_levels([campaign]), slowly(campaign)
    assert dict(zip(table.assignments.tolist(), table.levels.tolist(), strict=True)) == expected
    assert table.assignments.tolist() == sorted(expected)
    ids = [sub.id for sub in checklist.ordinal]
    assert table.judgments == Judgment.objects.filter(assignment__in=expected, sub_dimension__in=ids).count()
    for name, field in (("items", "campaign_item__item"), ("annotators", "annotator")):
        told = dict(Assignment.objects.filter(pk__in=expected).values_list("pk", field))
        assert getattr(table, name).tolist() == [told[pk] for pk in table.assignments.tolist()]


def test_a_column_that_is_null_or_of_another_size_is_refused(make_campaign: Callable[..., Campaign]) -> None:
    make_campaign(2)
    rows = Campaign.objects.values_list("pk", "created_by")
    with pytest.raises(ValueError, match="null"):
        copied(rows, ("i8", "i8"))
    with pytest.raises(ValueError, match="null"):
        copied(Campaign.objects.values_list("pk", "overlap"), ("i8", "i8"))
