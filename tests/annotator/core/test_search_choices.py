"""A choice from a long list: what is offered, what a search finds, and what is valid."""

from collections.abc import Callable
from typing import Any

import pytest
from django import forms
from django.http import QueryDict
from django.urls import reverse

from annotator.accounts.models import Role
from annotator.core.search_choices import OFFERED, SearchChoiceField
from annotator.generations.models import PromptSet

ADDRESS = "mpo:comparison-prompt-sets"


class ChoiceForm(forms.Form):
    chosen = SearchChoiceField(
        PromptSet.objects.order_by("-pk"), address=ADDRESS, label="Prompts", required=False, empty_label="All of them"
    )


@pytest.fixture
def many(db: None) -> list[PromptSet]:
    return [PromptSet.objects.create(name=f"Prompts {n:03d}") for n in range(OFFERED + 10)]


def shown(html: str) -> list[str]:
    return [part.partition("<")[0].partition(">")[2] for part in html.split("<option")[1:]]


def test_a_short_list_is_a_plain_select(db: None) -> None:
    PromptSet.objects.create(name="The only one")
    html = str(ChoiceForm()["chosen"])
    assert shown(html) == ["All of them", "The only one"]
    assert "search" not in html


def test_of_a_long_list_the_newest_are_offered(many: list[PromptSet], django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        html = str(ChoiceForm()["chosen"])
    assert shown(html) == ["All of them", *(row.name for row in reversed(many[-OFFERED:]))]
    assert 'type="search"' in html
    assert f"The first {OFFERED} are listed" in html


def test_an_old_choice_is_offered_kept_and_valid(many: list[PromptSet]) -> None:
    old = many[0]
    for form in (ChoiceForm(initial={"chosen": old.pk}), ChoiceForm({"chosen": str(old.pk)})):
        html = str(form["chosen"])
        assert f'<option value="{old.pk}" selected>{old.name}</option>' in html
        assert html.count(" selected") == 1
    form = ChoiceForm({"chosen": str(old.pk)})
    assert form.is_valid()
    assert form.cleaned_data["chosen"] == old


@pytest.mark.parametrize("value", ["0", "-1", "none", "9" * 30, "1.5"])
def test_what_is_no_row_is_refused_and_shown_again(many: list[PromptSet], value: str) -> None:
    form = ChoiceForm({"chosen": value})
    assert not form.is_valid()
    assert len(shown(str(form["chosen"]))) == OFFERED + 1


def test_without_javascript_a_search_is_sent_with_the_form(many: list[PromptSet]) -> None:
    form = ChoiceForm(QueryDict("chosen=&chosen-search=prompts+004"))
    assert not form.is_valid()
    assert "Choose one of the matches for “prompts 004”" in str(form.errors)
    assert shown(str(form["chosen"])) == ["All of them", "Prompts 004"]
    assert ChoiceForm(QueryDict(f"chosen={many[4].pk}&chosen-search=prompts+004")).is_valid()
    assert "Nothing matches “zebra”" in str(ChoiceForm(QueryDict("chosen=&chosen-search=zebra")).errors)
    assert ChoiceForm(QueryDict("chosen=&chosen-search=")).is_valid()


def test_the_search_answers_with_matching_options_and_keeps_the_choice(
    many: list[PromptSet], sign_in: Callable, with_prompts: None
) -> None:
    client = sign_in(Role.ADMIN)
    asked = {"name": "chosen", "id": "id_chosen", "empty": "All of them", "chosen": many[-1].pk, "chosen-search": "00"}
    html = client.get(reverse(ADDRESS), asked).content.decode()
    names = [text.partition(" (")[0] for text in shown(html)]
    assert names == ["All of them", many[-1].name, *(f"Prompts {n:03d}" for n in range(9, -1, -1))]
    assert f'<option value="{many[-1].pk}" selected>' in html
    assert 'hx-swap-oob="innerHTML:#id_chosen_found"' in html
    assert "10 matches are listed" in html
    assert "Nothing matches." in client.get(reverse(ADDRESS), asked | {"chosen-search": "zebra"}).content.decode()
    odd = client.get(reverse(ADDRESS), {"name": "<b>", "id": "x y", "empty": "<b>"}).content.decode()
    assert "<b>" not in odd
    assert "hx-swap-oob" not in odd


@pytest.fixture
def with_prompts(many: list[PromptSet]) -> None:
    """Each set has a prompt, as those of comparisons must."""
    from annotator.generations.models import PromptSetMember
    from tests.factories import make_prompt

    prompt = make_prompt("a kite")
    PromptSetMember.objects.bulk_create(PromptSetMember(prompt_set=row, prompt=prompt, position=0) for row in many)


@pytest.mark.parametrize("role", [None, Role.ANNOTATOR, Role.REVIEWER])
def test_options_are_for_whom_their_page_is(sign_in: Callable, db: None, role: str | None) -> None:
    client = sign_in(role)
    assert client.get(reverse("mpo:comparison-new")).status_code == 403
    assert client.get(reverse(ADDRESS)).status_code == 403
