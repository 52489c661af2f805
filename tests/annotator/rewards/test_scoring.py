"""Scoring: every item once, parts that add up, broken items noted, and once only whatever is killed."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.core.cache import cache
from django.utils import timezone

from annotator.accounts.models import Role
from annotator.core.errors import ProblemError
from annotator.core.texts import in_this_language
from annotator.jobs import chunks
from annotator.jobs.chunks import ChunkRun
from annotator.jobs.models import ChunkState, Job, JobState
from annotator.jobs.services import JobLost, claim
from annotator.library.models import Item
from annotator.library.storage import original_path
from annotator.rewards import judges, queries, services
from annotator.rewards.models import RewardModel, Score, ScoreProblem
from annotator.rewards.queries import breakdown
from annotator.rewards.services import artifacts, kept_judges, scoring
from annotator.rewards.signals import scoring_finished
from reward_engine.judges.base import Predictions

pytestmark = pytest.mark.django_db


@pytest.fixture
def heard() -> Iterator[list[dict[str, Any]]]:
    """What listeners were told when scorings ended."""
    told: list[dict[str, Any]] = []

    def listen(sender: Any, **kwargs: Any) -> None:
        told.append(kwargs)

    scoring_finished.connect(listen)
    yield told
    scoring_finished.disconnect(listen)


def test_every_item_gets_a_score_whose_parts_add_up(scored: RewardModel, pictures: list[Item]) -> None:
    table = queries.score_table(scored)
    assert table.items.tolist() == [item.pk for item in pictures]
    assert table.prompts.tolist() == [item.prompt_id for item in pictures]
    assert table.p_yes.shape == (32, len(scored.weights))
    assert (table.by_dimension.sum(axis=1) + scored.intercept == table.reward).all(), "to the last bit"
    clarity = np.array([item.extra["truth"]["clarity"] for item in pictures])
    assert table.reward[clarity == 1].mean() > table.reward[clarity == -2].mean() + 0.1


def test_a_score_is_taken_apart_down_to_the_question(scored: RewardModel) -> None:
    score = Score.objects.select_related("item__prompt", "reward_model__checklist_version").first()
    parts = queries.item_score(score)
    assert [d.contribution for d in parts.dimensions] == score.by_dimension
    assert parts.intercept + sum(d.contribution for d in parts.dimensions) == pytest.approx(score.reward, abs=1e-12)
    for dimension in parts.dimensions:
        assert dimension.contribution == pytest.approx(sum(sub.contribution for sub in dimension.sub_dimensions))
        for sub in dimension.sub_dimensions:
            assert sub.contribution == pytest.approx(sum(question.contribution for question in sub.questions))
            assert abs(sub.contribution) <= sub.most + 1e-12
            assert sub.lowest <= sub.expected_level <= sub.highest
            for q in sub.questions:
                assert q.contribution == pytest.approx(q.weight * q.applies * (2 * q.p_yes - 1))
            assert sub.lost == pytest.approx(sum(q.applies * abs(q.weight) - q.contribution for q in sub.questions))
    lost = [cost.lost for cost in parts.costliest]
    assert lost == sorted(lost, reverse=True)
    assert parts.best == pytest.approx(parts.reward + sum(sub.lost for sub in parts.sub_dimensions))


def test_what_sets_items_apart_is_reported_against_the_average(
    scored: RewardModel, pictures: list[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = list(Score.objects.filter(reward_model=scored).order_by("item_id"))
    found = queries.differences(scored, scores)
    by_name = np.array([[{d.name: d.gap for d in row}.get(name, 0.0) for name in ("clarity", "lighting")]
                        for row in found])  # fmt: skip
    assert by_name.mean(axis=0) == pytest.approx(0, abs=5e-4)
    blurred = np.array([item.extra["truth"]["clarity"] == -2 for item in pictures])
    assert (by_name[blurred, 0] < 0).all()
    for row in found:
        gaps = [abs(difference.gap) for difference in row]
        assert gaps == sorted(gaps, reverse=True)
    one = queries.apart(scores[0])
    assert all(difference.gap < 0 for difference in one.behind)
    assert all(difference.gap > 0 for difference in one.ahead)
    whole = breakdown.average(scored)
    cache.clear()
    monkeypatch.setattr(breakdown, "SAMPLE", 16)  # about half of them
    assert breakdown.average(scored) == pytest.approx(whole, abs=0.15)
    Score.objects.all().delete()
    assert breakdown.average(scored).tolist() == [0.0] * 5


def test_a_second_scoring_scores_what_is_new(
    scored: RewardModel, pictures: list[Item], run_here: Callable, heard: list
) -> None:
    Score.objects.filter(item=pictures[3]).delete()
    before = set(Score.objects.values_list("pk", "item_id", "created_at"))
    result = run_here(services.request_scoring(reward_model=scored))
    assert result["scored"] == 32
    new = set(Score.objects.values_list("pk", "item_id", "created_at")) - before
    assert [item for _pk, item, _at in new] == [pictures[3].pk]
    run_here(services.request_scoring(reward_model=scored))
    assert Score.objects.count() == 32
    assert len(heard) == 2, "each scoring that was asked for is told of"


def test_what_comes_in_while_a_scoring_runs_is_scored_by_it(
    scored: RewardModel, pictures: list[Item], run_here: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks for scores meanwhile gets the job that runs already, which must not end without theirs."""
    Score.objects.filter(item=pictures[3]).delete()
    rounds: list[list[int]] = []

    def score_chunk(chunk: ChunkRun) -> None:
        rounds.append(list(chunk.payload))
        scoring.score_chunk(chunk)
        if len(rounds) == 1:
            Score.objects.filter(item=pictures[4]).delete()  # as good as new in the library
            assert services.request_scoring(reward_model=scored) == chunk.job

    monkeypatch.setitem(chunks.WORK, "rewards.score", score_chunk)
    assert run_here(services.request_scoring(reward_model=scored))["scored"] == 32
    assert rounds == [[pictures[3].pk], [pictures[4].pk]]


