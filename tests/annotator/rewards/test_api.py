"""The API of reward models and scores."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from annotator.accounts.models import Role
from annotator.campaigns.models import Campaign
from annotator.jobs.models import Job
from annotator.library.models import Item
from annotator.rewards import services
from annotator.rewards.models import RewardModel, Score
from annotator.rewards.services import artifacts

pytestmark = pytest.mark.django_db


def test_models_are_listed_and_described(api_of: Callable, scored: RewardModel) -> None:
    client = api_of(Role.REVIEWER)
    listed = client.get("/api/v1/reward-models/", {"media_type": "image", "state": "promoted"}).json()
    assert [model["id"] for model in listed["results"]] == [scored.pk]
    assert listed["results"][0]["overall"]["n"] > 0
    assert client.get("/api/v1/reward-models/", {"media_type": "video"}).json()["count"] == 0
    one = client.get(f"/api/v1/reward-models/{scored.pk}/").json()
    assert one["snapshot"]["items"] == 32
    assert one["weights"] == scored.weights
    assert one["metrics"]["sub_dimensions"]["clarity"]["n"] == 32
    assert one["scored"] == 32


def test_a_training_is_asked_for(api_of: Callable, judged: Campaign) -> None:
    client = api_of(Role.ADMIN)
    response = client.post("/api/v1/reward-models/train/", {"campaigns": [judged.pk], "promote": True, "seed": 3})
    assert response.status_code == 202
    job = Job.objects.get(pk=response.json()["id"])
    assert job.params["seed"] == 3
    assert job.requested_by.username == "api-admin"
    for body in ({}, {"campaigns": []}, {"campaigns": [0]}, {"campaigns": [judged.pk], "mine_after": True,
                                                             "score_after": False}):  # fmt: skip
        refused = client.post("/api/v1/reward-models/train/", body)
        assert refused.status_code == 400
        assert refused["Content-Type"] == "application/problem+json"


def test_promoting_retiring_and_scoring(api_of: Callable, trained: RewardModel) -> None:
    client, base = api_of(Role.ADMIN), f"/api/v1/reward-models/{trained.pk}"
    assert client.post(f"{base}/retire/").json()["state"] == "retired"
    again = client.post(f"{base}/retire/")
    assert (again.status_code, again.json()["code"]) == (409, "retired")
    assert client.post(f"{base}/promote/", {"note": "Back again."}).json()["state"] == "promoted"
    assert trained.events.first().note == "Back again."
    alone = client.post(f"{base}/roll-back/")
    assert (alone.status_code, alone.json()["code"]) == (409, "no_earlier")
    assert client.get(f"{base}/").json()["gate"] == {
        "passes": True, "reason": "It is the first version: no other one is promoted.", "asked": True, "how": "none"
    }  # fmt: skip
    scoring = client.post(f"{base}/score/", {"mine_after": True})
    assert scoring.status_code == 202
    assert Job.objects.get(pk=scoring.json()["id"]).params["mine_after"] is True
    services.retire(reward_model=trained)
    (artifacts.root() / trained.path / "heads.safetensors").unlink()
    refused = client.post(f"{base}/promote/")
    assert (refused.status_code, refused.json()["code"]) == (409, "artifact")


def test_scores_are_listed_and_taken_apart(api_of: Callable, scored: RewardModel, pictures: list[Item]) -> None:
    client = api_of(Role.REVIEWER)
    listed = client.get("/api/v1/scores/", {"model": scored.pk, "order": "best", "page_size": 5}).json()
    assert listed["count"] == 32
    rewards = [row["reward"] for row in listed["results"]]
    assert rewards == sorted(rewards, reverse=True)
    of_item = client.get("/api/v1/scores/", {"item": pictures[2].pk, "promoted": "true"}).json()["results"]
    assert [row["item"] for row in of_item] == [pictures[2].pk]
    of_prompt = client.get("/api/v1/scores/", {"prompt": pictures[2].prompt_id}).json()["results"]
    assert {row["item"] for row in of_prompt} == {item.pk for item in pictures[:4]}
    whole = client.get(f"/api/v1/scores/{of_item[0]['id']}/").json()
    total = sum(dimension["contribution"] for dimension in whole["dimensions"])
    assert whole["intercept"] + total == pytest.approx(whole["reward"], abs=1e-12)
    lost = sum(sub["lost"] for dimension in whole["dimensions"] for sub in dimension["sub_dimensions"])
    assert whole["reward"] + lost == pytest.approx(whole["best"])
    assert whole["explanation"].startswith(f"The reward is {whole['reward']:.2f}")
    question = whole["dimensions"][0]["sub_dimensions"][0]["questions"][0]
    assert set(question) == {"id", "text", "p_yes", "applies", "weight", "contribution"}


def test_who_may_not(api_of: Callable, scored: RewardModel, judged: Campaign) -> None:
    annotator, reviewer = api_of(Role.ANNOTATOR), api_of(Role.REVIEWER)
    score = Score.objects.first()
    for path in ("reward-models/", f"reward-models/{scored.pk}/", "scores/", f"scores/{score.pk}/"):
        assert annotator.get(f"/api/v1/{path}").status_code == 403
        assert reviewer.get(f"/api/v1/{path}").status_code == 200
        assert APIClient().get(f"/api/v1/{path}").status_code in (401, 403)
    for action in ("promote", "roll-back", "retire", "score"):
        assert reviewer.post(f"/api/v1/reward-models/{scored.pk}/{action}/").status_code == 403
    assert reviewer.post("/api/v1/reward-models/train/", {"campaigns": [judged.pk]}).status_code == 403
