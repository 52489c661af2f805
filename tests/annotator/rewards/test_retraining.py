"""Retraining policies: when a training is due, that there is one at a time, and what is said where there is none."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django import forms
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from annotator.accounts.models import Role
from annotator.campaigns.models import Assignment, Campaign
from annotator.core.errors import ConflictError, ProblemError
from annotator.core.texts import in_this_language
from annotator.jobs.models import Job, JobState
from annotator.library.models import Item
from annotator.rewards import judges, queries, services
from annotator.rewards.models import BaseModel, RetrainingPolicy, RewardModel
from annotator.rewards.services.retraining import is_due, nightly_is_due

pytestmark = pytest.mark.django_db


class ToySettings(forms.Form):
    rate = forms.FloatField(initial=0.5, min_value=0)
    base = forms.ModelChoiceField(queryset=BaseModel.objects.all(), required=False)


class Toy(judges.JudgeKind):
    name, label, description = "toy", "Toy", "For tests."
    settings_form = ToySettings

    def train(self, run: Any, data: Any, settings: Any) -> Any:
        raise NotImplementedError

    def load(self, model: Any, folder: Any, checklist: Any) -> Any:
        raise NotImplementedError


@pytest.fixture
def toy() -> Any:
    judges.register(Toy)
    yield
    judges.unregister("toy")


@pytest.fixture(autouse=True)
def no_defaults(settings: Any) -> None:
    settings.RETRAIN_AFTER_ANNOTATIONS = 0


def submitted_at(moment: datetime) -> None:
    Assignment.objects.update(submitted_at=moment)


def made_at(policy: RetrainingPolicy, moment: datetime) -> RetrainingPolicy:
    RetrainingPolicy.objects.filter(pk=policy.pk).update(updated_at=moment)
    policy.refresh_from_db()
    return policy


def test_enough_new_annotations_of_its_own_kind(
    judged: Campaign, pictures: list[Item], toy: None, annotate: Callable, make_user: Callable
) -> None:
    version = judged.checklist_version
    few = services.create_policy(checklist_version=version, judge="probe", after_annotations=64, promotes=True)
    many = services.create_policy(checklist_version=version, judge="toy", after_annotations=70)
    (job,) = services.retrain_when_grown()
    assert (job.params["judge"], job.params["automatic"]) == ("probe", True)
    assert (job.params["promote"], job.params["score_after"]) == (True, True)
    Job.objects.update(state=JobState.SUCCEEDED)
    annotate(judged, make_user("cem"), items=pictures[:6])
    (job,) = services.retrain_when_grown()
    assert job.params["judge"] == "toy", "70 since a toy was trained, 6 since a probe was"
    assert job.params["settings"] == {"rate": 0.5, "base": None}
    assert (job.params["promote"], job.params["score_after"]) == (False, False)
    assert queries.policy_status(few).missing == 58
    assert queries.policy_status(many).new == 0


def test_one_of_a_kind_at_a_time(
    judged: Campaign, annotate: Callable, make_user: Callable, pictures: list[Item]
) -> None:
    policy = services.create_policy(checklist_version=judged.checklist_version, judge="probe", after_annotations=1)
    (job,) = services.retrain_when_grown()
    annotate(judged, make_user("cem"), items=pictures[:6])
    assert services.retrain_when_grown() == [], "the first one waits still"
    assert services.retrain_now(policy=policy) == (job, False)
    Job.objects.update(state=JobState.FAILED)
    (again,) = services.retrain_when_grown()
    assert again != job, "the data are others than those that failed"
    Job.objects.update(state=JobState.FAILED)
    assert services.retrain_when_grown() == [], "the same data would fail again"
    by_hand, asked = services.retrain_now(policy=policy, by=make_user("root", Role.ADMIN))
    assert asked, "a person may try again"
    assert by_hand.params["automatic"] is False
    assert by_hand.requested_by.username == "root"


def test_a_job_of_before_there_were_kinds_is_a_probes(judged: Campaign, toy: None) -> None:
    version = judged.checklist_version
    probe = services.create_policy(checklist_version=version, judge="probe", after_annotations=1)
    other = services.create_policy(checklist_version=version, judge="toy", after_annotations=1)
    Job.objects.create(kind="rewards.train", title="Train", state="succeeded",
                       params={"checklist_version": version.pk})  # fmt: skip
    assert queries.policy_status(probe).new == 0
    assert queries.policy_status(other).new == 64


def test_a_disabled_policy_does_nothing_and_keeps_the_settings_out(judged: Campaign, settings: Any) -> None:
    settings.RETRAIN_AFTER_ANNOTATIONS = 1
    services.create_policy(
        checklist_version=judged.checklist_version, judge="probe", after_annotations=1, enabled=False
    )
    assert services.retrain_when_grown() == []
    RetrainingPolicy.objects.all().delete()
    (job,) = services.retrain_when_grown()
    assert job.params["judge"] == "probe"


def test_a_policy_of_another_kind_leaves_the_probe_to_the_settings(judged: Campaign, settings: Any, toy: None) -> None:
    settings.RETRAIN_AFTER_ANNOTATIONS = 1
    services.create_policy(checklist_version=judged.checklist_version, judge="toy")
    (job,) = services.retrain_when_grown()
    assert job.params["judge"] == "probe"
    assert [status.version for status in queries.default_statuses()] == [judged.checklist_version]


def test_a_policy_that_cannot_be_followed_says_why_and_holds_up_no_other(
    judged: Campaign, toy: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = judged.checklist_version
    broken = services.create_policy(checklist_version=version, judge="toy", after_annotations=1)
    services.create_policy(checklist_version=version, judge="probe", after_annotations=1)
    judges.unregister("toy")
    (job,) = services.retrain_when_grown()
    assert job.params["judge"] == "probe"
    before = broken.updated_at
    broken.refresh_from_db()
    assert "There is no kind of judge called “toy”" in broken.problem
    assert broken.updated_at == before, "a person has not changed it"
    judges.register(Toy)
    assert len(services.retrain_when_grown()) == 1
    broken.refresh_from_db()
    assert broken.problem == ""


def test_nothing_submitted_is_said_in_words(pictures: list[Item], open_small: Callable) -> None:
    campaign = open_small(pictures)
    policy = services.create_policy(checklist_version=campaign.checklist_version, judge="probe", after_annotations=1)
    assert services.retrain_when_grown() == []
    with pytest.raises(ProblemError, match="No annotations have been submitted on"):
        services.retrain_now(policy=policy)
    assert not Job.objects.exists()


# --- Nightly ----------------------------------------------------------------------------------------


def test_nightly_once_a_day_and_made_up_for_after_downtime(judged: Campaign) -> None:
    day = datetime(2026, 5, 4, tzinfo=UTC)
    policy = services.create_policy(checklist_version=judged.checklist_version, judge="probe", nightly_hour=2)
    made_at(policy, day - timedelta(days=3))
    submitted_at(day - timedelta(hours=1))
    assert services.retrain_when_grown(day + timedelta(hours=1, minutes=59)) == []
    assert len(services.retrain_when_grown(day + timedelta(hours=9))) == 1, "the scheduler was down at two"
    Job.objects.update(created_at=day + timedelta(hours=9), state=JobState.SUCCEEDED)
    submitted_at(day + timedelta(hours=10))
    for hour in range(10, 24):
        assert services.retrain_when_grown(day + timedelta(hours=hour, minutes=30)) == [], "once a day"
    assert services.retrain_when_grown(day + timedelta(days=1, hours=1)) == []
    assert len(services.retrain_when_grown(day + timedelta(days=1, hours=2))) == 1


def test_a_nightly_that_failed_waits_for_new_annotations(judged: Campaign) -> None:
    day = datetime(2026, 5, 4, tzinfo=UTC)
    policy = services.create_policy(checklist_version=judged.checklist_version, judge="probe", nightly_hour=2)
    made_at(policy, day - timedelta(days=3))
    submitted_at(day)
    assert len(services.retrain_when_grown(day + timedelta(hours=2))) == 1
    Job.objects.update(created_at=day + timedelta(hours=2), state=JobState.FAILED)
    for later in range(1, 6):
        assert services.retrain_when_grown(day + timedelta(days=later, hours=3)) == []
    submitted_at(day + timedelta(days=6))
    assert len(services.retrain_when_grown(day + timedelta(days=6, hours=3))) == 1


def test_an_hour_that_has_passed_when_the_policy_is_made_waits_for_the_next_day(judged: Campaign) -> None:
    now = timezone.now()
    submitted_at(now - timedelta(days=1))
    policy = services.create_policy(checklist_version=judged.checklist_version, judge="probe", nightly_hour=2)
    made_at(policy, datetime(2026, 5, 4, 15, tzinfo=UTC))
    submitted_at(datetime(2026, 5, 4, 1, tzinfo=UTC))
    assert not is_due(policy, datetime(2026, 5, 4, 16, tzinfo=UTC))
    assert is_due(policy, datetime(2026, 5, 5, 2, tzinfo=UTC))


@given(
    hour=st.integers(0, 23),
    made=st.integers(0, 3000),
    ticks=st.lists(st.integers(0, 5 * 24 * 60), min_size=1, max_size=200).map(sorted),
)
def test_any_ticks_ask_at_most_once_a_day_and_every_day_that_has_one_after_the_hour(
    hour: int, made: int, ticks: list[int]
) -> None:
    start = datetime(2026, 5, 4, tzinfo=UTC)
    since = start + timedelta(minutes=made)
    last: datetime | None = None
    asked: list[datetime] = []
    for minutes in ticks:
        now = start + timedelta(minutes=minutes)
        if nightly_is_due(now, hour, since=since, last=last):
            asked.append(now)
            last = now
    assert len({moment.date() for moment in asked}) == len(asked), "at most once a day"
    assert all(moment.hour >= hour for moment in asked)
    ready = {
        now.date()
        for now in (start + timedelta(minutes=minutes) for minutes in ticks)
        if now.hour >= hour and now.replace(hour=hour, minute=0) >= since
    }
    assert {moment.date() for moment in asked} == ready


# --- Making and changing ----------------------------------------------------------------------------


def test_settings_of_the_kind_and_its_base_are_kept(judged: Campaign, toy: None) -> None:
    version = judged.checklist_version
    base = BaseModel.objects.create(name="tiny-vlm", state="ready")
    policy = services.create_policy(
        checklist_version=version, judge="toy", judge_settings={"rate": "0.25", "base": base.pk}, nightly_hour=0
    )
    assert policy.judge_settings == {"rate": 0.25, "base": base.pk}
    assert policy.base == base
    services.change_policy(policy=policy, after_annotations=5)
    assert (policy.base, policy.nightly_hour, policy.after_annotations) == (base, None, 5), "settings stay"
    job, _asked = services.retrain_now(policy=policy)
    assert job.params["settings"] == {"rate": 0.25, "base": base.pk}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"judge": "nonesuch"}, "There is no kind of judge called “nonesuch”"),
        ({"judge_settings": {"rate": 1}}, "There is no setting “rate”"),
        ({"after_annotations": 0}, "At least one new annotation"),
        ({"nightly_hour": 24}, "from 0 to 23"),
    ],
)
def test_what_cannot_be_is_refused(judged: Campaign, values: dict[str, Any], words: str) -> None:
    with pytest.raises(ProblemError, match=words):
        services.create_policy(**{"checklist_version": judged.checklist_version, "judge": "probe", **values})
    assert not RetrainingPolicy.objects.exists()


def test_one_policy_for_a_kind_and_a_checklist_version(judged: Campaign) -> None:
    services.create_policy(checklist_version=judged.checklist_version, judge="probe")
    with pytest.raises(ConflictError, match="already"):
        services.create_policy(checklist_version=judged.checklist_version, judge="probe")


def test_a_candidate_nobody_asked_for_is_scored_only_where_it_is_promoted(
    trained: RewardModel, judged: Campaign, annotate: Callable, make_user: Callable, run_here: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from annotator.rewards.services import training_record
    from annotator.rewards.services.gate import Verdict

    monkeypatch.setattr(training_record, "gate", lambda candidate, standing: Verdict(False, lambda: "Not today."))
    annotate(judged, make_user("cem"), seed=2)
    services.create_policy(
        checklist_version=judged.checklist_version, judge="probe", after_annotations=1, promotes=True
    )
    (job,) = services.retrain_when_grown()
    result = run_here(job)
    assert "stays a candidate. Not today." in in_this_language(result["message"])
    assert not Job.objects.filter(kind="rewards.score").exists()
