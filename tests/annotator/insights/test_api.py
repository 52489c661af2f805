"""Agreement over the API: the same numbers as on the page, and plain words where there are none."""

from collections.abc import Callable

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from annotator.accounts.models import Role, User
from tests.annotator.insights.conftest import World

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/agreement/"


@pytest.fixture
def api(make_user: Callable[..., User]) -> APIClient:
    cache.clear()
    client = APIClient()
    client.force_authenticate(make_user("rae", Role.REVIEWER))
    return client


def test_the_numbers_of_the_page(api: APIClient, world: World) -> None:
    world.score(world.items, world.right)
    found = api.get(ADDRESS, {"basis": "all", "campaign": world.campaign.pk}).json()
    assert (found["reward_model"], found["campaigns"], found["basis"]) == (world.model.pk, [world.campaign.pk], "all")
    assert found["compared"] == len(world.items)
    assert len(found["sub_dimensions"]) == 18
    row = found["sub_dimensions"][0]
    assert row["model"]["accuracy"] == 1.0
    assert 0 < row["people"]["exact"] < 1


def test_what_is_not_there_or_does_not_fit_is_said(api: APIClient, world: World, make_user: Callable) -> None:
    for query in ({"model": 0}, {"media_type": "sound"}, {"basis": "some"}):
        assert api.get(ADDRESS, query).status_code == 400
    refused = api.get(ADDRESS, {"media_type": "video", "model": world.model.pk})
    assert (refused.status_code, refused.json()["code"]) == (400, "does_not_fit")
    refused = api.get(ADDRESS, {"media_type": "video"})
    assert (refused.status_code, refused.json()["code"]) == (400, "no_annotations")
    api.force_authenticate(make_user("anton"))
    assert api.get(ADDRESS).status_code == 403
