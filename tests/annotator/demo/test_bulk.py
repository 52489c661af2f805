"""Whole annotations at once leave behind what one keystroke after another leaves behind."""

from collections.abc import Callable

import pytest
from django.db import models

from annotator.accounts.models import Role, User
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import (
    Assignment,
    AssignmentState,
    Campaign,
    CampaignItem,
    CampaignState,
    Judgment,
    JudgmentChange,
)
from annotator.campaigns.queries import judgment_levels
from annotator.campaigns.services import (
    lease_next_item,
    record_judgment,
    submit_assignment,
)
from annotator.campaigns.signals import assignment_submitted
from annotator.core.errors import ConflictError, ProblemError
from annotator.demo.bulk import Annotation, submit_annotations
from annotator.demo.truth import NEUTRAL
from annotator.library.models import Item, MediaType
from tests.factories import make_item

pytestmark = pytest.mark.django_db


@pytest.fixture
def items(files: object, db: None) -> list[Item]:
    return [make_item(MediaType.VIDEO) for _ in range(2)]


def annotation(item: Item, user: User, **levels: int) -> Annotation:
    given = NEUTRAL["video"] | {"movement_reality": 0, "movement_smoothness": 0} | levels
    return Annotation(item.pk, user, given, dict.fromkeys(given, 900))


def rows(campaign: Campaign) -> dict[str, list[str]]:
    """All that is left behind in every column, but for keys, times, and what is drawn by chance."""
    assignments = Assignment.objects.filter(campaign_item__campaign=campaign)
    found = {}
    for model, own in {
        CampaignItem: campaign.campaign_items.all(),
        Assignment: assignments,
        Judgment: Judgment.objects.filter(assignment__in=assignments),
        JudgmentChange: JudgmentChange.objects.filter(assignment__in=assignments),
    }.items():
        left_out = {
            "id",
            "campaign",
            "campaign_item",
            "assignment",
            "idempotency_key",
            "sequence",
            "token",
            "random_key",
        }
        fields = [
            field.name
            for field in model._meta.concrete_fields
            if field.name not in left_out and not isinstance(field, models.DateTimeField)
        ]
        whose = {
            CampaignItem: [],
            Assignment: ["campaign_item__item"],
        }.get(model, ["assignment__campaign_item__item", "assignment__annotator"])
        found[model.__name__] = sorted(repr(row) for row in own.values_list(*whose, *fields))
    return found


def test_it_equals_the_keystrokes(
    items: list[Item], make_campaign: Callable[..., Campaign], make_user: Callable[..., User]
) -> None:
    users = [make_user("ann"), make_user("bo")]
    by_hand, at_once = make_campaign(items, "video"), make_campaign(items, "video")
    CampaignItem.objects.filter(item=items[0]).update(priority=1)  # the first one for everybody
    heard: list[Assignment] = []

    def hear(assignment: Assignment, **_: object) -> None:
        heard.append(assignment)

    assignment_submitted.connect(hear)
    try:
        work = [
            annotation(items[0], users[0], clarity=2),
            annotation(items[1], users[0], safety=4, unsafe_type=5, movement_reality=3, movement_smoothness=2),
            annotation(items[0], users[1], camera_motion=5),
        ]
        for one in work:
            assignment = lease_next_item(campaign=by_hand, annotator=one.annotator)
            assert assignment is not None
            assert assignment.campaign_item.item_id == one.item_id
            closed = {"movement_smoothness"} if one.levels["movement_reality"] == 0 else set()
            for number, (id, level) in enumerate(one.levels.items(), 1):
                if id not in closed:  # "no movement" answers that one
                    record_judgment(
                        token=assignment.token, annotator=one.annotator, sub_dimension=id, level=level,
                        milliseconds=900, idempotency_key=f"key-{id}", sequence=number,
                    )  # fmt: skip
            submit_assignment(token=assignment.token, annotator=one.annotator)
        by_hand_heard, heard[:] = [one.campaign_item.item_id for one in heard], []
        assert submit_annotations(campaign=at_once, annotations=work) == 3
    finally:
        assignment_submitted.disconnect(hear)
    assert rows(at_once) == rows(by_hand)
    assert all(rows(at_once).values())
    assert [one.campaign_item.item_id for one in heard] == by_hand_heard
    assert all(one.state == AssignmentState.SUBMITTED and one.submitted_at for one in heard)
    assert (judgment_levels([at_once]).levels == judgment_levels([by_hand]).levels).all()


