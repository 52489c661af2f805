"""Versions side by side: stored figures, figures on common items as a job, the page and the API."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from annotator.accounts.models import Role, User
from annotator.core.errors import ProblemError
from annotator.core.texts import in_this_language
from annotator.jobs.models import Job, JobState
from annotator.jobs.services import run_job
from annotator.rewards import services
from annotator.rewards.models import RewardModel
from annotator.rewards.services import artifacts
from annotator.rewards.services.version_comparison import MOST
from tests.annotator.rewards.held_out import make_version
from tests.annotator.rewards.test_views import text_of
from tests.factories import make_reward_model

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def place(files: Path, db: None) -> None:
    """Artifacts of this test."""


@pytest.fixture
def three() -> list[RewardModel]:
    """A probe, a zero-shot VLM and a fine-tuned one, each better than the one before."""
    cost = {"seconds_per_item": 0.125, "memory_bytes": 3 << 30, "device": "GPU 0"}
    probe = make_version(1, strength=0.4, state="promoted")
    zero = make_version(2, strength=1.0, kind="vlm", items=range(16, 60))
    tuned = make_version(3, strength=2.0, kind="vlm", items=range(8, 60))
    tuned.metrics["cost"] = cost
    tuned.manifest["preferences"] = {"held_out": {"diff": 0.71}}
    tuned.manifest["calibration_report"] = {"log_loss_after": 0.234}
    tuned.save()
    return [probe, zero, tuned]


def compared(models: list[RewardModel]) -> Job:
    job = services.request_comparison(models=models)
    run_job(str(job.pk), services.compare)
    job.refresh_from_db()
    assert job.state == JobState.SUCCEEDED, job.error
    return job


def test_figures_are_those_on_the_items_all_held_out(three: list[RewardModel]) -> None:
    result = compared(three).result
    assert (result["items"], result["prompts"]) == (32, 8)
    assert result["reference"] == three[0].pk
    told = [result["versions"][str(model.pk)] for model in three]
    losses = [figures["log_loss"]["value"] for figures in told]
    assert losses == sorted(losses, reverse=True)
    assert told[0]["log_loss_difference"] is None
    assert told[2]["log_loss_difference"]["high"] < 0
    assert told[2]["spearman"]["value"] > told[0]["spearman"]["value"]
    assert len(result["rows"]) == 5
    assert result["left_out"] == []


def test_a_set_is_computed_once_in_any_order(three: list[RewardModel]) -> None:
    job = compared(three)
    assert job.queue == "default"
    assert services.request_comparison(models=three[::-1]) == job
    assert services.request_comparison(models=three[:2]) != job


def test_versions_that_share_too_little_are_left_out_with_the_reason(three: list[RewardModel]) -> None:
    far = make_version(4, items=range(100, 160))
    other = make_version(5, text="other words")
    broken = make_version(6)
    (artifacts.root() / broken.path / artifacts.HELD_OUT).unlink()
    newest = make_version(7)
    result = compared([*three, far, other, broken, newest]).result
    why = {out["version"]: in_this_language(out["reason"]) for out in result["left_out"]}
    assert set(why) == {4, 5, 6}
    assert "held-out items of 0 prompts" in why[4]
    assert "another checklist than version 7" in why[5]
    assert "is missing" in why[6]
    assert len(result["versions"]) == 4


def test_nothing_in_common_is_said(three: list[RewardModel]) -> None:
    job = compared([three[0], make_version(4, items=range(100, 160))])
    assert job.message == "None of these versions can be compared on common items."
    assert job.result["items"] == 0


def test_what_cannot_be_compared_is_refused(three: list[RewardModel]) -> None:
    for models, words in [
        (three[:1], "at least two"),
        ([three[0]] * 2, "at least two"),
        ([make_version(10 + n) for n in range(MOST + 1)], "at most 8"),
        ([three[0], make_reward_model("video")], "one media type"),
    ]:
        with pytest.raises(ProblemError, match=words):
            services.request_comparison(models=models)
    assert not Job.objects.exists()


def test_the_page(client: Client, make_user: Callable[..., User], three: list[RewardModel]) -> None:
    client.force_login(make_user("rev", Role.REVIEWER), backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("rewards:compare")
    words = text_of(client.get(address))
    for expected in ("v3", "Candidate", "71.0%", "0.234", "0.125", "GPU 0", "3.0", "have not been compared"):
        assert expected in words, expected
    asked = client.post(address, {"model": [model.pk for model in three]})
    assert asked.status_code == 302
    job = Job.objects.get()
    assert reverse("jobs:progress", args=[job.pk]) in client.get(asked["Location"]).content.decode()
    run_job(str(job.pk), services.compare)
    words = text_of(client.get(asked["Location"]))
    assert "the 32 items of 8 prompts that all versions held out" in words
    assert "differences are relative to version 1" in words
    part = client.get(asked["Location"], headers={"HX-Request": "true"})
    assert b"<html" not in part.content
    job.refresh_from_db()
    assert client.get(job.result["url"]).status_code == 200
    refused = client.post(address, {"model": [three[0].pk]}, follow=True)
    assert "Choose at least two versions" in text_of(refused)


def test_the_page_of_odd_addresses(client: Client, make_user: Callable[..., User]) -> None:
    client.force_login(make_user("rev", Role.REVIEWER), backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("rewards:compare")
    assert "No versions for this media type yet" in text_of(client.get(address))
    bare = make_reward_model()
    make_reward_model("video")
    words = text_of(client.get(address, {"model": ["x", "9" * 30, bare.pk], "media_type": "smell"}))
    assert "v1" in words, "a version without any measures is shown with dashes"
    assert client.get(address, {"media_type": "video"}).context["media_type"] == "video"
    assert client.get(reverse("rewards:models")).status_code == 200


def test_older_versions_are_not_listed_unless_asked_for(client: Client, make_user: Callable[..., User]) -> None:
    client.force_login(make_user("rev", Role.REVIEWER), backend="django.contrib.auth.backends.ModelBackend")
    first, *_others = [make_reward_model(state="candidate") for _ in range(22)]
    page = client.get(reverse("rewards:compare"))
    assert "2 older versions are not listed" in text_of(page)
    assert first not in [row.model for row in page.context["rows"]]
    page = client.get(reverse("rewards:compare"), {"model": first.pk})
    assert "1 older version is not listed" in text_of(page)
    assert first in [row.model for row in page.context["rows"]]


def test_the_page_takes_few_queries(
    client: Client, make_user: Callable[..., User], three: list[RewardModel], django_assert_max_num_queries: Callable
) -> None:
    client.force_login(make_user("rev", Role.REVIEWER), backend="django.contrib.auth.backends.ModelBackend")
    compared(three)
    with django_assert_max_num_queries(14):
        client.get(reverse("rewards:compare"))


def test_the_api(make_user: Callable[..., User], three: list[RewardModel]) -> None:
    client = APIClient()
    client.force_authenticate(make_user("rev", Role.REVIEWER))
    pks = [model.pk for model in three]
    path = "/api/v1/reward-models/compare/"
    told = client.get(path, {"model": pks}).json()
    assert [version["id"] for version in told["versions"]] == pks
    assert told["versions"][2]["memory_bytes"] == 3 << 30
    assert told["versions"][0]["seconds_per_item"] is None
    assert told["common"] is None
    asked = client.post(path, {"models": pks})
    assert asked.status_code == 202
    run_job(asked.json()["id"], services.compare)
    assert client.get(path, {"model": pks}).json()["common"]["items"] == 32
    assert client.post(path, {"models": pks[:1]}).json()["code"] == "too_few"
    for bad in ([], [0]):
        assert client.get(path, {"model": bad}).status_code == 400
        assert client.post(path, {"models": bad}).status_code == 400
    client.force_authenticate(make_user("ann", Role.ANNOTATOR))
    assert client.get(path, {"model": pks}).status_code == 403
    assert client.post(path, {"models": pks}).status_code == 403
