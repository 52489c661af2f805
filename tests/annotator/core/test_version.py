"""The one version: in the foot of the pages, in the API, and in its description."""

from collections.abc import Callable

import pytest
from django.test import Client
from rest_framework.test import APIClient

from annotator.accounts.models import Role
from reward_engine import WRITTEN_BY, __version__

pytestmark = pytest.mark.django_db


def test_pages_say_it_to_those_who_are_signed_in(client: Client, sign_in: Callable[[str], Client]) -> None:
    line = f'<footer class="site-footer">VisionReward {__version__}</footer>'
    assert line not in client.get("/accounts/login/").content.decode(), "strangers need not know what runs here"
    sign_in(Role.ADMIN)
    for address in ("/", "/accounts/password/change/"):
        assert line in client.get(address).content.decode(), address


def test_the_api_says_it(api: APIClient) -> None:
    assert api.get("/api/v1/about/").json() == {"version": __version__}
    assert api.get("/api/schema/?format=json").json()["info"]["version"] == __version__
    assert APIClient().get("/api/v1/about/").status_code in {401, 403}


def test_what_is_written_into_manifests_names_it() -> None:
    assert WRITTEN_BY.endswith(f" {__version__}")