def test_broken_items_are_noted_and_the_rest_goes_on(
    trained: RewardModel, pictures: list[Item], run_here: Callable
) -> None:
    kept = original_path(pictures[0]).read_bytes()
    original_path(pictures[0]).write_bytes(b"nothing one could look at")
    original_path(pictures[9]).unlink()
    result = run_here(services.request_scoring(reward_model=trained))
    assert (result["scored"], result["problems"]) == (30, 2)
    assert "30 images have a score. 2 could not be scored." in in_this_language(result["message"])
    problems = dict(ScoreProblem.objects.values_list("item_id", "message"))
    assert set(problems) == {pictures[0].pk, pictures[9].pk}
    assert all(len(message) > 20 for message in problems.values())
    original_path(pictures[0]).write_bytes(kept)
    result = run_here(services.request_scoring(reward_model=trained))
    assert (result["scored"], result["problems"]) == (31, 1), "a later scoring tries them again"


def test_a_missing_or_altered_artifact_is_refused(trained: RewardModel, run_here: Callable) -> None:
    folder = artifacts.root() / trained.path
    manifest, heads = folder / "manifest.json", folder / "heads.safetensors"
    text, content = manifest.read_text(), bytearray(heads.read_bytes())
    content[-3] ^= 1
    heads.write_bytes(content)
    with pytest.raises(ProblemError, match="is not what its manifest records"):
        run_here(services.request_scoring(reward_model=trained))
    content[-3] ^= 1
    heads.write_bytes(content)
    manifest.write_text(text.replace('"seed": 0', '"seed": 1'))
    with pytest.raises(ProblemError, match="its manifest differs from the one recorded"):
        judges.load(trained)
    manifest.write_text(text)
    judges.load(trained)
    heads.unlink()
    with pytest.raises(ProblemError, match=r"heads\.safetensors is missing\. Train the model again or restore"):
        judges.load(trained)
    assert not Score.objects.exists()


def test_listeners_are_called_once_after_the_scores_are_in(
    trained: RewardModel, run_here: Callable, heard: list, make_user: Callable
) -> None:
    admin = make_user("root", Role.ADMIN)
    job = services.request_scoring(reward_model=trained, requested_by=admin, mine_after=True)
    run_here(job)
    Job.objects.filter(pk=job.pk).update(state=JobState.QUEUED)  # killed before it could say that it was done
    run_here(job)
    assert len(heard) == 1
    assert heard[0]["reward_model"] == trained
    assert heard[0]["requested_by"] == admin
    assert heard[0]["params"]["mine_after"] is True


