"""The pages: who sees what, what may be done, and what they say when there is nothing or something is wrong."""

import json
import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from annotator.accounts.models import Role
from annotator.campaigns.models import Campaign
from annotator.jobs.models import Job, JobState
from annotator.library.models import Item
from annotator.rewards import services
from annotator.rewards.models import RewardModel, Score, ScoreProblem
from annotator.rewards.services import artifacts
from annotator.rewards.templatetags.rewards_tags import share_below
from tests.factories import make_reward_model

pytestmark = pytest.mark.django_db


def text_of(response: object) -> str:
    """The page's words without its tags."""
    content = re.sub(r"<(script|style).*?</\1>", "", response.content.decode(), flags=re.S)  # type: ignore[attr-defined]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content))


READ, WRITE = {"admin", "reviewer"}, {"admin"}


@pytest.mark.parametrize("role", ["admin", "reviewer", "annotator", None])
def test_who_may_do_what(client: Client, sign_in: Callable, scored: RewardModel, role: str | None) -> None:
    score = Score.objects.first()
    sign_in(role)
    pages = {
        "models": ("get", [], READ), "model": ("get", [scored.pk], READ), "manifest": ("get", [scored.pk], READ),
        "scores": ("get", [], READ), "score": ("get", [score.pk], READ), "train": ("get", [], WRITE),
        "promote": ("post", [scored.pk], WRITE), "request-scoring": ("post", [scored.pk], WRITE),
        "roll-back": ("post", [scored.pk], WRITE), "retire": ("post", [scored.pk], WRITE), "compare": ("get", [], READ),
    }  # fmt: skip
    for name, (method, args, allowed) in pages.items():
        response = getattr(client, method)(reverse(f"rewards:{name}", args=args))
        assert (response.status_code in (200, 302)) == (role in allowed), name
        assert role in allowed or response.status_code == 403, name
    assert client.get(reverse("rewards:promote", args=[scored.pk])).status_code == 405


def test_whoever_is_not_signed_in_is_sent_to_the_log_in(client: Client) -> None:
    for name in ("models", "scores", "train"):
        assert reverse("account_login") in client.get(reverse(f"rewards:{name}"))["Location"]


def test_an_empty_platform_says_what_to_do(client: Client, sign_in: Callable) -> None:
    sign_in(Role.ADMIN)
    models = client.get(reverse("rewards:models"))
    assert "at least 8 images from 4 prompts" in text_of(models)
    assert "at least 8 videos from 4 prompts" in text_of(models)
    assert reverse("rewards:train") in models.content.decode()
    assert "A campaign appears here after its first submitted annotation" in text_of(
        client.get(reverse("rewards:train"))
    )
    assert "No version has scored an image yet" in text_of(client.get(reverse("rewards:scores")))
    assert "No version has scored a video yet" in text_of(client.get(reverse("rewards:scores") + "?media_type=video"))


def test_a_training_is_asked_for(client: Client, sign_in: Callable, judged: Campaign) -> None:
    admin = sign_in(Role.ADMIN).user
    page = client.get(reverse("rewards:train"), {"campaign": judged.pk})
    assert "64 annotations · 32 items · 8 prompts · 2 people" in text_of(page)
    assert f'value="{judged.pk}" checked' in page.content.decode()
    data = {"campaigns": [judged.pk], "promote": "on", "seed": 7, "consensus": "majority"}
    response = client.post(reverse("rewards:train"), data)
    job = Job.objects.get()
    assert response["Location"] == reverse("rewards:training", args=[job.pk])
    assert job.requested_by == admin
    assert job.params["campaigns"] == [judged.pk]
    assert (job.params["promote"], job.params["score_after"], job.params["mine_after"]) == (True, False, False)
    assert job.params["seed"] == 7
    content = client.get(reverse("rewards:models")).content.decode()
    assert reverse("jobs:progress", args=[job.pk]) in content, "its progress is shown live"


def test_a_training_form_that_does_not_fit_says_so(
    client: Client, sign_in: Callable, judged: Campaign, open_small: Callable, annotate: Callable,
    pictures: list[Item], make_user: Callable,
) -> None:  # fmt: skip
    sign_in(Role.ADMIN)
    other = open_small(pictures[:4], "Another", text="other words")
    annotate(other, make_user("cem"))
    empty = open_small(pictures, "Empty", text="d")
    for data, words in [
        ({"seed": 0}, "Choose at least one campaign"),
        ({"campaigns": [judged.pk, other.pk], "seed": 0}, "different checklist versions"),
        ({"campaigns": [judged.pk], "seed": -1}, "greater than or equal to 0"),
        ({"campaigns": [judged.pk], "mine_after": "on", "seed": 0}, "Turn on scoring of all items as well"),
        ({"campaigns": [empty.pk], "seed": 0}, "not one of the available choices"),
    ]:
        response = client.post(reverse("rewards:train"), {"consensus": "majority", **data})
        assert response.status_code == 422
        assert words in text_of(response)
    assert not Job.objects.exists()


