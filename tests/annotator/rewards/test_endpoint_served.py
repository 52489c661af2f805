"""The endpoint kind against a real server over a real, tiny model: measured, promoted, scoring, as the local one."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotator.accounts.models import Role, User
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Campaign
from annotator.core.errors import ProblemError
from annotator.rewards import services
from annotator.rewards.judges.inputs import inputs_of
from annotator.rewards.models import RewardModel, Score, ScoreProblem
from annotator.rewards.services import artifacts
from benchmarks.models import Size, build
from reward_engine.judges.vlm import VLMJudge, VLMOptions
from tests.annotator.rewards.pictures import make_pictures, open_campaign, submit_all
from tests.reward_engine.judges.endpoint.server import Server, serving

pytestmark = pytest.mark.django_db
KEY = "a key that nobody may see"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("llava", tmp_path_factory.mktemp("model") / "llava", Size(spread=0.25))


@pytest.fixture
def campaign(platform: Path, make_user: Callable[..., User]) -> Campaign:
    found = open_campaign(make_pictures(prompts=4))
    for seed, name in enumerate(("ann", "ben")):
        submit_all(found, make_user(name, Role.ANNOTATOR), seed=seed)
    return found


@pytest.fixture
def local(folder: Path, campaign: Campaign) -> VLMJudge:
    checklist = checklist_of(campaign.checklist_version)
    return VLMJudge.load(folder, checklist=checklist, options=VLMOptions(way="loop"))


@pytest.fixture
def server(local: VLMJudge, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    found = Server(local)
    found.key = KEY
    monkeypatch.setenv("ENDPOINT_API_KEY", KEY)
    with serving(found) as address:
        settings.ENDPOINT_ADDRESSES = [address]
        yield found


def ask(campaign: Campaign, address: str, **settings: Any) -> Any:
    return services.request_training(
        campaigns=[campaign], judge="endpoint", promote=True, score_after=False,
        settings={"address": address, "model": "tiny", **settings},
    )  # fmt: skip


def test_it_answers_as_the_local_judge_and_scores(
    campaign: Campaign, local: VLMJudge, server: Server, settings: Any, run_here: Callable
) -> None:
    [address] = settings.ENDPOINT_ADDRESSES
    model = RewardModel.objects.get(pk=run_here(ask(campaign, address))["reward_model"])
    assert (model.state, model.metrics["validation"]["items"]) == ("promoted", 16)
    held = artifacts.read_held_out(model)
    inputs, _missing = inputs_of(held["items"])
    expected = local.predict(inputs)
    assert [int(key) for key in expected.keys] == held["items"].tolist()
    np.testing.assert_allclose(held["p_yes"], expected.p_yes, atol=2e-3)
    run_here(services.request_scoring(reward_model=model))
    assert Score.objects.filter(reward_model=model).count() == 16
    assert not ScoreProblem.objects.exists()
    for path in (artifacts.root() / model.path).iterdir():
        assert KEY.encode() not in path.read_bytes()


def test_a_wrong_key_and_an_unknown_model_end_the_job_in_words(
    campaign: Campaign, server: Server, settings: Any, run_here: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    [address] = settings.ENDPOINT_ADDRESSES
    with pytest.raises(ProblemError, match="other"):
        run_here(ask(campaign, address, model="other"))
    monkeypatch.setenv("ENDPOINT_API_KEY", "wrong")
    with pytest.raises(ProblemError, match="key") as refused:
        run_here(ask(campaign, address))
    assert "wrong" not in refused.value.message
    assert server.requests == 0
    assert not RewardModel.objects.exists()
