"""Pages and API of pairs: who may, what they answer, what is refused in words."""

from collections.abc import Callable

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from annotator.accounts.models import Role
from annotator.jobs.models import Job
from annotator.mpo import services
from annotator.mpo.models import PairSet
from annotator.rewards.models import RewardModel

pytestmark = pytest.mark.django_db

SOFT = {"answers": "soft"}  # so that any difference of a planted P(yes) counts

FORM = {**SOFT, "level": "dimension", "source": "scores", "margin": "0", "min_total_gap": "0",
        "max_pairs_per_prompt": "16", "choose": "largest", "seed": "0", "name": ""}  # fmt: skip


@pytest.fixture
def pair_set(reward_model: RewardModel, scored_prompt: Callable, run_now: Callable[[Job], Job]) -> PairSet:
    scored_prompt(reward_model, [0.1, 0.5, 0.9], text="A kite over the sea")
    scored_prompt(reward_model, [0.4, 0.4])
    return PairSet.objects.get(job=run_now(services.request_pair_mining(reward_model=reward_model, options=SOFT)))


def test_annotators_see_no_pairs(sign_in: Callable, pair_set: PairSet) -> None:
    client = sign_in(Role.ANNOTATOR)
    pair = pair_set.pairs.first()
    for address in (
        reverse("mpo:pair-sets"), reverse("mpo:mine"), reverse("mpo:pair-set", args=[pair_set.pk]),
        reverse("mpo:download", args=[pair_set.pk, "jsonl"]), "/api/v1/pair-sets/", f"/api/v1/pair-sets/{pair_set.pk}/",
        f"/api/v1/pair-sets/{pair_set.pk}/pairs/", f"/api/v1/pair-sets/{pair_set.pk}/download/jsonl/",
    ):  # fmt: skip
        assert client.get(address).status_code == 403, address
    assert client.post(reverse("mpo:veto", args=[pair.pk]), {"vetoed": "yes"}).status_code == 403
    pair.refresh_from_db()
    assert pair.vetoed_at is None


def test_reviewers_look_but_only_admins_mine(sign_in: Callable, pair_set: PairSet) -> None:
    client = sign_in(Role.REVIEWER)
    assert client.get(reverse("mpo:pair-sets")).status_code == 200
    assert client.get(reverse("mpo:mine")).status_code == 403
    assert client.post("/api/v1/pair-sets/", {"reward_model": pair_set.reward_model_id}).status_code == 403


def test_the_list_and_the_set(sign_in: Callable, pair_set: PairSet, django_assert_max_num_queries: Callable) -> None:
    client = sign_in(Role.REVIEWER)
    PairSet.objects.create(name="half written", reward_model=pair_set.reward_model)
    page = client.get(reverse("mpo:pair-sets")).content.decode()
    assert "Image reward v1, dimensions" in page
    assert "half written" not in page
    with django_assert_max_num_queries(14):
        page = client.get(reverse("mpo:pair-set", args=[pair_set.pk])).content.decode()
    assert page.count('<article class="pair card') == 3
    assert "A kite over the sea" in page
    half = PairSet.objects.get(name="half written")
    assert client.get(reverse("mpo:pair-set", args=[half.pk])).status_code == 404


def test_mining_by_form(sign_in: Callable, pair_set: PairSet) -> None:
    client = sign_in(Role.ADMIN)
    given = {"reward_model": pair_set.reward_model_id, "level": "question", "max_pairs_per_prompt": "", "name": "Q"}
    form = FORM | given
    assert client.post(reverse("mpo:mine"), form).status_code == 302
    params = Job.objects.latest("created_at").params
    assert params["name"] == "Q"
    assert params["options"]["level"] == "question"
    assert params["options"]["max_pairs_per_prompt"] is None
    response = client.post(reverse("mpo:mine"), form | {"margin": "-1"})
    assert response.status_code == 422
    assert "greater than or equal to 0" in response.content.decode()


def test_without_scores_the_form_says_what_to_do_first(sign_in: Callable, reward_model: RewardModel) -> None:
    page = sign_in(Role.ADMIN).get(reverse("mpo:mine")).content.decode()
    assert "No reward model has scored anything yet" in page
    assert "<select" not in page.split("<main", 1)[1]


def test_a_failed_mining_shows_its_reason_in_the_list(
    sign_in: Callable, reward_model: RewardModel, scored_prompt: Callable, run_now: Callable
) -> None:
    scored_prompt(reward_model, [0.2])
    run_now(services.request_pair_mining(reward_model=reward_model, options=SOFT))
    assert "shares its prompt with another" in sign_in(Role.ADMIN).get(reverse("mpo:pair-sets")).content.decode()


