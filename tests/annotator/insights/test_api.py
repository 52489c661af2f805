"""Agreement over the API: the same numbers as on the page, and plain words where there are none."""

from collections.abc import Callable

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from annotator.accounts.models import Role
from annotator.core import figures
from tests.annotator.insights.conftest import World

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/agreement/"


@pytest.fixture
def api(worker: None, api_of: Callable[..., APIClient]) -> APIClient:
    cache.clear()
    return api_of(Role.REVIEWER)


def test_the_numbers_of_the_page(api: APIClient, world: World) -> None:
    world.score(world.items, world.right)
    found = api.get(ADDRESS, {"basis": "all", "campaign": world.campaign.pk}).json()
    assert (found["reward_model"], found["campaigns"], found["basis"]) == (world.model.pk, [world.campaign.pk], "all")
    assert found["compared"] == len(world.items)
    assert len(found["sub_dimensions"]) == 18
    row = found["sub_dimensions"][0]
    assert row["model"]["accuracy"] == 1.0
    assert row["figures"]["accuracy"]["value"] == row["model"]["accuracy"]
    assert (row["verdict"], row["questions"][0]["n"] <= 8) == ("too_few", True)
    assert 0 < row["people"]["exact"] < 1


def test_before_the_first_time_a_program_is_informed_when_to_ask_again(
    api: APIClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []
    monkeypatch.setattr(figures, "send", lambda *what: asked.append(what))
    later = api.get(ADDRESS)
    assert (later.status_code, later.headers["Retry-After"], later.json()["retry_after_seconds"]) == (202, "3", 3)
    figures.make(*asked[0])
    found = api.get(ADDRESS)
    assert found.status_code == 200
    assert found.json()["made_at"]


def test_what_is_not_there_or_does_not_fit_is_said(api: APIClient, world: World, make_user: Callable) -> None:
    for query in ({"model": 0}, {"media_type": "sound"}, {"basis": "some"}):
        assert api.get(ADDRESS, query).status_code == 400
    refused = api.get(ADDRESS, {"media_type": "video", "model": world.model.pk})
    assert (refused.status_code, refused.json()["code"]) == (400, "does_not_fit")
    refused = api.get(ADDRESS, {"media_type": "video"})
    assert (refused.status_code, refused.json()["code"]) == (400, "no_annotations")
    api.force_authenticate(make_user("anton"))
    assert api.get(ADDRESS).status_code == 403
