"""Scores at once: by file or item, alone or many, now or later; what is refused; and nothing stays."""

import json
import os
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from rest_framework.test import APIClient

from annotator.accounts.models import Role, User
from annotator.core import folders
from annotator.jobs.models import Job
from annotator.library.models import Item, Prompt
from annotator.library.storage import original_path
from annotator.rewards import services, tasks
from annotator.rewards.models import RewardModel, Score, ScoreRequest
from annotator.rewards.services import score_requests

pytestmark = pytest.mark.django_db

URL = "/api/v1/score/"


@pytest.fixture(autouse=True)
def no_heartbeat(settings: Any) -> None:
    """Its thread has a connection of its own, which would not see what this test has not committed."""
    settings.JOB_HEARTBEAT_SECONDS = 3600


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A free worker: the request's job is done while the request waits."""

    def wait_for(request: ScoreRequest) -> bool:
        tasks.answer_scores(str(request.job_id))
        request.refresh_from_db()
        return True

    monkeypatch.setattr(services, "wait_for", wait_for)


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "wait_for", lambda request: False)


@pytest.fixture
def reviewer(make_user: Callable[..., User]) -> APIClient:
    client = APIClient()
    client.force_authenticate(make_user("rev", Role.REVIEWER))
    return client


@pytest.fixture
def admin(make_user: Callable[..., User]) -> APIClient:
    client = APIClient()
    client.force_authenticate(make_user("root", Role.ADMIN))
    return client


