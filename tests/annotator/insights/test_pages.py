"""The agreement page, its drill-down, and the home page of each role."""

from collections.abc import Callable

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from annotator.accounts.models import Role, User
from annotator.campaigns.services import take_out
from annotator.rewards.models import RewardModel
from tests.annotator.insights.conftest import World
from tests.factories import make_reward_model

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    cache.clear()


AGREEMENT = "/insights/agreement/"


def test_annotators_do_not_see_what_the_model_thinks(sign_in: Callable, world: World) -> None:
    client = sign_in(Role.ANNOTATOR)
    for address in (AGREEMENT, f"{AGREEMENT}clarity/"):
        assert client.get(address).status_code == 403


def test_held_out_and_in_sample_numbers_are_told_apart(sign_in: Callable, world: World) -> None:
    world.score(world.items, world.right)
    world.keep_record(trained_on=world.items[:6], held_out={})
    client = sign_in(Role.REVIEWER)
    page = client.get(AGREEMENT).content.decode()
    assert "Held-out numbers." in page
    assert "They are of 2 of 8 judged items" in page
    page = client.get(AGREEMENT, {"basis": "all"}).content.decode()
    assert "In-sample numbers." in page
    assert "Held-out numbers." not in page
    # New scores are no longer of new prompts: the page must not go on calling them held out.
    world.keep_record(trained_on=world.items, held_out={})
    page = client.get(AGREEMENT).content.decode()
    assert "None of these items' prompts was held out" in page


def test_the_table_links_to_the_items_furthest_apart(sign_in: Callable, world: World) -> None:
    world.score(world.items, world.wrong)
    client = sign_in(Role.REVIEWER)
    page = client.get(AGREEMENT, {"basis": "all"}).content.decode()
    address = f"{AGREEMENT}clarity/?media_type=image&amp;basis=all&amp;model={world.model.pk}"
    assert address in page
    page = client.get(address.replace("&amp;", "&")).content.decode()
    assert page.count('<li class="media-tile">') == 8
    assert "In-sample" in page


def test_htmx_gets_the_part_and_the_address(sign_in: Callable, world: World) -> None:
    response = sign_in(Role.REVIEWER).get(AGREEMENT, {"campaign": world.campaign.pk}, headers={"HX-Request": "true"})
    assert response["HX-Push-Url"].endswith(f"model={world.model.pk}&campaign={world.campaign.pk}")
    assert "<html" not in response.content.decode()


def test_what_is_missing_is_said(sign_in: Callable, db: None) -> None:
    client = sign_in(Role.REVIEWER)
    assert "neither annotations nor a reward model" in client.get(AGREEMENT).content.decode()
    make_reward_model()
    assert "Nobody has annotated with the checklist of Image reward v1" in client.get(AGREEMENT).content.decode()
    assert client.get(f"{AGREEMENT}clarity/").status_code == 404


def test_without_scores_or_model_people_are_compared(sign_in: Callable, world: World) -> None:
    client = sign_in(Role.REVIEWER)
    assert "has said nothing yet of the items" in client.get(AGREEMENT).content.decode()
    assert "No item has both a level" in client.get(f"{AGREEMENT}clarity/").content.decode()
    RewardModel.objects.all().delete()
    page = client.get(AGREEMENT).content.decode()
    assert "how people agree with each other" in page
    assert "Clarity" in page


def test_an_unknown_sub_dimension_is_not_found(sign_in: Callable, world: World) -> None:
    client = sign_in(Role.REVIEWER)
    assert client.get(f"{AGREEMENT}beauty/").status_code == 404
    assert client.get(f"{AGREEMENT}unsafe_type/").status_code == 404  # a category has no levels to be apart


def test_new_annotations_and_scores_are_seen_at_once(sign_in: Callable, world: World) -> None:
    client = sign_in(Role.REVIEWER)
    client.get(AGREEMENT, {"basis": "all"})
    world.score(world.items, world.right)
    assert "In-sample numbers." in client.get(AGREEMENT, {"basis": "all"}).content.decode()


def test_an_item_that_is_taken_out_is_left_out_at_once(sign_in: Callable, world: World) -> None:
    world.score(world.items, world.right)
    world.keep_record(trained_on=world.items[:6], held_out={})
    client = sign_in(Role.REVIEWER)
    assert "They are of 2 of 8 judged items" in client.get(AGREEMENT).content.decode()
    take_out(campaign=world.campaign, items=[world.items[0].pk])
    assert "They are of 2 of 7 judged items" in client.get(AGREEMENT).content.decode()


def test_a_cache_that_is_down_costs_time_only(sign_in: Callable, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*args: object) -> None:
        raise ConnectionError

    monkeypatch.setattr("annotator.insights.agreement.cached.cache.get", down)
    client = sign_in(Role.REVIEWER)
    assert client.get(AGREEMENT).status_code == 200


class TestHome:
    def test_an_annotator_sees_their_work(self, sign_in: Callable, world: World) -> None:
        page = sign_in(Role.ANNOTATOR).get("/").content.decode()
        assert "Lamps" in page
        assert "The loop" not in page

    @pytest.mark.parametrize("role", [Role.REVIEWER, Role.ADMIN])
    def test_the_loop_links_to_every_station(self, sign_in: Callable, world: World, role: str) -> None:
        world.score(world.items[:3], world.right)
        page = sign_in(role).get("/").content.decode()
        for name in ("library:items", "campaigns:list", "rewards:models", "mpo:pair-sets", "datasets:list",
                     "insights:agreement"):  # fmt: skip
            assert f'href="{reverse(name)}"' in page.split("<main", 1)[1], name
        assert reverse("rewards:model", args=[world.model.pk]) in page
        assert "3 of 8 items scored" in page
        assert ("Import media" in page) == (role == Role.ADMIN)

    def test_somebody_without_a_role_is_told(self, client: Client, make_user: Callable[..., User]) -> None:
        client.force_login(make_user("nobody", None), backend="django.contrib.auth.backends.ModelBackend")
        assert "no role yet" in client.get("/").content.decode()
