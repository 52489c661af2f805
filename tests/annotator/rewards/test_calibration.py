"""Calibration and weights from comparisons: fitted in the training, kept with the version, used in its scores."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from annotator.accounts.models import Role, User
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Campaign, HumanComparison
from annotator.core.errors import ProblemError
from annotator.jobs.models import Job
from annotator.library.models import Item
from annotator.rewards import judges, services
from annotator.rewards.calibration_view import calibration_of
from annotator.rewards.models import RewardModel, Score
from annotator.rewards.services import artifacts, calibration
from annotator.rewards.services.retraining import _as_before
from annotator.rewards.services.scoring import as_input
from reward_engine.answers import harmonize, to_answers
from reward_engine.reward import reward, soft_values
from tests.reward_engine.training.planted import small_checklist

pytestmark = pytest.mark.django_db


@pytest.fixture
def fitted(judged: Campaign, compared: Campaign, run_here: Callable) -> RewardModel:
    """A version whose weights are fitted on comparisons, with scores."""
    run_here(services.request_training(campaigns=[judged], comparisons=[compared], promote=True, score_after=False))
    model = RewardModel.objects.get()
    run_here(services.request_scoring(reward_model=model))
    return model


def test_weights_follow_what_people_prefer(fitted: RewardModel, compared: Campaign) -> None:
    found = fitted.manifest["preferences"]
    assert fitted.manifest["weights"]["form"] == "fitted"
    counts = {"n_pairs": 48, "n_ties": 4, "n_prompts": 8, "people": 1, "left_out": 0}
    assert {name: found[name] for name in counts} == counts
    assert found["campaigns"] == [{"id": compared.pk, "name": compared.name}]
    assert found["held_out"]["diff"] > 0.8, "on prompts the weights had not seen"
    assert any("are needed before the weights can be trusted" in warning for warning in found["warnings"])
    checklist = checklist_of(fitted.checklist_version)
    weight = {q.id: w for q, w in zip(checklist.questions, fitted.weights, strict=True)}
    by_sub = {sub.id: sum(weight[q.id] for q in sub.questions) for sub in checklist.ordinal}
    assert max(by_sub, key=by_sub.get) == "clarity"
    some = next(part for part in found["intervals"].values() if part)
    assert set(some) == {"low", "high", "kept"}
    manifest = json.loads((artifacts.root() / fitted.path / "manifest.json").read_text())
    assert manifest["preferences"] == found


def test_scores_are_calibrated_and_weighed_as_the_version_says(fitted: RewardModel, pictures: list[Item]) -> None:
    judge = judges.load(fitted)
    np.testing.assert_allclose(judge.weights.coef, fitted.weights)
    checklist = checklist_of(fitted.checklist_version)
    score = Score.objects.order_by("pk").first()
    expected = reward(soft_values(np.array([score.p_yes]), checklist), checklist, judge.weights).reward[0]
    assert score.reward == pytest.approx(expected)
    assert (judge.calibration is not None) == fitted.manifest["calibration_report"]["applied"]
    predicted = judge.predict([as_input(score.item)])
    np.testing.assert_allclose(predicted.p_yes[0], score.p_yes, rtol=1e-6)


def test_a_calibration_that_helps_is_applied_and_one_that_does_not_is_left_out() -> None:
    checklist = small_checklist()
    rng = np.random.default_rng(0)
    n = 400
    drawn = [rng.integers(sub.lowest, sub.highest + 1, n) for sub in checklist.ordinal]
    levels = harmonize(checklist, np.stack(drawn, axis=1).astype(np.int8))
    answers, prompts = to_answers(checklist, levels), np.arange(n) // 4
    truth = np.where(rng.random(answers.shape) < 0.8, answers > 0, answers <= 0)  # right in 80 of 100 cases
    boasting = np.where(truth, 0.999, 0.001)
    honest = np.tile((answers > 0).sum(axis=0) / (answers != 0).sum(axis=0), (n, 1))  # the shares, no more and no less
    helped = calibration.calibrate(checklist, boasting, levels, prompts, seed=0)
    assert helped.report["applied"]
    assert helped.calibration is not None
    assert helped.report["ece_after"] < 0.05 < helped.report["ece_before"]
    assert helped.p_yes.max() < 0.95
    left = calibration.calibrate(checklist, honest, levels, prompts, seed=0)
    assert (left.calibration, left.report["applied"]) == (None, False)
    np.testing.assert_array_equal(left.p_yes, honest.astype(np.float32))
    mixed = np.where(np.arange(answers.shape[1]) % 2, honest, boasting)
    some = calibration.calibrate(checklist, mixed, levels, prompts, seed=0)
    assert [q.is_identity for q in some.calibration.questions][1::2] == [True] * (answers.shape[1] // 2)
    assert not some.calibration.questions[0].is_identity
    alone = calibration.calibrate(checklist, boasting, levels, np.zeros(n, dtype=np.int64), seed=0)
    assert (alone.calibration, alone.report["applied"]) == (None, False), "nothing says that it helps"


def test_the_page_shows_reliability_weights_and_what_was_left_out(
    fitted: RewardModel, client: Client, make_user: Callable[..., User]
) -> None:
    client.force_login(make_user("rae", Role.REVIEWER), backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(reverse("rewards:model", args=[fitted.pk])).content.decode()
    assert "Preference accuracy on unseen prompts" in page
    assert "are needed before the weights can be trusted" in page
    assert "95% interval" in page
    assert 'class="reliability"' in page
    view = calibration_of(fitted)
    assert view is not None
    levels = artifacts.read_held_out(fitted)["levels"]
    assert view.before.n == int((to_answers(checklist_of(fitted.checklist_version), levels) != 0).sum())


def test_the_training_is_asked_for_with_comparisons(
    judged: Campaign, compared: Campaign, client: Client, make_user: Callable[..., User]
) -> None:
    root = make_user("root", Role.ADMIN)
    client.force_login(root, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(reverse("rewards:train")).content.decode()
    assert "48 comparisons" in page
    assert "44 with a preference" in page
    sent = {"campaigns": [judged.pk], "comparisons": [compared.pk], "consensus": "majority", "seed": 1}
    assert client.post(reverse("rewards:train"), sent).status_code == 302
    api = APIClient()
    api.force_authenticate(root)
    assert api.post("/api/v1/reward-models/train/", sent, format="json").status_code == 202
    assert [job.params["comparisons"] for job in Job.objects.all()] == [[compared.pk]] * 2


def test_comparisons_that_teach_nothing_are_refused_before_anything_is_done(
    judged: Campaign, compared: Campaign, pictures: list[Item]
) -> None:
    HumanComparison.objects.update(preference="tie")
    with pytest.raises(ProblemError, match="No one has preferred"):
        services.request_training(campaigns=[judged], comparisons=[compared])
    HumanComparison.objects.exclude(pair__first__prompt=pictures[0].prompt).delete()
    HumanComparison.objects.update(preference="left")
    with pytest.raises(ProblemError, match="have the same prompt"):
        services.request_training(campaigns=[judged], comparisons=[compared])
    Campaign.objects.filter(pk=compared.pk).update(media_type="video")
    compared.refresh_from_db()
    with pytest.raises(ProblemError, match="compares the media type video"):
        services.request_training(campaigns=[judged], comparisons=[compared])


def test_an_automatic_retraining_weighs_as_the_promoted_version_does(fitted: RewardModel, compared: Campaign) -> None:
    options = _as_before(fitted.checklist_version)
    assert list(options["comparisons"]) == [compared]
    assert options["consensus"] == "majority"