def upload(item: Item, name: str = "kite.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, original_path(item).read_bytes())


def left_behind() -> tuple[Any, ...]:
    """What a request could leave: rows, files, measurements."""
    folder = folders.scoring_folder()
    return (
        Item.objects.count(), Prompt.objects.count(), Score.objects.count(), Job.objects.count(),
        ScoreRequest.objects.count(), sorted(folder.iterdir()) if folder.is_dir() else [],
    )  # fmt: skip


def test_a_file_is_answered_with_its_reasons_and_nothing_stays(
    scored: RewardModel, pictures: list[Item], reviewer: APIClient, worker: None, settings: Any
) -> None:
    features = settings.ARTIFACT_ROOT / "features"
    prompt = "A kite nobody has seen"
    before, measured = left_behind(), sum(1 for _ in features.rglob("*"))
    response = reviewer.post(URL, {"file": upload(pictures[3]), "prompt": prompt}, format="multipart")
    assert response.status_code == 200, response.data
    found = response.data
    assert found["reward"] == pytest.approx(scored.intercept + sum(found["by_dimension"].values()))
    assert found["reward"] == pytest.approx(scored.intercept + sum(q["contribution"] for q in found["questions"]))
    assert len(found["questions"]) == len(scored.weights)
    assert (found["version"], found["reward_model"], found["media_type"]) == (1, scored.pk, "image")
    assert (found["item"], found["file"], found["prompt"], found["error"]) == (None, "kite.png", prompt, None)
    assert found["explanation"]
    assert left_behind() == before
    assert sum(1 for _ in features.rglob("*")) == measured, "measurements of it neither"


def test_a_file_scores_as_the_item_it_is(
    scored: RewardModel, pictures: list[Item], reviewer: APIClient, worker: None
) -> None:
    stored = Score.objects.get(item=pictures[3])
    prompt = pictures[3].prompt.text
    response = reviewer.post(URL, {"file": upload(pictures[3]), "prompt": prompt}, format="multipart")
    assert response.data["reward"] == pytest.approx(stored.reward, abs=1e-6)
    of_item = reviewer.post(URL, {"item": pictures[3].pk, "prompt": prompt}, format="json")
    assert of_item.data["reward"] == pytest.approx(stored.reward, abs=1e-6)
    assert of_item.data["item"] == pictures[3].pk


def test_an_item_that_has_a_score_needs_no_worker(
    scored: RewardModel, pictures: list[Item], reviewer: APIClient, busy: None
) -> None:
    response = reviewer.post("/api/v1/score", {"item": pictures[3].pk}, format="json")
    assert response.status_code == 200
    assert response.data["reward"] == Score.objects.get(item=pictures[3]).reward
    many = reviewer.post(URL, {"items": [{"item": item.pk} for item in pictures]}, format="json")
    assert [one["item"] for one in many.data["results"]] == [item.pk for item in pictures]


def test_a_batch_answers_in_order_and_says_what_is_wrong_with_one(
    scored: RewardModel, pictures: list[Item], reviewer: APIClient, worker: None
) -> None:
    cut = SimpleUploadedFile("cut.png", original_path(pictures[1]).read_bytes()[:700])
    files = [upload(pictures[0], "a.png"), cut, upload(pictures[2], "c.png")]
    prompts = ["A kite", "A lamp", "A boat"]
    before = left_behind()
    response = reviewer.post(URL, {"files": files, "prompts": prompts}, format="multipart")
    assert response.status_code == 200, response.data
    first, second, third = response.data["results"]
    assert (first["file"], first["prompt"], third["prompt"]) == ("a.png", "A kite", "A boat")
    assert second["error"]["code"] == "truncated"
    assert "cut.png" in second["error"]["title"]
    assert "reward" not in second
    files = [upload(pictures[0], "a.png"), upload(pictures[2], "c.png")]
    as_list = {"files": files, "prompts": json.dumps(["A kite", "A boat"])}
    again = reviewer.post(URL, as_list, format="multipart").data["results"]
    assert [one["reward"] for one in again] == pytest.approx([first["reward"], third["reward"]])
    assert left_behind() == before


def test_where_no_worker_is_free_the_answer_is_fetched_later(
    scored: RewardModel, pictures: list[Item], reviewer: APIClient, admin: APIClient, busy: None, settings: Any
) -> None:
    before = left_behind()
    response = reviewer.post(URL, {"file": upload(pictures[3]), "prompt": "A kite"}, format="multipart")
    assert response.status_code == 202
    assert response["Location"] == response.data["url"]
    assert response.data["job"]["state"] == "queued"
    assert reviewer.get(response.data["url"]).status_code == 202
    request = ScoreRequest.objects.get()
    assert request.job.urgent
    tasks.answer_scores(str(request.job_id))
    assert not score_requests.folder_of(request.pk).exists(), "files go once they are scored"
    found = reviewer.get(response.data["url"])
    assert (found.status_code, found.data["version"]) == (200, 1)
    assert admin.get(response.data["url"]).status_code == 404, "it is somebody else's"
    assert services.clear_score_requests() == 0
    Job.objects.filter(pk=request.job_id).update(finished_at=timezone.now() - timedelta(hours=2))
    assert services.clear_score_requests() == 1
    assert reviewer.get(response.data["url"]).status_code == 404
    assert left_behind() == before


def test_what_a_kill_left_is_swept_away(settings: Any, files: Path) -> None:
    """Killed while an upload was taken down: there is a folder, and no row."""
    folder = score_requests.folder_of("00000000-0000-4000-8000-000000000000")
    folder.mkdir(parents=True)
    (folder / "0.part").write_bytes(b"half")
    services.clear_score_requests()
    assert folder.exists(), "it may still be written"
    long_ago = time.time() - 7200
    os.utime(folder, (long_ago, long_ago))
    services.clear_score_requests()
    assert not folder.exists()


def test_kept_where_it_is_asked_for(
    scored: RewardModel, pictures: list[Item], reviewer: APIClient, admin: APIClient, worker: None
) -> None:
    body = {"prompt": "A kite to keep", "keep": "true", "generator": "painter 9"}
    assert reviewer.post(URL, {"file": upload(pictures[3]), **body}, format="multipart").status_code == 403
    found = admin.post(URL, {"file": upload(pictures[3]), **body}, format="multipart").data
    item = Item.objects.get(pk=found["item"])
    assert (item.prompt.text, item.generator.name, item.file_name) == ("A kite to keep", "painter 9", "kite.png")
    assert Score.objects.get(item=item).reward == found["reward"]
    Score.objects.filter(item=pictures[5]).delete()
    admin.post(URL, {"item": pictures[5].pk, "keep": True}, format="json")
    assert Score.objects.filter(item=pictures[5]).count() == 1
    assert Job.objects.filter(kind="rewards.answer_scores").count() == 0


def test_what_is_refused(scored: RewardModel, pictures: list[Item], reviewer: APIClient, busy: None) -> None:
    before = left_behind()
    picture = original_path(pictures[0]).read_bytes()

    def refused(body: dict[str, Any], form: bool = True) -> tuple[int, str]:
        response = reviewer.post(URL, body, format="multipart" if form else "json")
        assert response["Content-Type"] == "application/problem+json"
        assert len(response.data["title"]) > 15
        return response.status_code, response.data["code"]

    def png(name: str = "a.png") -> SimpleUploadedFile:
        return SimpleUploadedFile(name, picture)

    assert refused({"prompt": "A kite"}) == (400, "no_file")
    assert refused({"file": png()}) == (400, "bad_prompts")
    assert refused({"files": [png(), png()], "prompts": ["one"]}) == (400, "bad_prompts")
    assert refused({"files": [png(), png()], "prompts": '["one", 2]'}) == (400, "bad_prompts")
    assert refused({"files": [png(), png()], "prompts": '["one", '}) == (400, "bad_prompts")
    assert refused({"files": [png()] * 65, "prompt": "A kite"}) == (400, "invalid")
    svg = SimpleUploadedFile("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'></svg>")
    assert refused({"file": svg, "prompt": "A kite"}) == (400, "svg")
    assert refused({"file": png("a.jpg"), "prompt": "A kite"}) == (400, "wrong_extension")
    assert refused({"file": png(), "prompt": "A kite", "media_type": "video"}) == (400, "wrong_media_type")
    assert refused({"item": 10**9}, form=False) == (404, "no_item")
    assert refused({}, form=False) == (400, "no_item")
    assert refused({"items": [{"item": pictures[0].pk}] * 65}, form=False) == (400, "too_many")
    scored.state = "retired"
    scored.save()
    assert refused({"file": png(), "prompt": "A kite"}) == (409, "no_model")
    assert left_behind() == before


def test_one_broken_file_is_refused_with_its_reason(
    scored: RewardModel, pictures: list[Item], reviewer: APIClient, worker: None
) -> None:
    cut = SimpleUploadedFile("cut.png", original_path(pictures[1]).read_bytes()[:700])
    before = left_behind()
    response = reviewer.post(URL, {"file": cut, "prompt": "A kite"}, format="multipart")
    assert (response.status_code, response.data["code"]) == (400, "truncated")
    assert left_behind() == before


def test_annotators_and_strangers_get_no_scores(make_user: Callable[..., User], db: None) -> None:
    client = APIClient()
    assert client.post(URL, {"item": 1}, format="json").status_code == 401
    client.force_authenticate(make_user("ann", Role.ANNOTATOR))
    assert client.post(URL, {"item": 1}, format="json").status_code == 403


def test_only_some_requests_of_a_process_wait(db: None, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """The others would take the threads that pages need."""
    import threading

    monkeypatch.setattr(score_requests, "_waiters", threading.Semaphore(0))
    settings.SCORE_WAIT_SECONDS = 3600
    assert score_requests.wait_for(ScoreRequest()) is False
