"""The gate: two versions on the items both held out, the rule in words, and what it does where there are none."""

from pathlib import Path

import numpy as np
import pytest
from django.utils import translation

from annotator.rewards import services
from annotator.rewards.models import Snapshot
from annotator.rewards.services import artifacts
from annotator.rewards.services.gate import shared_items
from tests.annotator.rewards.held_out import CHECKLIST, judge, levels_of, make_version, replace_held_out

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def place(files: Path, db: None) -> None:
    """Artifacts of this test."""


def test_a_better_candidate_passes_with_figures() -> None:
    standing, candidate = make_version(1, state="promoted", strength=0.5), make_version(2, strength=2.0)
    verdict = services.gate(candidate, standing)
    assert verdict.passes
    assert verdict.reason.startswith("It is at least as good. On the 48 items of 12 prompts that both held out")
    with translation.override("zh-hans"):
        assert "12 个提示词" in verdict.reason
        assert "prompts" not in verdict.reason
    told = verdict.to_json(asked=True)
    assert told["against"] == {"id": standing.pk, "version": 1, "judge": "probe"}
    assert (told["how"], told["items"], told["prompts"], told["asked"]) == ("items", 48, 12, True)
    assert [row["id"] for row in told["rows"]] == [sub.id for sub in CHECKLIST.ordinal]
    for row in told["rows"]:
        loss = row["log_loss"]
        assert loss["difference"]["value"] == pytest.approx(loss["new"] - loss["old"])
        assert loss["difference"]["low"] <= loss["difference"]["value"] <= loss["difference"]["high"]
    assert told["overall"]["log_loss"]["difference"]["high"] < 0
    assert told["overall"]["accuracy"]["difference"]["value"] > 0


def test_a_worse_candidate_waits_and_says_why() -> None:
    verdict = services.gate(make_version(2, strength=0.5), make_version(1, state="promoted", strength=2.0))
    assert not verdict.passes
    assert "It is not as good" in verdict.reason
    assert "95% interval +" in verdict.reason
    assert "chance" not in verdict.reason


def test_equal_predictions_pass() -> None:
    verdict = services.gate(make_version(2), make_version(1, state="promoted"))
    assert verdict.passes
    assert "difference 0.000, 95% interval 0.000 to 0.000)" in verdict.reason


def test_a_small_loss_waits_and_says_that_it_may_be_chance() -> None:
    standing, candidate = make_version(1, state="promoted", strength=1.0), make_version(2, strength=1.0)
    held = artifacts.read_held_out(candidate)
    rng = np.random.default_rng(8)
    odds = np.log(held["calibrated"] / (1 - held["calibrated"]))
    noisy = 1 / (1 + np.exp(-(odds + rng.normal(0, 0.2, odds.shape))))
    replace_held_out(candidate, {**held, "calibrated": noisy.astype(np.float32)})
    verdict = services.gate(candidate, standing)
    loss = verdict.comparison["overall"]["log_loss"]["difference"]
    assert loss["low"] < 0 < 0.0005 < loss["value"]
    assert not verdict.passes, "the estimate decides"
    assert "The difference may be chance." in verdict.reason


def test_calibrated_predictions_are_compared() -> None:
    wild = np.full((48, len(CHECKLIST.questions)), 0.999, dtype=np.float32)
    standing = make_version(1, state="promoted", strength=1.0)
    assert services.gate(make_version(2, strength=1.5, uncalibrated=wild), standing).passes


def test_only_common_items_count_with_the_levels_of_the_candidate() -> None:
    standing = make_version(1, state="promoted", items=range(40))
    candidate = make_version(2, items=range(79, 15, -1), strength=2.0)
    shared = shared_items([candidate, standing])
    assert shared.items.tolist() == list(range(16, 40))
    assert np.array_equal(shared.levels, levels_of(range(16, 40)))
    assert np.array_equal(shared.p_yes[candidate.pk], judge(range(16, 40), 2.0)), "rows in the order of the items"
    assert np.array_equal(shared.p_yes[standing.pk], judge(range(16, 40), 1.0))
    verdict = services.gate(candidate, standing)
    assert (verdict.comparison["items"], verdict.comparison["prompts"]) == (24, 6)


def test_few_common_prompts_fall_back_to_the_shares_of_the_baselines() -> None:
    standing = make_version(1, state="promoted", items=range(32), strength=0.5)
    candidate = make_version(2, items=range(16, 64), strength=2.0)
    verdict = services.gate(candidate, standing)
    assert verdict.passes
    assert verdict.comparison["how"] == "shares"
    assert "of the baseline’s" in verdict.reason
    assert "held out 16 items of 4 prompts in common, but at least 5 prompts are needed" in verdict.reason
    assert not services.gate(standing, candidate).passes


def test_altered_predictions_fall_back_in_words() -> None:
    standing, candidate = make_version(1, state="promoted"), make_version(2)
    (artifacts.root() / standing.path / artifacts.HELD_OUT).write_bytes(b"something else")
    verdict = services.gate(candidate, standing)
    assert verdict.comparison["how"] == "shares"
    assert "The file of held-out predictions of Image reward v1 was altered" in verdict.reason


def test_a_version_of_before_without_calibrated_predictions_is_compared_by_what_it_has() -> None:
    standing = make_version(1, state="promoted", strength=0.5)
    held = artifacts.read_held_out(standing)
    replace_held_out(standing, {name: held[name] for name in ("items", "levels", "p_yes")})
    assert services.gate(make_version(2, strength=1.5), standing).comparison["how"] == "items"


def test_the_prompts_of_a_candidate_of_before_are_those_of_its_snapshot() -> None:
    standing, candidate = make_version(1, state="promoted"), make_version(2, items=range(47, -1, -1))
    held = artifacts.read_held_out(candidate)
    replace_held_out(candidate, {name: held[name] for name in ("items", "levels", "p_yes")})
    verdict = services.gate(candidate, standing)
    assert verdict.comparison["how"] == "shares"
    assert "do not record their prompts. Train again." in verdict.reason
    content = artifacts.pack({"items": np.arange(60), "prompts": np.arange(60) // 4})
    artifacts.write_file(artifacts.root() / "snapshots" / "one", content)
    candidate.snapshot = Snapshot.objects.create(
        media_type="image", checklist_version=candidate.checklist_version, items=60, judgments=60, prompts=15,
        path="snapshots/one", sha256=artifacts.digest(content),
    )  # fmt: skip
    assert shared_items([candidate, standing]).prompts.tolist() == [n // 4 for n in range(48)]
