"""Synthetic annotators err as often as they are said to, by one level, and never contradict themselves."""

from collections import Counter

import numpy as np
import pytest

from annotator.accounts.models import Role, User
from annotator.accounts.roles import has_role
from annotator.demo.annotators import CYCLE, OVERLAP, SYNTHETIC, answers, assigned, ensure_synthetic
from annotator.demo.content import image_versions, video_versions
from annotator.demo.making import expected_answer
from reward_engine.answers import to_answers
from reward_engine.checklist import builtin

ALL = [*image_versions(), *video_versions()]


@pytest.mark.parametrize("synthetic", SYNTHETIC, ids=lambda one: one.username)
@pytest.mark.parametrize("media_type", ["image", "video"])
def test_the_error_rate_is_the_stated_one(synthetic: object, media_type: str) -> None:
    checklist = builtin(media_type)  # type: ignore[arg-type]
    wrong = asked = 0
    rows = []
    for version in [version for version in ALL if version.media_type == media_type]:
        base = expected_answer(version)
        given = answers(checklist, base, synthetic, version.name)  # type: ignore[arg-type]
        rows.append([given[sub.id] for sub in checklist.ordinal])
        for sub in checklist.ordinal:
            if sub.id == "safety" or (sub.mask and base[sub.id] == sub.lowest):
                assert given[sub.id] == base[sub.id]  # what nobody mistakes
                continue
            asked += 1
            wrong += given[sub.id] != base[sub.id]
            assert abs(given[sub.id] - base[sub.id]) <= 1
    to_answers(checklist, np.array(rows))  # raises where a level is off its ladder or contradicts another
    rate = synthetic.error_rate  # type: ignore[attr-defined]
    assert abs(wrong / asked - rate) < 4 * (rate * (1 - rate) / asked) ** 0.5


def test_the_same_every_time_and_of_each_its_own() -> None:
    checklist = builtin("image")
    version = next(image_versions())
    base = expected_answer(version)
    one = [answers(checklist, base, SYNTHETIC[4], f"item {number}") for number in range(20)]
    assert one == [answers(checklist, base, SYNTHETIC[4], f"item {number}") for number in range(20)]
    assert one != [answers(checklist, base, SYNTHETIC[3], f"item {number}") for number in range(20)]
    assert one != [answers(checklist, base, SYNTHETIC[4], f"item {number}", seed=1) for number in range(20)]


def test_who_answers_what() -> None:
    shares = [assigned(position) for position in range(40 * CYCLE)]
    assert all(len(set(one)) == len(one) <= OVERLAP for one in shares)
    left = Counter(len(one) for one in shares)
    assert left == {OVERLAP: 240, OVERLAP - 1: 40, 0: 40}
    work = Counter(index for one in shares for index in one)
    assert max(work.values()) < 1.15 * min(work.values())


@pytest.mark.django_db
def test_the_accounts_are_marked_and_nobody_can_sign_in_as_them() -> None:
    people = ensure_synthetic()
    assert [person.pk for person in ensure_synthetic()] == [person.pk for person in people]
    assert User.objects.count() == len(SYNTHETIC) == 5
    for person in people:
        assert person.is_synthetic
        assert not person.has_usable_password()
        assert has_role(person, Role.ANNOTATOR)
        assert not person.is_staff
        assert "Synthetic annotator" in person.display_name