def test_a_listener_that_fails_does_not_undo_the_scores(trained: RewardModel, run_here: Callable) -> None:
    def fail(sender: Any, **kwargs: Any) -> None:
        raise ProblemError("There is no pair to mine.")

    scoring_finished.connect(fail)
    try:
        result = run_here(services.request_scoring(reward_model=trained))
    finally:
        scoring_finished.disconnect(fail)
    assert Score.objects.count() == 32
    assert in_this_language(result["message"]).endswith("could not be started: There is no pair to mine.")


def test_a_job_killed_half_way_goes_on_behind_its_last_chunk(
    trained: RewardModel, run_here: Callable, monkeypatch: pytest.MonkeyPatch, heard: list
) -> None:
    monkeypatch.setattr(scoring, "ITEMS_A_CHUNK", 12)
    job = services.request_scoring(reward_model=trained)
    run = claim(str(job.pk))
    record, batches = scoring._record, []

    def die_at_the_second(model: Any, predictions: Any) -> None:
        record(model, predictions)
        batches.append(len(predictions.keys))
        if len(batches) == 2:
            raise MemoryError

    monkeypatch.setattr(scoring, "_record", die_at_the_second)
    with pytest.raises(MemoryError):
        scoring.score(run)
    assert Score.objects.count() == 12, "the chunk that was not committed is not there"
    job.chunks.filter(state=ChunkState.RUNNING).update(heartbeat_at=timezone.now() - timedelta(hours=1))
    Job.objects.filter(pk=job.pk).update(state=JobState.QUEUED, run_token=None)
    with pytest.raises(JobLost):
        scoring.score(run)  # the first one was only slow: it has lost the job, and adds nothing
    assert Score.objects.count() == 12
    monkeypatch.setattr(scoring, "_record", lambda model, p: (batches.append(len(p.keys)), record(model, p)))
    batches.clear()
    run_here(job)
    assert sorted(batches) == [8, 12], "it goes on behind the last chunk that was committed"
    assert Score.objects.count() == 32
    assert len(heard) == 1


def test_an_item_the_judge_is_silent_about_is_noted(
    trained: RewardModel, pictures: list[Item], run_here: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be asked for again and again otherwise."""

    class Silent:
        def predict(self, items: Any, **options: Any) -> Predictions:
            return Predictions((), np.zeros((0, len(trained.weights)), dtype=np.float32))

    monkeypatch.setattr(scoring, "kept_judge", lambda model: Silent())
    result = run_here(services.request_scoring(reward_model=trained))
    assert (result["scored"], result["problems"]) == (0, 32)
    assert ScoreProblem.objects.first().message == "The judge returned no answer for it."


def test_a_judge_is_loaded_once_and_again_where_its_files_changed(
    trained: RewardModel, pictures: list[Item], run_here: Callable, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    loaded: list[int] = []
    really = judges.load
    monkeypatch.setattr(judges, "load", lambda model: (loaded.append(model.pk), really(model))[1])
    kept_judges.forget_judges()
    run_here(services.request_scoring(reward_model=trained))
    Score.objects.filter(item=pictures[3]).delete()
    run_here(services.request_scoring(reward_model=trained))
    assert loaded == [trained.pk], "loading is not paid once per job"

    other = RewardModel.objects.get(pk=trained.pk)
    other.pk = trained.pk + 1  # the same files under another id
    kept_judges.kept_judge(other)
    kept_judges.kept_judge(trained)
    assert loaded == [trained.pk, other.pk], "there is room for both"
    settings.JUDGE_CACHE_MB = 1
    other.pk += 1
    kept_judges.kept_judge(other)
    kept_judges.kept_judge(other)
    assert len(loaded) == 3, "the one in use is kept, however small the room"
    kept_judges.kept_judge(trained)
    assert len(loaded) == 4, "the least recently used one went"

    heads = artifacts.root() / trained.path / "heads.safetensors"
    content = bytearray(heads.read_bytes())
    content[-3] ^= 1
    heads.write_bytes(content)
    with pytest.raises(ProblemError, match="is not what its manifest records"):
        kept_judges.kept_judge(trained)


def test_a_version_that_was_deleted_is_said(trained: RewardModel, run_here: Callable) -> None:
    job = services.request_scoring(reward_model=trained)
    trained.delete()
    with pytest.raises(ProblemError, match="has been deleted"):
        run_here(job)
