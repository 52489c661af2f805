"""Going back to the version that was promoted before."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotator.core.errors import ConflictError
from annotator.rewards import judges, queries, services
from annotator.rewards.models import RewardModel
from annotator.rewards.services import artifacts
from tests.factories import make_reward_model

pytestmark = pytest.mark.django_db


@pytest.fixture
def any_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judges, "check", lambda model: None)


def versions(count: int) -> list[RewardModel]:
    return [make_reward_model(state="candidate") for _ in range(count)]


def test_one_click_goes_back_and_says_so(any_judge: None, make_user: Callable) -> None:
    first, second, third = versions(3)
    admin = make_user("root", "admin")
    for model in (first, second, third):
        services.promote(reward_model=model)
    assert queries.version_before("image") == second
    assert services.roll_back(reward_model=third, by=admin, note="Hands came out worse.") == second
    event = second.events.filter(action="promoted").first()
    assert (event.by, event.note) == (admin, "Rolled back from version 3. Hands came out worse.")
    third.refresh_from_db()
    assert third.state == "retired"
    assert queries.version_before("image") == first, "and further back, not forth again"


def test_there_is_nothing_to_go_back_to(any_judge: None) -> None:
    first, second = versions(2)
    services.promote(reward_model=first)
    assert queries.version_before("image") is None
    with pytest.raises(ConflictError, match="No version was promoted before"):
        services.roll_back(reward_model=first)
    services.promote(reward_model=second)
    with pytest.raises(ConflictError, match="is not promoted"):
        services.roll_back(reward_model=first)
    assert queries.promoted("image") == second
    services.retire(reward_model=second)
    assert queries.version_before("image") is None, "nothing is promoted that could be rolled back"


def test_a_broken_earlier_version_leaves_all_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = versions(2)
    monkeypatch.setattr(judges, "check", lambda model: None)
    services.promote(reward_model=first)
    services.promote(reward_model=second)

    def broken(model: RewardModel) -> None:
        raise artifacts.BrokenArtifactError("Its files are gone.")

    monkeypatch.setattr(judges, "check", broken)
    with pytest.raises(artifacts.BrokenArtifactError):
        services.roll_back(reward_model=second)
    assert queries.promoted("image") == second


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.lists(st.integers(0, 3), min_size=1, max_size=8))
def test_going_back_again_and_again_ends_at_the_first(any_judge: None, order: list[int]) -> None:
    RewardModel.objects.all().delete()
    models = versions(4)
    for number in order:
        services.promote(reward_model=models[number])
    seen: list[Any] = [queries.promoted("image")]
    while queries.version_before("image") is not None:
        seen.append(services.roll_back(reward_model=seen[-1]))
    assert len(seen) == len(set(seen)), "never the same twice"
    assert seen[-1] == models[order[0]]
