"""The agreement page, its drill-down, and the home page of each role."""

import csv
import re
from collections.abc import Callable

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from annotator.accounts.models import Role, User
from annotator.campaigns.services import take_out
from annotator.core import figures
from annotator.insights.agreement import figures as of_agreement
from annotator.library.models import Generator
from annotator.rewards.models import RewardModel
from tests.annotator.insights.conftest import World
from tests.factories import make_reward_model

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _empty_cache(worker: None) -> None:
    cache.clear()


AGREEMENT = "/insights/agreement/"


def test_annotators_do_not_see_what_the_model_thinks(sign_in: Callable, world: World) -> None:
    client = sign_in(Role.ANNOTATOR)
    for address in (AGREEMENT, f"{AGREEMENT}clarity/"):
        assert client.get(address).status_code == 403


def test_held_out_and_in_sample_numbers_are_distinguished(sign_in: Callable, world: World) -> None:
    world.score(world.items, world.right)
    world.keep_record(trained_on=world.items[:6], held_out={})
    client = sign_in(Role.REVIEWER)
    page = client.get(AGREEMENT).content.decode()
    assert "Held-out results." in page
    assert "They cover 2 of 8 judged items" in page
    page = client.get(AGREEMENT, {"basis": "all"}).content.decode()
    assert "In-sample results." in page
    assert "Held-out results." not in page
    # New scores are no longer of new prompts: the page must not go on calling them held out.
    world.keep_record(trained_on=world.items, held_out={})
    page = client.get(AGREEMENT).content.decode()
    assert "This version held out none of these items' prompts" in page


def test_the_table_links_to_the_items_furthest_apart(sign_in: Callable, world: World) -> None:
    world.score(world.items, world.wrong)
    client = sign_in(Role.REVIEWER)
    page = client.get(AGREEMENT, {"basis": "all"}).content.decode()
    address = f"{AGREEMENT}clarity/?media_type=image&amp;basis=all&amp;model={world.model.pk}"
    assert address in page
    page = client.get(address.replace("&amp;", "&")).content.decode()
    assert page.count('<li class="media-tile">') == 8
    assert "In-sample" in page


def test_a_table_is_sorted_unfolded_narrowed_and_downloaded(sign_in: Callable, world: World) -> None:
    """Every figure stands in the address, and files hold the numbers of the page."""
    world.score(world.items, world.wrong)
    client = sign_in(Role.REVIEWER)
    query = {"basis": "all", "sort": "-n", "questions": "1"}
    page = client.get(AGREEMENT, query).content.decode()
    assert 'aria-sort="descending"' in page
    assert "F1 of the rarer answer" in page
    assert "Too few to tell" in page, "eight items are no evidence"
    file = client.get("/insights/agreement.csv", {"basis": "all"})
    rows = list(csv.DictReader(file.content.decode().splitlines()))
    assert {row["sub_dimension"] for row in rows if not row["question"]} >= {"clarity"}
    assert client.get("/insights/agreement.json", {"basis": "all"}).json()["rows"][0]["n"] == int(rows[0]["n"])
    clarity = next(row for row in rows if row["sub_dimension"] == "clarity" and not row["question"])
    assert float(clarity["kappa_low"]) <= float(clarity["kappa"]) <= float(clarity["kappa_high"])
    assert client.get("/insights/agreement.pdf").status_code == 404
    made, other = world.items[0].generator, Generator.objects.create(name="Other", parameters_sha256="0" * 64)
    narrowed = client.get(AGREEMENT, {"basis": "all", "generator": made.pk}).content.decode()
    assert f"<dd>{sum(item.generator_id == made.pk for item in world.items)}</dd>" in narrowed
    assert (
        "No one has judged an item of this generator" in client.get(AGREEMENT, {"generator": other.pk}).content.decode()
    )


def test_a_cell_of_the_confusion_matrix_opens_its_items(sign_in: Callable, world: World) -> None:
    world.score(world.items, world.wrong)
    client = sign_in(Role.REVIEWER)
    page = client.get(f"{AGREEMENT}clarity/", {"basis": "all"}).content.decode()
    cells = re.findall(r'people=(-?\d+)&amp;judge=(-?\d+)#items"[^>]*>(\d+) ', page)
    assert sum(int(count) for *_, count in cells) == len(world.items)
    people, judge, count = cells[0]
    page = client.get(f"{AGREEMENT}clarity/", {"basis": "all", "people": people, "judge": judge}).content.decode()
    assert page.count('<li class="media-tile">') == int(count) < len(world.items)
    assert "Show all items" in page
    assert client.get(f"{AGREEMENT}clarity/", {"basis": "all", "people": "77"}).status_code == 404


def test_htmx_gets_the_part_and_the_address(sign_in: Callable, world: World) -> None:
    response = sign_in(Role.REVIEWER).get(
        AGREEMENT, {"campaign": world.campaign.pk}, headers={"HX-Request": "true", "HX-Target": "agreement"}
    )
    assert response["HX-Push-Url"].endswith(f"model={world.model.pk}&campaign={world.campaign.pk}&sort=-gap")
    assert "<html" not in response.content.decode()