def test_a_veto_is_seen_counted_and_left_out(sign_in: Callable, pair_set: PairSet) -> None:
    client = sign_in(Role.REVIEWER)
    pair = pair_set.pairs.first()
    answer = client.post(reverse("mpo:veto", args=[pair.pk]), {"vetoed": "yes"}, headers={"HX-Request": "true"})
    assert "Vetoed by reviewer" in answer.content.decode()
    shown = client.get(reverse("mpo:pair-set", args=[pair_set.pk]), {"which": "vetoed"}).content.decode()
    assert shown.count('<article class="pair card') == 1
    response = client.get(reverse("mpo:download", args=[pair_set.pk, "jsonl"]))
    assert len(b"".join(response.streaming_content).splitlines()) == 2
    name = f"pairs-{pair_set.pk}-image-reward-v1-dimensions.jsonl"
    assert response["Content-Disposition"] == f'attachment; filename="{name}"'
    client.post(reverse("mpo:veto", args=[pair.pk]), {"vetoed": "no"})
    pair.refresh_from_db()
    assert pair.vetoed_at is None


def test_an_unknown_form_of_download_is_not_found(sign_in: Callable, pair_set: PairSet) -> None:
    assert sign_in(Role.REVIEWER).get(reverse("mpo:download", args=[pair_set.pk, "xml"])).status_code == 404


def test_a_set_without_pairs_says_why(
    sign_in: Callable, reward_model: RewardModel, scored_prompt: Callable, run_now: Callable
) -> None:
    scored_prompt(reward_model, [0.5, 0.5])
    run_now(services.request_pair_mining(reward_model=reward_model, options=SOFT))
    page = sign_in(Role.ADMIN).get(reverse("mpo:pair-set", args=[PairSet.objects.get().pk])).content.decode()
    assert "No pairs match these options" in page


def test_an_items_page_tells_of_its_pairs(sign_in: Callable, pair_set: PairSet) -> None:
    client = sign_in(Role.REVIEWER)
    best = pair_set.pairs.order_by("-reward_gap").first().winner
    page = client.get(reverse("library:item", args=[best.pk])).content.decode()
    assert "won 2, lost 0" in page
    alike = pair_set.reward_model.scores.exclude(item__prompt=best.prompt).first().item
    assert "Preference pairs" not in client.get(reverse("library:item", args=[alike.pk])).content.decode()


class TestApi:
    def test_mine_look_and_download(self, api: APIClient, pair_set: PairSet) -> None:
        asked = api.post(
            "/api/v1/pair-sets/",
            {"reward_model": pair_set.reward_model_id, "level": "sub_dimension", "answers": "soft"},
        )
        assert asked.status_code == 202
        assert asked.headers["Location"].endswith(f"/api/v1/jobs/{asked.json()['id']}/")
        one = api.get(f"/api/v1/pair-sets/{pair_set.pk}/").json()
        assert (one["pairs_count"], one["prompts_without_pairs"], one["vetoed"]) == (3, 1, 0)
        pairs = api.get(f"/api/v1/pair-sets/{pair_set.pk}/pairs/", {"page_size": 2}).json()
        assert (pairs["count"], len(pairs["results"])) == (3, 2)
        assert pairs["results"][0]["winner"]["reward"] > pairs["results"][0]["loser"]["reward"]
        response = api.get(f"/api/v1/pair-sets/{pair_set.pk}/download/dpo/")
        assert len(b"".join(response.streaming_content).splitlines()) == 3

    def test_problems_are_reported_in_words(self, api: APIClient, pair_set: PairSet) -> None:
        refused = api.get(f"/api/v1/pair-sets/{pair_set.pk}/download/xml/")
        assert (refused.status_code, refused.json()["code"]) == (404, "no_format")
        refused = api.post("/api/v1/pair-sets/", {"reward_model": pair_set.reward_model_id, "margin": -1})
        assert refused.status_code == 400
        assert "margin" in refused.json()["errors"]
        refused = api.post("/api/v1/pair-sets/", {"reward_model": 0})
        assert refused.status_code == 400

    def test_veto(self, api: APIClient, pair_set: PairSet) -> None:
        pair = pair_set.pairs.first()
        assert api.post(f"/api/v1/pairs/{pair.pk}/veto/", {"vetoed": True}).json() == {"vetoed": True}
        assert api.get(f"/api/v1/pair-sets/{pair_set.pk}/").json()["vetoed"] == 1
