"""The runs to compare are ticked from a list in pages: what was ticked stays, whatever one looks at."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from annotator.accounts.models import Role
from annotator.mpo.models import ModelComparison, MpoRun
from annotator.mpo.run_choice import RUNS_A_PAGE
from tests.annotator.test_long_lists import some_runs


@pytest.fixture
def runs(db: None) -> list[MpoRun]:
    """Three pages of them, the oldest first."""
    return some_runs(2 * RUNS_A_PAGE + 5)


@pytest.fixture
def ask(sign_in: Callable, runs: list[MpoRun]) -> Callable[..., str]:
    client = sign_in(Role.ADMIN)

    def get(htmx: bool = True, **given: Any) -> str:
        return client.get(reverse("mpo:comparison-new"), given, headers={"HX-Request": "true"} if htmx else {}).text

    return get


def listed(html: str) -> list[str]:
    return re.findall(r'run-choice-name">([^<]+)', html)


def ticked(html: str) -> set[int]:
    return {int(pk) for pk in re.findall(r'name="runs" value="(\d+)" checked', html)}


def test_runs_come_in_pages_the_newest_first(ask: Callable, runs: list[MpoRun]) -> None:
    newest = [run.name for run in reversed(runs)]
    assert listed(ask(htmx=False)) == newest[:RUNS_A_PAGE]
    part = ask(page=3)
    assert listed(part) == newest[2 * RUNS_A_PAGE :]
    assert "<html" not in part


def test_ticks_stay_on_other_pages_and_in_a_search(ask: Callable, runs: list[MpoRun]) -> None:
    chosen = {runs[0].pk, runs[-1].pk}
    for given in ({}, {"page": 2}, {"page": 3}, {"q": "no such run"}, {"q": runs[0].name}):
        html = ask(runs=list(chosen), **given)
        assert ticked(html) == chosen, given
        assert len(listed(html)) == len(set(listed(html))), "none is shown twice"
    assert "Also selected" in ask(runs=list(chosen))
    assert "Also selected" not in ask()


def test_a_search_finds_by_words_of_run_pipeline_and_pairs(ask: Callable, runs: list[MpoRun]) -> None:
    MpoRun.objects.filter(pk=runs[3].pk).update(name="Warm light", pipeline="studio/large")
    assert listed(ask(q="light WARM studio")) == ["Warm light"]
    assert listed(ask(q="pairs 0")) == [run.name for run in reversed(runs)][:RUNS_A_PAGE]
    assert "No runs match." in ask(q="zebra")
    assert "No runs match." in ask(htmx=False, q="zebra"), "not that there are no runs"


def test_without_javascript_turning_a_page_keeps_the_form(sign_in: Callable, runs: list[MpoRun]) -> None:
    client, address = sign_in(Role.ADMIN), reverse("mpo:comparison-new")
    given = {"runs": [runs[0].pk], "per_prompt": "7", "name": "Half written", "prompt_set": "", "seed": ""}
    for turned in ({"page": "2"}, {"look": "1", "q": "zebra"}):
        answer = client.post(address, given | turned)
        html = answer.content.decode()
        assert answer.status_code == 200
        assert ticked(html) == {runs[0].pk}
        assert 'value="7"' in html
        assert 'value="Half written"' in html
    assert not ModelComparison.objects.exists()


def test_a_refused_form_keeps_ticks_of_other_pages(sign_in: Callable, runs: list[MpoRun]) -> None:
    given = {"runs": [runs[0].pk], "per_prompt": "", "seed": "1", "tie_margin": "0"}
    answer = sign_in(Role.ADMIN).post(reverse("mpo:comparison-new"), given)
    assert answer.status_code == 422
    assert ticked(answer.content.decode()) == {runs[0].pk}


def test_beside_one_run_the_newest_of_the_other_objective_is_ticked(ask: Callable, runs: list[MpoRun]) -> None:
    baseline = runs[1]
    pair_set = baseline.pair_set
    pair_set.pk, pair_set.options = None, {"level": "total"}
    pair_set.save()
    MpoRun.objects.filter(pk=baseline.pk).update(pair_set=pair_set)
    assert ticked(ask(htmx=False, runs=runs[0].pk)) == {runs[0].pk, baseline.pk}
    assert ticked(ask(htmx=False, runs=baseline.pk)) == {baseline.pk, runs[-1].pk}
    assert ticked(ask(htmx=False, runs="9" * 30)) == set()
