"""Mining among the items of a prompt set or of a generation set only."""

from collections.abc import Callable

import pytest
from django.test import Client

from annotator.accounts.models import Role
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.services import create_campaign
from annotator.core.errors import ProblemError
from annotator.generations import services as generation_services
from annotator.generations.models import GenerationSet
from annotator.jobs.models import Job
from annotator.library.models import Item
from annotator.mpo import services
from annotator.mpo.models import PairSet
from annotator.rewards.models import RewardModel
from tests.factories import make_annotations

pytestmark = pytest.mark.django_db

Sets = tuple[GenerationSet, list[list[Item]]]


@pytest.fixture
def sets(reward_model: RewardModel, scored_prompt: Callable) -> Sets:
    """Three prompts with three items each; the sets have two of the prompts, and of these two items each."""
    rows = [scored_prompt(reward_model, [0.2, 0.5, 0.8], text=text) for text in ("a kite", "a wren", "an owl")]
    prompt_set = generation_services.create_prompt_set(name="Birds", prompts=["an owl", "a wren"])
    made = generation_services.create_external_set(
        name="Painted", prompt_set=prompt_set, media_type="image", per_prompt=2, generator="painter"
    )
    for items in rows[1:]:
        for index, item in enumerate(items[1:]):
            made.made.create(prompt=item.prompt, index=index, seed=index, item=item)
    return made, rows


@pytest.mark.parametrize("level", ["dimension", "question"])
def test_only_those_items_are_compared(reward_model: RewardModel, sets: Sets, run_now: Callable, level: str) -> None:
    made, rows = sets
    options = {"level": level, "answers": "soft"}

    def mined(**more: int) -> PairSet:
        job = services.request_pair_mining(reward_model=reward_model, options=options | more)
        return PairSet.objects.get(job=run_now(job))

    assert mined().pairs_count == 9
    of_prompts = mined(prompt_set=made.prompt_set_id)
    assert (of_prompts.items, of_prompts.prompts, of_prompts.pairs_count) == (6, 2, 6)
    assert "“Birds”" in of_prompts.name
    of_made = mined(generation_set=made.pk)
    assert (of_made.items, of_made.prompts, of_made.pairs_count) == (4, 2, 2)
    items = {item.pk for row in rows[1:] for item in row[1:]}
    assert {*of_made.pairs.values_list("winner", flat=True), *of_made.pairs.values_list("loser", flat=True)} == items


def test_consensus_too(reward_model: RewardModel, sets: Sets, make_user: Callable, run_now: Callable) -> None:
    made, rows = sets
    items = [item for row in rows for item in row]
    campaign = create_campaign(
        checklist_version=reward_model.checklist_version, items=items, name="People", overlap=1, state="open"
    )
    subs = checklist_of(reward_model.checklist_version).ordinal
    ann = make_user("ann")
    answers = [
        (item, ann, {sub.id: sub.scores[min(rank, len(sub.scores) - 1)] for sub in subs})
        for row in rows
        for rank, item in enumerate(row)
    ]
    make_annotations(campaign, answers)
    options = {"answers": "soft", "source": "both", "generation_set": made.pk}
    found = PairSet.objects.get(job=run_now(services.request_pair_mining(reward_model=reward_model, options=options)))
    assert (found.items, found.pairs_count) == (4, 2)


def test_what_cannot_be(reward_model: RewardModel, sets: Sets) -> None:
    made, _ = sets
    empty = generation_services.create_external_set(
        name="Empty", prompt_set=made.prompt_set, media_type="image", per_prompt=2, generator="painter"
    )
    clips = generation_services.create_external_set(
        name="Clips", prompt_set=made.prompt_set, media_type="video", per_prompt=2, generator="painter"
    )
    for options, code, words in (
        ({"generation_set": empty.pk}, "no_scores", "any item of “Empty”"),
        ({"generation_set": clips.pk}, "media_type", "media type video"),
        ({"generation_set": 10**9}, "no_set", "no generation set"),
        ({"prompt_set": 10**9}, "no_set", "no prompt set"),
        ({"prompt_set": "x"}, "bad_option", "must be an ID"),
    ):
        with pytest.raises(ProblemError, match=words) as refused:
            services.request_pair_mining(reward_model=reward_model, options=options)
        assert refused.value.code == code


def test_by_form(reward_model: RewardModel, sets: Sets, client: Client, make_user: Callable) -> None:
    made, _ = sets
    client.force_login(make_user("root", Role.ADMIN), backend="django.contrib.auth.backends.ModelBackend")
    address = f"/mpo/mine/?model={reward_model.pk}&generation_set={made.pk}"
    assert f'value="generation_set:{made.pk}" selected' in client.get(address).content.decode()
    form = {"reward_model": reward_model.pk, "level": "dimension", "answers": "hard", "source": "scores", "margin": "0",
            "min_total_gap": "0", "max_pairs_per_prompt": "", "choose": "largest", "seed": "0", "name": "",
            "among": f"generation_set:{made.pk}"}  # fmt: skip
    assert client.post("/mpo/mine/", form).status_code == 302
    assert Job.objects.get().params["options"]["generation_set"] == made.pk
    assert client.post("/mpo/mine/", form | {"among": "generation_set:999"}).status_code == 422