def test_nobody_has_an_item_twice_and_slots_run_out(
    items: list[Item], make_campaign: Callable[..., Campaign], make_user: Callable[..., User]
) -> None:
    campaign = make_campaign(items, "video", overlap=2)
    people = [make_user(name) for name in ("ann", "bo", "cy")]
    work = [annotation(items[0], person) for person in (people[0], people[0], *people)]
    assert submit_annotations(campaign=campaign, annotations=work) == 2
    assert submit_annotations(campaign=campaign, annotations=work) == 0
    row = CampaignItem.objects.get(campaign=campaign, item=items[0])
    assert (row.open_slots, row.submitted, row.needed) == (0, 2, 2)
    assert set(row.assignments.values_list("annotator__username", flat=True)) == {"ann", "bo"}


def test_what_a_person_has_in_work_is_left_to_them(
    items: list[Item], make_campaign: Callable[..., Campaign], make_user: Callable[..., User]
) -> None:
    campaign = make_campaign(items, "video", overlap=1)
    ann, bo = make_user("ann"), make_user("bo")
    lease = lease_next_item(campaign=campaign, annotator=ann)
    assert lease is not None
    taken = Item.objects.get(pk=lease.campaign_item.item_id)
    assert submit_annotations(campaign=campaign, annotations=[annotation(taken, bo), annotation(taken, ann)]) == 0
    lease.refresh_from_db()
    assert lease.state == AssignmentState.LEASED


@pytest.mark.parametrize(
    ("levels", "code"),
    [
        ({"clarity": 9}, "no_level"),
        ({"movement_reality": 0, "movement_smoothness": 3}, "implied"),
        ({"movement_reality": 3, "movement_smoothness": 0}, "implied"),
        ({"safety": 4}, "incomplete"),  # of what kind?
    ],
)
def test_answers_that_make_no_sense_leave_nothing(
    items: list[Item],
    make_campaign: Callable[..., Campaign],
    make_user: Callable[..., User],
    levels: dict[str, int],
    code: str,
) -> None:
    campaign = make_campaign(items, "video")
    ann = make_user("ann")
    work = [annotation(items[0], ann), annotation(items[1], ann, **levels)]
    with pytest.raises(ProblemError) as caught:
        submit_annotations(campaign=campaign, annotations=work)
    assert caught.value.code == code
    assert not Assignment.objects.exists()


def test_an_answer_is_lacking(
    items: list[Item], make_campaign: Callable[..., Campaign], make_user: Callable[..., User]
) -> None:
    campaign = make_campaign(items, "video")
    one = annotation(items[0], make_user("ann"))
    del one.levels["clarity"]
    with pytest.raises(ProblemError, match="clarity"):
        submit_annotations(campaign=campaign, annotations=[one])


def test_a_closed_campaign_takes_nothing(
    items: list[Item], make_campaign: Callable[..., Campaign], make_user: Callable[..., User]
) -> None:
    campaign = make_campaign(items, "video")
    campaign.state = CampaignState.CLOSED
    with pytest.raises(ConflictError):
        submit_annotations(campaign=campaign, annotations=[annotation(items[0], make_user("ann", Role.ANNOTATOR))])


def test_every_judgment_has_a_history(
    items: list[Item], make_campaign: Callable[..., Campaign], make_user: Callable[..., User]
) -> None:
    campaign = make_campaign(items, "video")
    submit_annotations(campaign=campaign, annotations=[annotation(items[0], make_user("ann"))])
    checklist = checklist_of(campaign.checklist_version)
    changes = JudgmentChange.objects.all()
    assert changes.count() == Judgment.objects.count() == len(checklist.ordinal)
    assert len(set(changes.values_list("idempotency_key", flat=True))) == len(checklist.ordinal)
    assert all(len(key) <= 64 for key in changes.values_list("idempotency_key", flat=True))
    follows = changes.get(sub_dimension="movement_smoothness")
    assert (follows.milliseconds, follows.idempotency_key) == (0, "synthetic-movement_reality>movement_smoothness")
