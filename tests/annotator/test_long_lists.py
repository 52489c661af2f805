"""Pages that show or offer a list ask the database as often for 300 rows as for 10, and say no more than they show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from annotator.accounts.models import Role
from annotator.generations.models import PromptSet, PromptSetMember
from annotator.mpo.models import MpoRun, PairSet
from annotator.rewards.models import RewardModel
from tests.factories import make_prompt, make_reward_model

LARGEST_PAGE = 120_000  # bytes; 300 rows of these lists were 90,000 to 300,000 more


def some_prompt_sets(n: int) -> None:
    start = PromptSet.objects.count()
    rows = PromptSet.objects.bulk_create(PromptSet(name=f"Prompts {start + i}") for i in range(n))
    prompt = make_prompt(f"a kite {start}")
    PromptSetMember.objects.bulk_create(PromptSetMember(prompt_set=row, prompt=prompt, position=0) for row in rows)


def some_pair_sets(n: int) -> list[PairSet]:
    model = RewardModel.objects.first() or make_reward_model()
    ready = {"reward_model": model, "pairs_count": 9, "ready_at": timezone.now(), "summary": {"long": "x" * 1000}}
    return PairSet.objects.bulk_create(PairSet(name=f"Pairs {i}", **ready) for i in range(n))


def some_runs(n: int) -> list[MpoRun]:
    some_prompt_sets(n)
    pair_set, start = some_pair_sets(1)[0], MpoRun.objects.count()
    shared = {"pair_set": pair_set, "pipeline": "tiny", "pipeline_fingerprint": "x", "finished_at": timezone.now()}
    return MpoRun.objects.bulk_create(MpoRun(name=f"Run {start + i:03d}", path="", **shared) for i in range(n))


PAGES: dict[str, tuple[Callable[[int], Any], str]] = {
    "the form of a comparison": (some_runs, "mpo:comparison-new"),
}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_asks_as_often_for_300_rows_as_for_10(sign_in: Callable, db: None, page: str) -> None:
    fill, name = PAGES[page]
    client = sign_in(Role.ADMIN)
    asked = []
    for n in (10, 290):
        of = fill(n)
        address = reverse(name, args=[of.pk] if hasattr(of, "pk") else [])
        client.get(address)  # what is kept from the first visit on
        with CaptureQueriesContext(connection) as captured:
            answer = client.get(address)
        assert answer.status_code == 200
        asked.append([query["sql"] for query in captured.captured_queries])
    assert len(asked[0]) == len(asked[1]), "\n".join(asked[1])
    assert len(answer.content) < LARGEST_PAGE
