"""New items are scored without a click: one job for all that come together, a few ahead of many."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from annotator.jobs.models import Job
from annotator.library.models import Item
from annotator.library.services.import_jobs import IMPORT_TASK
from annotator.rewards import services
from annotator.rewards.models import AutomaticScoring, RewardModel, Score, ScoreProblem
from annotator.rewards.services import automatic_scoring
from tests.factories import make_item

pytestmark = pytest.mark.django_db


@pytest.fixture
def come_in(django_capture_on_commit_callbacks: Callable) -> Callable[[int], list[Item]]:
    """``come_in(3)``: so many new items, in one transaction that commits."""

    def make(count: int) -> list[Item]:
        with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
            return [make_item() for _ in range(count)]

    return make


def settle() -> None:
    AutomaticScoring.objects.update(last_at=timezone.now() - timedelta(minutes=1))


def test_an_import_is_one_job_once_it_has_settled(scored: RewardModel, come_in: Callable, run_here: Callable) -> None:
    new = come_in(3)
    note = AutomaticScoring.objects.get()
    assert note.media_type == "image"
    assert note.first_item <= new[0].pk
    assert services.score_new_items() == [], "more may come"
    settle()
    importing = Job.objects.create(kind=IMPORT_TASK, title="Import")
    assert services.score_new_items() == [], "more will come"
    new += come_in(2)
    importing.delete()
    settle()
    (job,) = services.score_new_items()
    assert services.score_new_items() == [job], "asked for once"
    assert job.urgent
    assert sorted(job.params["items"]) == [item.pk for item in new]
    run_here(job)
    assert Score.objects.filter(item__in=new).count() == 5
    assert services.score_new_items() == []
    assert AutomaticScoring.objects.get().first_item is None


def test_many_are_scored_in_their_turn(scored: RewardModel, come_in: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(automatic_scoring, "FEW", 2)
    come_in(3)
    settle()
    (job,) = services.score_new_items()
    assert not job.urgent
    assert job == services.request_scoring(reward_model=scored)


def test_a_trickle_does_not_wait_for_ever(scored: RewardModel, come_in: Callable) -> None:
    come_in(1)
    AutomaticScoring.objects.update(first_at=timezone.now() - timedelta(minutes=2))
    assert len(services.score_new_items()) == 1


def test_what_cannot_be_scored_is_not_tried_again_and_again(scored: RewardModel, come_in: Callable) -> None:
    (item,) = come_in(1)
    ScoreProblem.objects.create(item=item, reward_model=scored, message="It is empty.")
    settle()
    assert services.score_new_items() == []
    assert AutomaticScoring.objects.get().first_item is None


def test_without_a_promoted_version_nothing_is_asked(db: None, files: object, come_in: Callable) -> None:
    come_in(1)
    settle()
    assert services.score_new_items() == []


def test_it_can_be_switched_off(scored: RewardModel, come_in: Callable, settings: Any) -> None:
    come_in(1)
    AutomaticScoring.objects.update(enabled=False)
    settle()
    assert services.score_new_items() == []
    AutomaticScoring.objects.all().delete()
    settings.AUTO_SCORE = ["video"]
    come_in(1)
    assert not AutomaticScoring.objects.exists()


def test_a_transaction_that_is_rolled_back_leaves_no_note_and_hides_none(
    scored: RewardModel, come_in: Callable
) -> None:
    with transaction.atomic():
        make_item()
        transaction.set_rollback(True)
    assert not AutomaticScoring.objects.exists()
    (item,) = come_in(1)
    assert AutomaticScoring.objects.get().first_item <= item.pk
