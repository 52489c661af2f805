"""The leaderboard of generators: its order, its shared ranks, people beside the model, and its files."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotator.accounts.models import Role, User
from annotator.campaigns.checklists import checklist_of
from annotator.insights.generators.report import report
from annotator.library.models import Item
from annotator.rewards.models import RewardModel, Score
from tests.annotator.insights.comparing import make_compared
from tests.factories import (
    make_annotated_campaign,
    make_bare_items,
    make_generator,
    make_prompt,
    make_reward_model,
    make_score,
)

pytestmark = pytest.mark.django_db
ADDRESS = "/insights/generators/"


@pytest.fixture(autouse=True)
def _empty_cache(worker: None) -> None:
    cache.clear()


@pytest.fixture
def items() -> list[Item]:
    """Eight prompts with an item of each of three generators."""
    made = []
    makers = [make_generator(name) for name in ("good", "alike", "bad")]
    for number in range(8):
        prompt = make_prompt(f"A lamp with {number} books")
        for maker in makers:
            item = make_bare_items(1, generator=maker)[0]
            item.prompt = prompt
            item.save()
            made.append(item)
    return made


@pytest.fixture
def model(items: list[Item]) -> RewardModel:
    """A version for which two generators are alike and the third is worse, on prompts that differ much."""
    model, rng = make_reward_model(), np.random.default_rng(0)
    for number, item in enumerate(items):
        easy = 0.3 * (number // 3) / 8
        make_score(model, item, (0.6, 0.6, 0.4)[number % 3] + easy + rng.normal(0, 0.01))
    return model


def test_generators_that_are_alike_share_ranks(items: list[Item], model: RewardModel) -> None:
    found = report("image", model, [], False)
    assert found.basis == ""
    by_name = {row.name: row.model for row in found.rows}
    assert found.rows[-1].name == "bad"
    assert [(by_name[name].best, by_name[name].worst) for name in ("good", "alike", "bad")] == [(1, 2), (1, 2), (3, 3)]
    rewards = Score.objects.filter(item__generator__name="good").values_list("reward", flat=True)
    assert by_name["good"].mean == pytest.approx(np.mean(rewards))
    assert (by_name["good"].items, by_name["good"].prompts) == (8, 8)
    assert {row.people for row in found.rows} == {None}
    # The dimensions add up to the reward (the intercept is 0).
    total = sum(one.model[0].mean for one in found.dimensions)
    assert total == pytest.approx(found.rows[0].model.mean)
    assert len(found.dimensions) == len(checklist_of(model.checklist_version).dimensions)


def test_people_stand_beside_the_model(items: list[Item], model: RewardModel, make_user: Callable[..., User]) -> None:
    """By the reward of consensus levels where people judged; otherwise by the comparisons that items won."""
    make_compared([make_user("ann")], gains={"x": 60.0, "y": 0.0}, prompts=6)
    found = report("image", model, [], False)
    assert found.basis == "wins"
    people = {row.name: row.people for row in found.rows}
    assert (people["x"].mean, people["y"].mean, people["x"].best, people["y"].best) == (1.0, 0.0, 1, 2)
    assert people["good"].mean is None
    campaign = make_annotated_campaign(items[:12], [make_user("ben")], error_rate=0)
    found = report("image", model, [campaign], True)
    assert found.basis == "levels"
    assert {row.people.items for row in found.rows} == {4}
    assert {row.model.items for row in found.rows} == {4}  # of one campaign: its items alone
    assert {row.model.items for row in report("image", model, [campaign], False).rows} == {8}


def test_the_page_and_its_files(
    sign_in: Callable, items: list[Item], model: RewardModel, make_user: Callable[..., User]
) -> None:
    make_annotated_campaign(items[:12], [make_user("ben")], name="Lamps")
    client = sign_in(Role.REVIEWER)
    page = client.get(ADDRESS).content.decode()
    for words in ("Leaderboard", "Rank by people", "1–2", "By dimension", "consensus levels"):
        assert words in page
    page = client.get(ADDRESS, {"sort_leaderboard": "reward"}).content.decode()
    assert page.index('<th scope="row">bad') < page.index('<th scope="row">good')
    part = client.get(ADDRESS, {"model": model.pk}, headers={"HX-Request": "true", "HX-Target": "generators"})
    assert "<html" not in part.content.decode()
    assert part["HX-Push-Url"] == f"{ADDRESS}?model={model.pk}"
    rows = json.loads(client.get(f"{ADDRESS}leaderboard/json/").content)["rows"]
    last = rows[-1]
    assert (last["generator"], last["reward_rank_best"], last["reward_rank_worst"]) == ("bad", 3, 3)
    assert last["reward_low"] < last["reward"] < last["reward_high"]
    lines = client.get(f"{ADDRESS}dimensions/csv/").content.decode().splitlines()
    assert len(lines) == 1 + 3 * len(checklist_of(model.checklist_version).dimensions)
    with CaptureQueriesContext(connection) as queries:
        client.get(ADDRESS)
    assert len(queries) <= 24  # those of the worker among them, who looks whether anything has changed


def test_what_is_missing_is_said(sign_in: Callable) -> None:
    client = sign_in(Role.ADMIN)
    assert "no scores and no answers" in client.get(ADDRESS).content.decode()
    make_reward_model()
    assert "no scores and no answers" in client.get(ADDRESS, {"media_type": "x", "model": "²"}).content.decode()
    assert client.get(f"{ADDRESS}nothing/csv/").status_code == 404


def test_annotators_do_not_see_it(sign_in: Callable) -> None:
    client = sign_in(Role.ANNOTATOR)
    assert client.get(ADDRESS).status_code == 403
    assert client.get(f"{ADDRESS}leaderboard/csv/").status_code == 403