def test_a_failed_training_is_informed_where_one_looks_for_the_model(client: Client, sign_in: Callable) -> None:
    sign_in(Role.REVIEWER)
    Job.objects.create(kind="rewards.train", title="Train", state=JobState.FAILED, error="There are too few judgments.")
    assert "The last training failed: There are too few judgments." in text_of(client.get(reverse("rewards:models")))


def test_the_register_and_a_version(client: Client, sign_in: Callable, scored: RewardModel, judged: Campaign) -> None:
    sign_in(Role.ADMIN)
    words = text_of(client.get(reverse("rewards:models")))
    assert "Version 1 Promoted" in words
    assert "320 judgments" in words
    assert "32 / 32" in words
    page = client.get(reverse("rewards:model", args=[scored.pk]))
    words = text_of(page)
    for expected in ("clarity", "lighting", "32 of 32 items have a score", judged.name, scored.snapshot.sha256,
                     "Promoted ·", "Vs. ground truth", "Each prompt was held out once, in 2 folds."):  # fmt: skip
        assert expected in words, expected
    assert "Gate Passed It is the first version: no other one is promoted." in words
    assert reverse("rewards:retire", args=[scored.pk]) in page.content.decode()
    assert reverse("rewards:promote", args=[scored.pk]) not in page.content.decode()
    partial = client.get(reverse("rewards:model", args=[scored.pk]), headers={"HX-Request": "true"})
    assert b"<html" not in partial.content


def test_the_manifest_is_downloaded(client: Client, sign_in: Callable, trained: RewardModel) -> None:
    sign_in(Role.REVIEWER)
    response = client.get(reverse("rewards:manifest", args=[trained.pk]))
    assert response["Content-Disposition"] == 'attachment; filename="image-reward-v1.json"'
    body = json.loads(response.content)
    assert body["checklist"]["content_hash"] == trained.checklist_version.content_hash
    assert body["metrics"] == trained.metrics
    assert body["weights"]["coef"] == trained.weights
    assert body["data"]["sha256"] == trained.snapshot.sha256


def test_promoting_retiring_and_scoring_by_button(client: Client, sign_in: Callable, trained: RewardModel) -> None:
    admin = sign_in(Role.ADMIN).user
    client.post(reverse("rewards:retire", args=[trained.pk]))
    trained.refresh_from_db()
    assert trained.state == "retired"
    assert "No version is promoted" in text_of(client.get(reverse("rewards:models")))
    page = client.post(reverse("rewards:retire", args=[trained.pk]), follow=True)
    assert "is already retired" in text_of(page)
    page = client.post(
        reverse("rewards:promote", args=[trained.pk]), {"note": " It was right after all. "}, follow=True
    )
    assert "It was right after all." in text_of(page)
    assert "is promoted. Scores and pairs now come from it" in text_of(page)
    assert trained.events.filter(by=admin).count() == 2
    page = client.post(reverse("rewards:roll-back", args=[trained.pk]), follow=True)
    assert "No version was promoted before Image reward v1" in text_of(page)
    page = client.post(reverse("rewards:request-scoring", args=[trained.pk]), follow=True)
    job = Job.objects.get(kind="rewards.score")
    assert reverse("jobs:progress", args=[job.pk]) in page.content.decode()


def test_a_broken_artifact_is_said_in_words(client: Client, sign_in: Callable, trained: RewardModel) -> None:
    sign_in(Role.ADMIN)
    services.retire(reward_model=trained)
    folder = artifacts.root() / trained.path
    (folder / "manifest.json").unlink()
    (folder / artifacts.HELD_OUT).write_bytes(b"something else")
    page = client.post(reverse("rewards:promote", args=[trained.pk]), follow=True)
    assert "manifest.json is missing. Train the model again or restore its folder." in text_of(page)
    assert "The file of held-out predictions of Image reward v1 was altered" in text_of(page)
    trained.refresh_from_db()
    assert trained.state == "retired"


