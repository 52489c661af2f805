"""A kind of judge that nobody has foreseen goes the whole way: training, promotion, scoring, agreement."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from annotator.accounts.models import Role, User
from annotator.campaigns.models import Campaign
from annotator.core.errors import ProblemError
from annotator.jobs.models import Job
from annotator.rewards import judges, services
from annotator.rewards.models import RewardModel, Score
from reward_engine.judges.calibrated import CalibratedJudge
from tests.annotator.rewards.toy_kind import LampKind

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def lamp() -> Iterator[None]:
    judges.register(LampKind)
    yield
    judges.unregister("lamp")


def test_a_kind_in_one_file_is_trained_promoted_scores_and_is_shown(
    judged: Campaign,
    run_here: Callable[[Job], dict[str, Any]],
    make_user: Callable[..., User],
    client: Client,
) -> None:
    client.force_login(make_user("ada", Role.ADMIN))
    assert "Looks at brightness alone" in client.get(reverse("rewards:train") + "?judge=lamp").content.decode()
    given = {"judge": "lamp", "campaigns": judged.pk, "consensus": "majority", "seed": 0,
             "promote": "on", "score_after": "on", "judge-sharpness": 0.04}  # fmt: skip
    assert client.post(reverse("rewards:train"), given).status_code == 302
    result = run_here(Job.objects.get(kind="rewards.train"))
    model = RewardModel.objects.get(pk=result["reward_model"])
    assert (model.judge, model.state) == ("lamp", "promoted")
    judges.check(model)
    loaded = judges.load(model)
    assert isinstance(loaded, CalibratedJudge) == ("calibration" in model.manifest)

    run_here(Job.objects.get(kind="rewards.score"))
    rewards = np.array(Score.objects.filter(reward_model=model).values_list("reward", flat=True))
    assert len(rewards) == 32
    assert np.ptp(rewards) > 0
    for page in (reverse("rewards:model", args=[model.pk]), reverse("rewards:models"), reverse("rewards:scores"),
                 reverse("insights:agreement")):  # fmt: skip
        assert client.get(page).status_code == 200, page
    agreement = client.get(reverse("insights:agreement"), {"model": model.pk}).content.decode()
    assert f"v{model.version} · Promoted" in agreement


def test_no_two_kinds_have_one_name_and_unknown_ones_are_named() -> None:
    class Other(LampKind):
        pass

    with pytest.raises(ValueError, match="already"):
        judges.register(Other)
    with pytest.raises(ProblemError, match=r"no kind of judge called “torch”\. Choose one of: probe"):
        judges.kind_of("torch")


def test_settings_are_checked_the_same_for_pages_and_programs() -> None:
    kind = judges.kind_of("lamp")
    assert kind.check_settings({}, "image") == {"sharpness": 0.05}
    with pytest.raises(ProblemError, match="Sharpness"):
        kind.check_settings({"sharpness": 7}, "image")


def test_the_calibration_of_a_kind_without_its_own_is_applied(
    judged: Campaign, run_here: Callable[[Job], dict[str, Any]]
) -> None:
    job = services.request_training(campaigns=[judged], judge="lamp", settings={"sharpness": 5.0}, score_after=False)
    model = RewardModel.objects.get(pk=run_here(job)["reward_model"])
    assert "calibration" in model.manifest, "the toy is so badly calibrated that a calibration must help"
    from annotator.rewards.judges.inputs import inputs_of
    from annotator.rewards.services.artifacts import root

    held = services.training_job.artifacts.read_held_out(model)
    inputs, _ = inputs_of(held["items"][:4])
    bare = judges.kind_of("lamp").load(model, root() / model.path, judges.load(model).checklist)
    raw, used = bare.predict(inputs).p_yes, judges.load(model).predict(inputs).p_yes
    np.testing.assert_allclose(raw, held["p_yes"][:4], atol=1e-6)
    assert np.abs(raw - used).max() > 0.01


def test_weights_that_are_all_zero_are_refused(
    judged: Campaign, compared: Campaign, run_here: Callable[[Job], dict[str, Any]]
) -> None:
    """The toy looks at brightness, and people compared sharpness: nothing it says orders the items."""
    job = services.request_training(campaigns=[judged], comparisons=[compared], judge="lamp", score_after=False)
    with pytest.raises(ProblemError, match="every weight came out as 0"):
        run_here(job)
    assert not RewardModel.objects.exists()
