"""What tests of all apps share: campaigns over items that need no files, and clients of pages and API."""

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from annotator.accounts.models import ApiToken, Role, User
from annotator.campaigns.models import Campaign, CampaignState
from annotator.campaigns.services import create_campaign, load_builtin_checklists
from annotator.library.models import Item
from tests.factories import make_bare_items

COUNT = itertools.count()


@pytest.fixture
def bare_items(db: None) -> Callable[..., list[Item]]:
    """``bare_items(5, "video")``: items as rows only, each with its own prompt."""
    return make_bare_items


@pytest.fixture
def make_campaign(db: None) -> Callable[..., Campaign]:
    """``make_campaign(5, overlap=2)``: an open campaign over so many bare items, or over the items that are given.

    Its checklist is the built-in one of ``media_type``, unless ``checklist_version`` names another.
    """

    def make(items: int | list[Item] = 3, media_type: str = "image", **fields: object) -> Campaign:
        found = make_bare_items(items, media_type) if isinstance(items, int) else items
        values = {"name": f"Campaign {next(COUNT)}", "overlap": 2, "state": CampaignState.OPEN} | fields
        if "checklist_version" not in values:
            kinds = {version.media_type: version for version, _ in load_builtin_checklists()}
            values["checklist_version"] = kinds[media_type]
        return create_campaign(items=found, **values)

    return make


@pytest.fixture
def sign_in(client: Client, make_user: Callable[..., User]) -> Callable[[str | None], Client]:
    """``sign_in(Role.ADMIN)``: a client that is signed in as somebody of this role (``client.user``)."""

    def sign(role: str | None) -> Client:
        client.user = make_user(role or "nobody", role)  # type: ignore[attr-defined]
        client.force_login(client.user, backend="django.contrib.auth.backends.ModelBackend")  # type: ignore[attr-defined]
        return client

    return sign


@pytest.fixture
def api_of(make_user: Callable[..., User]) -> Callable[..., APIClient]:
    """``api_of(Role.REVIEWER)``: a client of the API that is signed in as somebody of this role."""

    def sign(role: str, name: str | None = None) -> APIClient:
        client = APIClient()
        client.force_authenticate(make_user(name or f"api-{role}", role))
        return client

    return sign


@pytest.fixture
def api(api_of: Callable[..., APIClient]) -> APIClient:
    """A client of the API that is signed in as the admin ``root``."""
    return api_of(Role.ADMIN, "root")


@pytest.fixture
def program(make_user: Callable[..., User]) -> Callable[..., Client]:
    """``program(Role.ADMIN)``: a client with an API token of somebody of this role, or of ``user``."""

    def with_token(
        role: str | None = Role.ANNOTATOR, name: str = "owner", *, user: User | None = None, **options: object
    ) -> Client:
        owner = user or make_user(name, role)
        _row, token = ApiToken.issue(user=owner, name="notebook")
        made = Client(headers={"Authorization": f"Bearer {token}"}, **options)
        made.user = owner
        return made

    return with_token


@pytest.fixture
def answer_all() -> Callable[..., None]:
    """``answer_all(assignment)``: every ladder at its highest level (or those given), through the service."""
    from annotator.campaigns.checklists import checklist_of
    from annotator.campaigns.services import record_judgment

    def answer(assignment: object, **levels: int) -> None:
        checklist = checklist_of(assignment.campaign_item.campaign.checklist_version)
        for sub in checklist.ordinal:
            record_judgment(
                token=assignment.token, annotator=assignment.annotator, sub_dimension=sub.id,
                level=levels.get(sub.id, sub.highest), idempotency_key=f"{assignment.pk}-{sub.id}-{next(COUNT)}",
                sequence=time.monotonic_ns(),
            )  # fmt: skip

    return answer


@pytest.fixture
def quiet_machine(settings: Any) -> Iterator[None]:
    """Of so small a network more threads only get in each other's way, and a forked child cannot wait for them; and a
    heartbeat, which has a connection of its own, sees nothing of a test's transaction."""
    import torch

    settings.JOB_HEARTBEAT_SECONDS = 3600
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