def test_the_ranking_and_its_filters(
    client: Client, sign_in: Callable, scored: RewardModel, pictures: list[Item]
) -> None:
    sign_in(Role.REVIEWER)
    by_reward = [score.item_id for score in Score.objects.order_by("-reward", "item_id")]

    def shown(**query: object) -> list[int]:
        response = client.get(reverse("rewards:scores"), query)
        assert response.status_code == 200
        return [tile.score.item_id for tile in response.context.get("tiles") or []]

    assert shown() == by_reward
    assert shown(order="worst") == by_reward[::-1]
    lamp = [pk for pk in by_reward if Item.objects.get(pk=pk).prompt.text.startswith("Lamp")]
    assert shown(q="lamp by") == lamp
    assert shown(prompt=pictures[4].prompt_id) == lamp
    assert shown(generator="painter 0", q="lamp") == [pk for pk in lamp if pk in {pictures[4].pk, pictures[6].pk}]
    assert shown(q="zebra") == []
    assert shown(model="x", order="?", page="zzz", prompt="?", media_type="smell") == by_reward
    assert shown(prompt="9" * 30) == []
    assert shown(media_type="video") == []
    assert shown(model=scored.pk, media_type="video") == by_reward, "the version asked for says which media"
    nothing = client.get(reverse("rewards:scores"), {"q": "zebra"})
    assert "No scores match these filters" in text_of(nothing)
    response = client.get(reverse("rewards:scores"), {"q": "lamp", "generator": ""}, headers={"HX-Request": "true"})
    assert b"<html" not in response.content
    assert response["HX-Push-Url"] == f"/rewards/scores/?q=lamp&order=best&model={scored.pk}"
    means = client.get(reverse("rewards:scores")).context["means"]
    assert [(mean.name, mean.n) for mean in means] == [("painter 1", 16), ("painter 0", 16)], "the clearer one first"


def test_the_ranking_takes_few_queries(
    client: Client, sign_in: Callable, scored: RewardModel, django_assert_max_num_queries: Callable
) -> None:
    sign_in(Role.REVIEWER)
    with django_assert_max_num_queries(16):
        client.get(reverse("rewards:scores"))


def test_a_score_is_explained(client: Client, sign_in: Callable, scored: RewardModel, pictures: list[Item]) -> None:
    sign_in(Role.REVIEWER)
    worst, best = Score.objects.order_by("reward").first(), Score.objects.order_by("-reward").first()
    words = text_of(client.get(reverse("rewards:score", args=[worst.pk])))
    assert "Better than 0% of the other items this version has scored, and number 4 of 4 for its prompt." in words
    assert re.search(r"Largest losses: (clarity|lighting)", words)
    assert "at least level 1?" in words
    assert "Better than 100%" in text_of(client.get(reverse("rewards:score", args=[best.pk])))
    panel = text_of(client.get(reverse("library:item", args=[worst.item_id])))
    assert "Reward" in panel
    assert "Largest losses:" in panel
    style = client.get(reverse("rewards:score", args=[worst.pk])).content.decode()
    assert " style=" not in style, "the content-security policy would not let it through"


def test_the_item_page_says_why_there_is_no_score(
    client: Client, sign_in: Callable, trained: RewardModel, pictures: list[Item]
) -> None:
    sign_in(Role.REVIEWER)
    url = reverse("library:item", args=[pictures[0].pk])
    assert "Image reward v1 has not scored it yet." in text_of(client.get(url))
    ScoreProblem.objects.create(item=pictures[0], reward_model=trained, message="The file is cut off.")
    assert "Image reward v1 could not score it: The file is cut off." in text_of(client.get(url))
    services.retire(reward_model=trained)
    assert "Image reward v1" not in text_of(client.get(url))


@pytest.mark.parametrize(
    ("gate", "words"),
    [
        ({}, "It needs a person’s decision: it was not compared with another version."),
        ({"passes": False, "reason": "It is not as good.", "asked": True}, "because it did not pass the gate"),
        (
            {"passes": True, "reason": "It is as good.", "asked": False},
            "because automatic promotion is off",
        ),
    ],
)
def test_a_candidate_that_waits_says_why(
    client: Client, sign_in: Callable, db: None, gate: dict[str, object], words: str
) -> None:
    make_reward_model(state="candidate", gate=gate)
    sign_in(Role.REVIEWER)
    assert words in text_of(client.get(reverse("rewards:models")))


def test_a_hundred_percent_is_said_of_all_and_of_nothing_less() -> None:
    assert [share_below(value) for value in (0.0, 0.29, 0.9967, 1.0)] == ["0%", "29%", "99%", "100%"]
