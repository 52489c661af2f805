"""Campaigns over items that need no files."""

import hashlib
import itertools
import time
from collections.abc import Callable

import pytest
from django.test import Client

from annotator.accounts.models import User
from annotator.campaigns.models import Campaign, CampaignState
from annotator.campaigns.services import create_campaign, load_builtin_checklists
from annotator.library.models import Generator, Item, Prompt

COUNT = itertools.count()


@pytest.fixture
def bare_items(db: None) -> Callable[..., list[Item]]:
    """``bare_items(5, "video")``: items as rows only, each with its own prompt."""

    def make(n: int, media_type: str = "image") -> list[Item]:
        generator, _ = Generator.objects.get_or_create(name="test", version="", parameters_sha256="")
        made = []
        for _ in range(n):
            number = next(COUNT)
            prompt = Prompt.objects.create(text=f"A prompt with the number {number}")
            made.append(
                Item.objects.create(
                    media_type=media_type,
                    prompt=prompt,
                    generator=generator,
                    width=64,
                    height=48,
                    size_bytes=1,
                    sha256=hashlib.sha256(str(number).encode()).hexdigest(),
                    extension="png",
                    mime_type="image/png",
                )
            )
        return made

    return make


@pytest.fixture
def make_campaign(bare_items: Callable[..., list[Item]]) -> Callable[..., Campaign]:
    """``make_campaign(items=5, overlap=2)``: an open campaign with the built-in checklist."""

    def make(items: int = 3, media_type: str = "image", **fields: object) -> Campaign:
        version = next(v for v, _ in load_builtin_checklists() if v.media_type == media_type)
        values = {"name": f"Campaign {next(COUNT)}", "overlap": 2, "state": CampaignState.OPEN} | fields
        return create_campaign(checklist_version=version, items=bare_items(items, media_type), **values)

    return make


@pytest.fixture
def sign_in(client: Client, make_user: Callable[..., User]) -> Callable[[str], Client]:
    """``sign_in(Role.ADMIN)``: a client that is signed in as somebody of this role (``client.user``)."""

    def sign(role: str) -> Client:
        client.user = make_user(role, role)  # type: ignore[attr-defined]
        client.force_login(client.user, backend="django.contrib.auth.backends.ModelBackend")  # type: ignore[attr-defined]
        return client

    return sign


@pytest.fixture
def answer_all() -> Callable[..., None]:
    """``answer_all(assignment)``: every ladder at its highest level (or those given), through the service."""
    from annotator.campaigns.checklists import checklist_of
    from annotator.campaigns.services import record_judgment

    def answer(assignment: object, **levels: int) -> None:
        checklist = checklist_of(assignment.campaign_item.campaign.checklist_version)
        for sub in checklist.ordinal:
            record_judgment(
                assignment_id=assignment.pk, annotator=assignment.annotator, sub_dimension=sub.id,
                level=levels.get(sub.id, sub.highest), idempotency_key=f"{assignment.pk}-{sub.id}-{next(COUNT)}",
                sequence=time.monotonic_ns(),
            )  # fmt: skip

    return answer