def test_what_is_missing_is_said(sign_in: Callable, db: None) -> None:
    client = sign_in(Role.REVIEWER)
    assert "no annotations and no reward model" in client.get(AGREEMENT).content.decode()
    make_reward_model()
    assert "No one has annotated with the checklist of Image reward v1" in client.get(AGREEMENT).content.decode()
    assert client.get(f"{AGREEMENT}clarity/").status_code == 404


def test_without_scores_or_model_people_are_compared(sign_in: Callable, world: World) -> None:
    client = sign_in(Role.REVIEWER)
    assert "has not scored any item" in client.get(AGREEMENT).content.decode()
    assert "No item here has both a level" in client.get(f"{AGREEMENT}clarity/").content.decode()
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
    assert "In-sample results." in client.get(AGREEMENT, {"basis": "all"}).content.decode()


def test_an_item_that_is_taken_out_is_left_out_at_once(sign_in: Callable, world: World) -> None:
    world.score(world.items, world.right)
    world.keep_record(trained_on=world.items[:6], held_out={})
    client = sign_in(Role.REVIEWER)
    assert "They cover 2 of 8 judged items" in client.get(AGREEMENT).content.decode()
    take_out(campaign=world.campaign, items=[world.items[0].pk])
    assert "They cover 2 of 7 judged items" in client.get(AGREEMENT).content.decode()


def test_a_cache_that_is_down_costs_time_only(sign_in: Callable, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*args: object) -> None:
        raise ConnectionError

    monkeypatch.setattr("annotator.core.figures.cache.get_many", down)
    client = sign_in(Role.REVIEWER)
    page = client.get(AGREEMENT)
    assert page.status_code == 200
    assert "will appear here automatically" in page.content.decode()


@pytest.mark.parametrize("address", [AGREEMENT, f"{AGREEMENT}clarity/"])
def test_a_page_works_nothing_out_itself_and_asks_for_what_is_new(
    sign_in: Callable, world: World, monkeypatch: pytest.MonkeyPatch, address: str,
    django_assert_max_num_queries: Callable,
) -> None:  # fmt: skip
    asked: list[tuple[str, str]] = []
    monkeypatch.setattr(figures, "send", lambda *what: asked.append(what))
    monkeypatch.setattr(figures, "CHECK_SECONDS", 60)
    world.score(world.items, world.right)
    client = sign_in(Role.REVIEWER)
    for _ in range(3):
        page = client.get(address).content.decode()
        assert "Computing. The results" in page
        assert re.search(r'hx-get="[^"]+" hx-select="#(figures|apart)" hx-target="#\1"', page)
        assert 'id="apart"' in page or 'id="figures"' in page
    assert len(asked) == 1, "however many look"
    figures.make(*asked[0])
    with monkeypatch.context() as no_work:
        no_work.setattr(of_agreement, "gather", lambda *_: pytest.fail("worked out in the request"))
        with django_assert_max_num_queries(14):
            page = client.get(address).content.decode()
    assert "Computed" in page
    assert 'hx-trigger="load' not in page, "nothing newer is on its way"
    assert ("Lamps" if address == AGREEMENT else "media-tile") in page
    # Something changes: the last figures stay, with a word that newer ones may come, and are replaced.
    world.campaign.campaign_items.first().assignments.update(counted=False)
    figures.outdated(*asked[0])
    page = client.get(address).content.decode()
    assert "Checking for changes" in page
    assert len(asked) == 2
    assert figures.make(*asked[1])
    page = client.get(address).content.decode()
    assert ("<dd>21</dd>" in page) == (address == AGREEMENT)


def test_figures_that_cannot_be_worked_out_say_so(
    sign_in: Callable, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError("no disk")

    def worker_that_fails(*what: object) -> None:
        with pytest.raises(OSError, match="no disk"):
            figures.make(*what)

    client = sign_in(Role.REVIEWER)
    monkeypatch.setattr(figures, "send", worker_that_fails)
    monkeypatch.setattr(of_agreement, "gather", broken)
    page = client.get(AGREEMENT).content.decode()
    assert "The last computation failed" in page
    monkeypatch.undo()
    monkeypatch.setattr(figures, "send", figures.make)
    cache.delete(f"figures-2:insights.agreement:image.{world.model.pk}.all.held-out.all:asked")
    page = client.get(AGREEMENT).content.decode()
    assert "The last computation failed" not in page
    assert "Computed" in page


def test_newer_figures_of_the_same_page_push_no_address(sign_in: Callable, world: World) -> None:
    headers = {"HX-Request": "true", "HX-Target": "figures"}
    assert "HX-Push-Url" not in sign_in(Role.REVIEWER).get(AGREEMENT, headers=headers)


class TestHome:
    def test_an_annotator_sees_their_work(self, sign_in: Callable, world: World) -> None:
        page = sign_in(Role.ANNOTATOR).get("/").content.decode()
        assert "Lamps" in page
        assert "Overview" not in page

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

    def test_somebody_without_a_role_is_informed(self, client: Client, make_user: Callable[..., User]) -> None:
        client.force_login(make_user("nobody", None), backend="django.contrib.auth.backends.ModelBackend")
        assert "no role yet" in client.get("/").content.decode()
