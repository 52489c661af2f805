"""Exactly one promoted version a media type, a history, the gate, and candidates that come by themselves."""

from collections.abc import Callable
from typing import Any

import pytest

from annotator.accounts.models import Role
from annotator.campaigns.models import Campaign, ChecklistVersion
from annotator.core.errors import ConflictError, ProblemError
from annotator.jobs.models import Job, JobState
from annotator.library.models import Item
from annotator.rewards import judges, queries, services
from annotator.rewards.models import RewardModel, RewardModelState

pytestmark = pytest.mark.django_db


@pytest.fixture
def make_model(db: None) -> Callable[..., RewardModel]:
    """Rows alone, for what needs no files."""

    def make(version: int, state: str = "candidate", media_type: str = "image", **fields: Any) -> RewardModel:
        checklist, _ = ChecklistVersion.objects.get_or_create(
            name=media_type, version=1, media_type=media_type, content_hash=media_type, source=""
        )
        return RewardModel.objects.create(
            **{"media_type": media_type, "version": version, "state": state, "checklist_version": checklist,
               "path": f"models/{version}", "weights": [], **fields}
        )  # fmt: skip

    return make


@pytest.fixture
def any_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judges, "check", lambda model: None)


def test_one_is_promoted_and_may_come_back(make_model: Callable, make_user: Callable, any_judge: None) -> None:
    admin = make_user("root", Role.ADMIN)
    first, second, video = make_model(1, "promoted"), make_model(2), make_model(1, "promoted", "video")
    assert services.promote(reward_model=second, by=admin).state == "promoted"
    assert queries.promoted("image") == second
    services.promote(reward_model=first, by=admin)
    assert queries.promoted("image") == first
    assert queries.promoted("video") == video
    assert RewardModel.objects.filter(media_type="image", state="promoted").count() == 1
    history = [(event.action, event.by) for event in second.events.order_by("pk")]
    assert history == [("promoted", admin), ("retired", admin)]
    assert second.events.get(action="retired").note == "Replaced by version 1."
    services.promote(reward_model=first, by=admin)
    assert first.events.filter(action="promoted").count() == 1, "promoting the promoted one changes nothing"


def test_retiring_leaves_none_and_is_done_once(make_model: Callable, any_judge: None) -> None:
    model = make_model(1, "promoted")
    services.retire(reward_model=model)
    assert queries.promoted("image") is None
    with pytest.raises(ConflictError, match="already retired"):
        services.retire(reward_model=model)


def test_a_version_without_its_files_is_not_promoted(make_model: Callable, files: object) -> None:
    standing, broken = make_model(1, "promoted"), make_model(2)
    with pytest.raises(ProblemError) as refused:
        services.promote(reward_model=broken)
    assert refused.value.status == 409
    assert queries.promoted("image") == standing


def losses(loss: float | None, baseline: float | None) -> dict[str, Any]:
    return {"overall": {"log_loss": loss, "baseline_log_loss": baseline}}


@pytest.mark.parametrize(
    ("ours", "theirs", "passes", "words"),
    [
        (losses(0.3, 0.6), losses(0.35, 0.6), True, "50% of the baseline’s, and version 1’s is 58%"),
        (losses(0.3, 0.6), losses(0.3, 0.6), True, "at least as good"),
        (losses(0.3, 0.4), losses(0.35, 0.6), False, "not as good"),
        (losses(None, None), losses(0.35, 0.6), False, "cannot be compared"),
        ({}, {}, False, "cannot be compared"),
    ],
)
def test_the_gate(make_model: Callable, ours: dict, theirs: dict, passes: bool, words: str) -> None:
    verdict = services.gate(make_model(2, metrics=ours), make_model(1, "promoted", metrics=theirs))
    assert verdict.passes is passes
    assert words in verdict.reason


def test_the_gate_lets_the_first_through_and_leaves_another_checklist_to_a_person(make_model: Callable) -> None:
    assert services.gate(make_model(1), None).passes
    other = ChecklistVersion.objects.create(name="x", version=1, media_type="image", content_hash="x", source="")
    candidate = make_model(3, checklist_version=other, metrics=losses(0.1, 0.6))
    verdict = services.gate(candidate, make_model(2, "promoted", metrics=losses(0.5, 0.6)))
    assert not verdict.passes
    assert "another checklist" in verdict.reason


# --- A dataset that grows ---------------------------------------------------------------------------


def test_enough_new_annotations_ask_for_a_candidate(
    judged: Campaign, pictures: list[Item], settings: Any, annotate: Callable, make_user: Callable
) -> None:
    settings.RETRAIN_AFTER_ANNOTATIONS = 65
    assert services.retrain_when_grown() == [], "64 are not enough"
    settings.RETRAIN_AFTER_ANNOTATIONS = 64
    (job,) = services.retrain_when_grown()
    assert job.params["campaigns"] == [judged.pk]
    assert job.params["automatic"] is True
    assert (job.params["promote"], job.params["score_after"]) == (False, False)
    assert services.retrain_when_grown() == [], "once is enough, also where the job waits or has failed"
    Job.objects.update(state=JobState.FAILED)
    assert services.retrain_when_grown() == []
    settings.RETRAIN_AFTER_ANNOTATIONS = 5
    settings.RETRAIN_PROMOTES = True
    annotate(judged, make_user("cem"), items=pictures[:4])
    assert services.retrain_when_grown() == []
    annotate(judged, make_user("dot"), items=pictures[:1])
    (job,) = services.retrain_when_grown()
    assert (job.params["promote"], job.params["score_after"]) == (True, True)
    settings.RETRAIN_AFTER_ANNOTATIONS = 0
    annotate(judged, make_user("eve"))
    assert services.retrain_when_grown() == [], "0 turns it off"


def test_a_grown_dataset_makes_a_candidate_beside_the_promoted(
    trained: RewardModel, judged: Campaign, settings: Any, annotate: Callable, make_user: Callable, run_here: Callable
) -> None:
    settings.RETRAIN_AFTER_ANNOTATIONS = 32
    annotate(judged, make_user("cem"), seed=2)
    (job,) = services.retrain_when_grown()
    run_here(job)
    assert dict(RewardModel.objects.values_list("version", "state")) == {
        1: RewardModelState.PROMOTED, 2: RewardModelState.CANDIDATE
    }  # fmt: skip
    second = RewardModel.objects.get(version=2)
    assert second.snapshot.judgments == 480
    assert second.events.get().note == "The dataset has grown."
    judges.load(second)
