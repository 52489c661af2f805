"""The kind of judge that asks a server: only allowed addresses, keys from the environment, used as it is."""

import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from annotator.campaigns.models import Campaign
from annotator.core.errors import ProblemError
from annotator.rewards import endpoints, judges, services
from annotator.rewards.models import RewardModel
from annotator.rewards.services import artifacts
from reward_engine.checklist import Checklist, builtin
from reward_engine.errors import JudgeError
from tests.annotator.rewards.test_untrained import KnowsTheTruth

ADDRESS, OTHER = "https://gpu1.example.org/v1", "http://10.0.0.2:8000/v1"
SETTINGS = {"address": ADDRESS, "model": "org/model", "wording": "published", "concurrency": 4, "timeout_seconds": 9}


@pytest.fixture(autouse=True)
def allowed(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ENDPOINT_ADDRESSES = [f" {ADDRESS}/", OTHER, ""]
    for name in ("ENDPOINT_API_KEY", "ENDPOINT_API_KEY_1", "ENDPOINT_API_KEY_2"):
        monkeypatch.delenv(name, raising=False)


@dataclass
class Server:
    """Stands for ``reward_engine.judges.endpoint``: the settings its judges were ``opened`` with, and an ``error``."""

    opened: list[dict[str, Any]]
    error: Exception | None = None

    def connect(self, settings: dict[str, Any], checklist: Checklist) -> KnowsTheTruth:
        return self(checklist, settings, {})

    def __call__(self, checklist: Checklist, settings: dict[str, Any], served: dict[str, Any]) -> KnowsTheTruth:
        if self.error is not None:
            raise self.error
        self.opened.append(settings)
        return KnowsTheTruth(checklist, 0.9)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    found = Server([])
    module = types.ModuleType("reward_engine.judges.endpoint")
    module.EndpointSettings = dict  # type: ignore[attr-defined]
    module.EndpointJudge = found  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return found


def test_settings_are_chosen_from_the_operators_list() -> None:
    kind = judges.kind_of("endpoint")
    assert kind.check_settings(SETTINGS, "image") == {**SETTINGS, "top_logprobs": 20}
    for change, words in (
        ({"address": "http://169.254.169.254/v1"}, "is not on the operator’s list"),
        ({"address": ""}, "Choose one of the operator’s addresses"),
        ({"model": ""}, "Model: This field is required"),
        ({"wording": "ours"}, "Wording: "),
        ({"concurrency": 0}, "Concurrent requests: "),
        ({"top_logprobs": 1}, "Top tokens: "),
        ({"api_key": "secret"}, "There is no setting “api_key”"),
    ):
        with pytest.raises(ProblemError, match=words) as refused:
            kind.check_settings(SETTINGS | change, "image")
        assert refused.value.details["field"] == f"settings.{next(iter(change))}"


def test_without_a_list_nothing_can_be_chosen(settings: Any) -> None:
    settings.ENDPOINT_ADDRESSES = []
    assert endpoints.choices() == []
    with pytest.raises(ProblemError, match="ENDPOINT_ADDRESSES"):
        judges.kind_of("endpoint").check_settings(SETTINGS, "image")


def test_the_key_of_an_address_is_its_own_or_that_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    assert endpoints.key_variable(ADDRESS) is None
    monkeypatch.setenv("ENDPOINT_API_KEY", "k")
    monkeypatch.setenv("ENDPOINT_API_KEY_2", "k2")
    assert endpoints.key_variable(ADDRESS) == "ENDPOINT_API_KEY"
    assert endpoints.key_variable(OTHER) == "ENDPOINT_API_KEY_2"


@pytest.mark.parametrize(
    ("address", "id"),
    [
        ("gpu1.example.org/v1", "rewards.E001"),
        ("file:///etc/passwd", "rewards.E001"),
        ("https://", "rewards.E001"),
        ("https://host:99999/v1", "rewards.E001"),
        ("https://host/v1?key=1", "rewards.E001"),
        ("https://me:secret@host/v1", "rewards.E002"),
    ],
)
def test_djangos_check_names_an_address_that_is_none(settings: Any, address: str, id: str) -> None:
    assert endpoints.check_addresses() == []
    settings.ENDPOINT_ADDRESSES = [ADDRESS, address]
    [found] = endpoints.check_addresses()
    assert found.id == id
    assert "secret" not in found.msg


def test_the_estimate_tells_how_many_requests_it_takes() -> None:
    checklist = builtin("image")
    estimate = judges.kind_of("endpoint").estimate(SETTINGS, checklist, 1000)
    assert estimate is not None
    assert f"{1000 * len(checklist.questions):,} requests" in estimate.notes[0]


@pytest.mark.django_db
def test_a_version_is_measured_promoted_and_opened_again(
    judged: Campaign, server: Server, run_here: Callable, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setenv("ENDPOINT_API_KEY_1", "very-secret")
    job = services.request_training(
        campaigns=[judged], judge="endpoint", settings=SETTINGS, promote=True, score_after=False
    )
    assert job.name == "Measure the image reward model: Endpoint (OpenAI protocol)"
    model = RewardModel.objects.get(pk=run_here(job)["reward_model"])
    assert (model.judge, model.state) == ("endpoint", "promoted")
    assert model.metrics["validation"]["items"] == 32
    assert model.metrics["cost"]["seconds_per_item"] > 0
    [asked] = server.opened
    assert asked["api_key_env"] == "ENDPOINT_API_KEY_1"
    assert asked["wording"] == "published"
    assert judges.kind_of("endpoint").panel(model)["model"] == "org/model"
    folder = artifacts.root() / model.path
    for path in folder.iterdir():
        assert b"very-secret" not in path.read_bytes()
    judges.check(model)
    judges.load(model)
    assert server.opened[1]["base_url"] == ADDRESS
    settings.ENDPOINT_ADDRESSES = [OTHER]  # the operator took it from the list
    for use in (judges.check, judges.load):
        with pytest.raises(artifacts.BrokenArtifactError, match="is not on the operator’s list"):
            use(model)
    assert len(server.opened) == 2


@pytest.mark.django_db
def test_what_the_server_refuses_is_said_by_the_job(judged: Campaign, server: Server, run_here: Callable) -> None:
    server.error = JudgeError("The server does not serve “org/model”; it serves: other.", code="model")
    job = services.request_training(campaigns=[judged], judge="endpoint", settings=SETTINGS)
    with pytest.raises(ProblemError, match="does not serve “org/model”"):
        run_here(job)
    assert not RewardModel.objects.exists()


@pytest.mark.django_db
def test_an_address_that_left_the_list_is_not_asked(
    judged: Campaign, server: Server, run_here: Callable, settings: Any
) -> None:
    job = services.request_training(campaigns=[judged], judge="endpoint", settings=SETTINGS)
    settings.ENDPOINT_ADDRESSES = []
    with pytest.raises(ProblemError, match="is not on the operator’s list"):
        run_here(job)
    assert not server.opened
