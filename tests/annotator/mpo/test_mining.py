"""Mining: what counts as a pair, what is written, and what hinders it."""

from collections.abc import Callable

import numpy as np
import pytest

from annotator.campaigns.checklists import checklist_of
from annotator.core.errors import ProblemError
from annotator.jobs.models import Job, JobState, Queue
from annotator.jobs.services import JobCanceled, JobLost, JobRun, request_cancel
from annotator.library.models import Generator, Item, Prompt
from annotator.mpo import services
from annotator.mpo.models import PairSet, PreferencePair
from annotator.mpo.options import MiningOptions
from annotator.mpo.services import mining
from annotator.rewards.models import RewardModel, Score
from annotator.rewards.signals import scoring_finished
from tests.factories import make_annotations, make_reward_model, make_score

pytestmark = pytest.mark.django_db

Run_ = Callable[[Job], Job]


def mined(model: RewardModel, run_now: Run_, **options: object) -> PairSet:
    """By probabilities unless said otherwise, so that any difference of a planted P(yes) counts."""
    job = run_now(services.request_pair_mining(reward_model=model, options={"answers": "soft"} | options))
    assert job.state == JobState.SUCCEEDED, job.error
    return PairSet.objects.get(job=job)


def ids(pair_set: PairSet) -> set[tuple[int, int]]:
    return set(pair_set.pairs.values_list("winner_id", "loser_id"))


def test_pairs_are_of_one_prompt_and_counted(reward_model: RewardModel, scored_prompt: Callable, run_now: Run_) -> None:
    low, middle, high = scored_prompt(reward_model, [0.2, 0.5, 0.9])
    one, same = scored_prompt(reward_model, [0.4, 0.4])
    scored_prompt(reward_model, [0.99])  # alone with its prompt
    found = mined(reward_model, run_now)
    assert ids(found) == {(high.pk, middle.pk), (high.pk, low.pk), (middle.pk, low.pk)}
    assert (found.items, found.prompts, found.prompts_without_pairs, found.pairs_count) == (6, 2, 1, 3)
    assert found.job.result["pair_set"] == found.pk
    assert "1 prompt has no pairs." in found.job.message
    assert one.prompt_id == same.prompt_id


def test_mining_the_same_again_has_a_name_of_its_own(
    reward_model: RewardModel, scored_prompt: Callable, run_now: Run_
) -> None:
    scored_prompt(reward_model, [0.2, 0.9])
    names = [mined(reward_model, run_now).name for _ in range(3)]
    assert names == [names[0], f"{names[0]} (2)", f"{names[0]} (3)"]


def test_a_pair_says_by_how_much(reward_model: RewardModel, scored_prompt: Callable, run_now: Run_) -> None:
    loser, winner = scored_prompt(reward_model, [0.3, 0.6])
    pair = mined(reward_model, run_now).pairs.get()
    scores = {score.item_id: score for score in Score.objects.all()}
    assert pair.winner_reward == pytest.approx(scores[winner.pk].reward)
    assert pair.loser_reward == pytest.approx(scores[loser.pk].reward)
    expected = np.subtract(scores[winner.pk].by_dimension, scores[loser.pk].by_dimension)
    assert pair.gap_by_dimension == pytest.approx(expected)
    assert sum(pair.gap_by_dimension) == pytest.approx(pair.reward_gap)


def test_a_quality_bought_with_another_gives_no_pair_but_the_baseline_takes_it(
    reward_model: RewardModel, scored_prompt: Callable, run_now: Run_
) -> None:
    bought, plain = scored_prompt(reward_model, [{"quality": 0.9, "composition": 0.4}, {"quality": 0.5}])
    assert mined(reward_model, run_now).pairs_count == 0
    baseline = mined(reward_model, run_now, level="total")
    assert ids(baseline) == {(bought.pk, plain.pk)}
    worse = {row["id"]: row["worse"] for row in baseline.summary["dimensions"]}
    assert worse["composition"] == 1.0
    assert worse["quality"] == 0.0


def test_finer_levels_are_stricter(reward_model: RewardModel, run_now: Run_, scored_prompt: Callable) -> None:
    """Better in its dimension on the whole, but not in each of its questions."""
    a, b = scored_prompt(reward_model, [0.5, 0.5])
    score = Score.objects.get(item=a)
    p_yes = list(score.p_yes)
    p_yes[0], p_yes[1] = 0.9, 0.4  # two questions of one ladder
    score.delete()
    make_score(reward_model, a, p_yes)
    assert ids(mined(reward_model, run_now, level="dimension")) == {(a.pk, b.pk)}
    assert ids(mined(reward_model, run_now, level="sub_dimension")) == {(a.pk, b.pk)}
    assert mined(reward_model, run_now, level="question").pairs_count == 0


def test_yes_and_no_decide_unless_probabilities_are_asked_for(
    reward_model: RewardModel, scored_prompt: Callable, run_now: Run_
) -> None:
    """The smallest noise in one dimension forbids a pair by probabilities, and not by the published rule."""
    worse, better = scored_prompt(
        reward_model, [{"quality": 0.2, "composition": 0.8}, {"quality": 0.9, "composition": 0.79}]
    )
    assert MiningOptions().answers == "hard"
    assert ids(mined(reward_model, run_now, answers="hard")) == {(better.pk, worse.pk)}
    assert mined(reward_model, run_now).pairs_count == 0
    tolerance = [0.01] * len(checklist_of(reward_model.checklist_version).dimensions)
    reward_model.manifest = {**reward_model.manifest, "dominance": {"tolerance": tolerance, "rules": {}}}
    reward_model.save()
    assert ids(mined(reward_model, run_now, answers="tolerant")) == {(better.pk, worse.pk)}


def test_a_version_that_does_not_know_its_noise_is_informed_so(
    reward_model: RewardModel, scored_prompt: Callable
) -> None:
    scored_prompt(reward_model, [0.2, 0.8])
    with pytest.raises(ProblemError, match="before its noise was measured") as refused:
        services.request_pair_mining(reward_model=reward_model, options={"answers": "tolerant"})
    assert refused.value.details["field"] == "answers"
    with pytest.raises(ProblemError, match="known by dimension"):
        services.request_pair_mining(reward_model=reward_model, options={"answers": "tolerant", "level": "question"})


def test_no_pair_says_what_would_give_some(reward_model: RewardModel, scored_prompt: Callable, run_now: Run_) -> None:
    scored_prompt(reward_model, [{"quality": 0.2, "composition": 0.8}, {"quality": 0.9, "composition": 0.79}])
    rule = {"covered": 1, "prompts": 2, "ordered": 3, "precision": 0.8, "low": None, "high": None}
    rules = {"hard": {"pairs": 45, **rule}, "tolerant": {"pairs": 20, **rule}, "soft": {"pairs": 5, **rule}}
    reward_model.manifest = {**reward_model.manifest, "dominance": {"tolerance": [], "rules": rules}}
    reward_model.save()
    message = mined(reward_model, run_now).job.message
    assert "Compare by “Yes and no (as published)”, which finds 45 pairs" in message
    assert "Score more items per prompt." in message


def test_a_set_of_before_says_that_probabilities_were_compared() -> None:
    assert MiningOptions.of_set({"level": "dimension"}).answers == "soft"
    assert MiningOptions.of_set(MiningOptions().to_json()).answers == "hard"


def test_margin_gap_and_limit(reward_model: RewardModel, scored_prompt: Callable, run_now: Run_) -> None:
    items = scored_prompt(reward_model, [0.1, 0.3, 0.5, 0.7])
    assert mined(reward_model, run_now).pairs_count == 6
    wide = mined(reward_model, run_now, min_total_gap=0.6)
    assert all(pair.reward_gap >= 0.6 for pair in wide.pairs.all())
    assert 0 < wide.pairs_count < 6
    assert mined(reward_model, run_now, margin=1e6).pairs_count == 0
    assert ids(mined(reward_model, run_now, max_pairs_per_prompt=1)) == {(items[3].pk, items[0].pk)}
    chosen = [ids(mined(reward_model, run_now, max_pairs_per_prompt=2, choose="random", seed=seed)) for seed in (1, 1)]
    assert chosen[0] == chosen[1]
    assert len(chosen[0]) == 2


def test_the_summary_is_that_of_the_pairs(reward_model: RewardModel, scored_prompt: Callable, run_now: Run_) -> None:
    for values in ([0.1, 0.2, 0.9], [0.4, 0.8]):
        scored_prompt(reward_model, values)
    found = mined(reward_model, run_now)
    gaps = np.array(list(found.pairs.values_list("gap_by_dimension", flat=True)))
    assert [row["mean_gap"] for row in found.summary["dimensions"]] == pytest.approx(gaps.mean(axis=0))
    rewards = np.array(list(found.pairs.values_list("reward_gap", flat=True)))
    assert found.summary["reward_gap"]["median"] == pytest.approx(np.median(rewards))
    assert found.summary["pairs_per_prompt"] == {"mean": 2.0, "most": 3}


def test_only_this_versions_scores_count(reward_model: RewardModel, scored_prompt: Callable, run_now: Run_) -> None:
    low, high = scored_prompt(reward_model, [0.2, 0.8])
    other = make_reward_model(state="candidate")
    make_score(other, low, 0.9)
    make_score(other, high, 0.1)
    assert ids(mined(reward_model, run_now)) == {(high.pk, low.pk)}
    assert ids(mined(other, run_now)) == {(low.pk, high.pk)}


def test_without_scores_nothing_is_asked_for(reward_model: RewardModel) -> None:
    with pytest.raises(ProblemError, match="has not scored any item yet") as refused:
        services.request_pair_mining(reward_model=reward_model)
    assert refused.value.code == "no_scores"
    assert not Job.objects.exists()


def test_scores_of_another_checklist_are_reported_by_item(
    reward_model: RewardModel, scored_prompt: Callable, run_now: Run_
) -> None:
    item, _ = scored_prompt(reward_model, [0.2, 0.8])
    Score.objects.filter(item=item).update(by_dimension=[0.1, 0.2])
    job = run_now(services.request_pair_mining(reward_model=reward_model))
    assert job.state == JobState.FAILED
    assert f"The score of item {item.pk} has 2 dimensions" in job.error
    assert not PairSet.objects.exists()


def test_items_that_are_alone_with_their_prompts_are_no_pairs(
    reward_model: RewardModel, scored_prompt: Callable, run_now: Run_
) -> None:
    for value in (0.2, 0.7):
        scored_prompt(reward_model, [value])
    job = run_now(services.request_pair_mining(reward_model=reward_model))
    assert job.state == JobState.FAILED
    assert "Of 2 items, none shares its prompt" in job.error


@pytest.mark.parametrize(
    ("options", "field"),
    [({"level": "pixel"}, "level"), ({"margin": -1}, "margin"), ({"margin": float("nan")}, "margin"),
     ({"max_pairs_per_prompt": 0}, "max_pairs_per_prompt"), ({"seed": 1.5}, "seed"), ({"color": 1}, "color"),
     ({"min_total_gap": "much"}, "min_total_gap"), ({"choose": "best"}, "choose"), ({"margin": True}, "margin")],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused(reward_model: RewardModel, options: dict, field: str) -> None:
    with pytest.raises(ProblemError) as refused:
        services.request_pair_mining(reward_model=reward_model, options=options)
    assert refused.value.details["field"] == field


def test_options_survive_json() -> None:
    options = MiningOptions(level="question", max_pairs_per_prompt=None, choose="diverse", seed=7)
    assert MiningOptions.from_json(options.to_json()) == options


def test_asking_twice_is_asking_once(reward_model: RewardModel, scored_prompt: Callable) -> None:
    scored_prompt(reward_model, [0.2, 0.8])
    first = services.request_pair_mining(reward_model=reward_model)
    assert services.request_pair_mining(reward_model=reward_model) == first
    assert services.request_pair_mining(reward_model=reward_model, options={"level": "question"}) != first
    assert first.queue == Queue.MPO


def test_a_finished_scoring_mines_where_that_was_asked_for(reward_model: RewardModel, scored_prompt: Callable) -> None:
    def tell(**params: object) -> None:
        scoring_finished.send(sender=RewardModel, reward_model=reward_model, requested_by=None, params=params)

    tell(mine_after=True)  # nothing is scored: that must not fail the scoring
    assert not Job.objects.exists()
    scored_prompt(reward_model, [0.2, 0.8])
    tell()
    tell(mine_after=False)
    assert not Job.objects.exists()
    tell(mine_after=True)
    assert Job.objects.get().kind == "mpo.mine_pairs"


class TestInterrupted:
    """A set is seen whole or not at all, and once."""

    @pytest.fixture
    def items(self, reward_model: RewardModel, scored_prompt: Callable) -> list[Item]:
        return scored_prompt(reward_model, [0.1, 0.3, 0.5, 0.7])

    @pytest.fixture(autouse=True)
    def _small_parts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(mining, "WRITTEN_AT_ONCE", 2)

    def killed_after(self, writes: int, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]) -> None:
        copy, count = mining._copy, iter(range(100))

        def stop(*args: object) -> None:
            if next(count) >= writes:
                raise error
            copy(*args)

        monkeypatch.setattr(mining, "_copy", stop)

    def test_a_killed_run_is_taken_up_again_and_leaves_one_set(
        self, reward_model: RewardModel, items: list[Item], run_now: Run_, claimed: Callable,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        job = services.request_pair_mining(reward_model=reward_model, options={"answers": "soft"})
        with monkeypatch.context() as patched:
            self.killed_after(2, patched, KeyboardInterrupt)
            with pytest.raises(KeyboardInterrupt):
                mining.mine_pairs(claimed(job))
        assert PreferencePair.objects.count() == 4
        assert PairSet.objects.get().ready_at is None
        Job.objects.filter(pk=job.pk).update(state=JobState.QUEUED, run_token=None)
        assert run_now(job).state == JobState.SUCCEEDED
        assert PairSet.objects.get().ready_at is not None
        assert PreferencePair.objects.count() == 6

    def test_a_run_that_is_repeated_after_its_end_changes_nothing(
        self, reward_model: RewardModel, items: list[Item], run_now: Run_
    ) -> None:
        job = run_now(services.request_pair_mining(reward_model=reward_model, options={"answers": "soft"}))
        Job.objects.filter(pk=job.pk).update(state=JobState.QUEUED)
        again = run_now(job)
        assert again.state == JobState.SUCCEEDED
        assert again.result["pair_set"] == PairSet.objects.get().pk
        assert PreferencePair.objects.count() == 6

    def test_a_runner_that_lost_the_job_writes_nothing_more(
        self, reward_model: RewardModel, items: list[Item], claimed: Callable
    ) -> None:
        job = services.request_pair_mining(reward_model=reward_model, options={"answers": "soft"})
        slow: JobRun = claimed(job)
        Job.objects.filter(pk=job.pk).update(run_token=None, state=JobState.QUEUED)
        with pytest.raises(JobLost):
            mining.mine_pairs(slow)
        assert not PairSet.objects.exists()

    def test_what_a_canceled_run_left_goes_with_the_next(
        self, reward_model: RewardModel, items: list[Item], run_now: Run_, claimed: Callable,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        job = services.request_pair_mining(reward_model=reward_model, options={"answers": "soft"})
        with monkeypatch.context() as patched:
            self.killed_after(1, patched, KeyboardInterrupt)
            with pytest.raises(KeyboardInterrupt):
                mining.mine_pairs(claimed(job))
        request_cancel(job=job)
        Job.objects.filter(pk=job.pk).update(state=JobState.CANCELED)
        found = mined(reward_model, run_now)
        assert PairSet.objects.get() == found

    def test_canceling_stops_between_parts(
        self, reward_model: RewardModel, items: list[Item], claimed: Callable, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = services.request_pair_mining(reward_model=reward_model, options={"answers": "soft"})
        run, copy = claimed(job), mining._copy

        def copy_and_cancel(*args: object) -> None:
            copy(*args)
            Job.objects.filter(pk=job.pk).update(cancel_requested_at="2026-01-01T00:00Z")

        monkeypatch.setattr(mining, "_copy", copy_and_cancel)
        with pytest.raises(JobCanceled):
            mining.mine_pairs(run)
        assert PreferencePair.objects.count() == 2
        assert PairSet.objects.get().ready_at is None


def test_vetoes(reward_model: RewardModel, scored_prompt: Callable, run_now: Run_, make_user: Callable) -> None:
    scored_prompt(reward_model, [0.2, 0.8])
    pair = mined(reward_model, run_now).pairs.get()
    rita, otto = make_user("rita", "reviewer"), make_user("otto", "reviewer")
    services.set_veto(pair=pair, vetoed=True, by=rita)
    first = pair.vetoed_at
    services.set_veto(pair=pair, vetoed=True, by=otto)
    assert (pair.vetoed_by, pair.vetoed_at) == (rita, first)
    services.set_veto(pair=pair, vetoed=False, by=otto)
    assert (pair.vetoed_by, pair.vetoed_at) == (None, None)


class TestPeople:
    """Pairs by the annotators' consensus, and where model and people agree."""

    @pytest.fixture
    def lamps(
        self, bare_prompt: Callable, reward_model: RewardModel, make_user: Callable, make_campaign: Callable
    ) -> list[Item]:
        """Three lamps: people find each better than the one before; a fourth item is judged in part only."""
        items = bare_prompt(reward_model, 4)
        subs = checklist_of(reward_model.checklist_version).ordinal
        campaign = make_campaign(items, name="Lamps", checklist_version=reward_model.checklist_version)
        ann, ben = make_user("ann"), make_user("ben")
        answers = [
            (item, who, {sub.id: sub.scores[min(1 + rank, len(sub.scores) - 1)] for sub in subs})
            for rank, item in enumerate(items[:3])
            for who in (ann, ben)
        ]
        make_annotations(campaign, [*answers, (items[3], ann, {"clarity": 2})])
        return items

    def test_pairs_of_the_consensus(self, reward_model: RewardModel, lamps: list[Item], run_now: Run_) -> None:
        """No score is needed; what is judged in part is not compared."""
        dim, fair, bright = lamps[:3]
        found = mined(reward_model, run_now, source="consensus")
        assert ids(found) == {(bright.pk, fair.pk), (bright.pk, dim.pk), (fair.pk, dim.pk)}
        assert found.items == 3
        assert "consensus" in found.name
        for pair in found.pairs.all():
            assert sum(pair.gap_by_dimension) == pytest.approx(pair.reward_gap)

    def test_pairs_on_which_both_agree(self, reward_model: RewardModel, lamps: list[Item], run_now: Run_) -> None:
        dim, fair, bright, half = lamps
        for item, p_yes in ((dim, 0.2), (fair, 0.9), (bright, 0.5), (half, 0.99)):
            make_score(reward_model, item, p_yes)
        found = mined(reward_model, run_now, source="both")
        assert ids(found) == {(bright.pk, dim.pk), (fair.pk, dim.pk)}
        # Which pair is kept is decided among those both agree on: the model's own widest, fair over dim.
        assert ids(mined(reward_model, run_now, source="both", max_pairs_per_prompt=1)) == {(fair.pk, dim.pk)}
        scores = dict(Score.objects.values_list("item", "reward"))
        pair = found.pairs.get(winner=fair)
        assert pair.reward_gap == pytest.approx(scores[fair.pk] - scores[dim.pk])

    def test_what_hinders_is_said(self, reward_model: RewardModel, scored_prompt: Callable, run_now: Run_) -> None:
        job = run_now(services.request_pair_mining(reward_model=reward_model, options={"source": "consensus"}))
        assert job.state == JobState.FAILED
        assert "No item here has been annotated completely with the checklist" in job.error
        with pytest.raises(ProblemError, match="has not scored any item"):
            services.request_pair_mining(reward_model=reward_model, options={"source": "both"})

    def test_model_and_people_that_share_no_item(
        self, reward_model: RewardModel, lamps: list[Item], scored_prompt: Callable, run_now: Run_
    ) -> None:
        scored_prompt(reward_model, [0.2, 0.8])
        job = run_now(services.request_pair_mining(reward_model=reward_model, options={"source": "both"}))
        assert job.state == JobState.FAILED
        assert "nothing on which both could agree" in job.error


@pytest.fixture
def bare_prompt(db: None) -> Callable[[RewardModel, int], list[Item]]:
    def make(model: RewardModel, n: int) -> list[Item]:
        generator, _ = Generator.objects.get_or_create(name="painter", version="1", parameters_sha256="")
        prompt = Prompt.objects.create(text="A lamp")
        file = {"extension": "png", "mime_type": "image/png", "size_bytes": 1, "width": 64, "height": 48}
        return [
            Item.objects.create(
                media_type=model.media_type, prompt=prompt, generator=generator, sha256=f"{i:064x}", **file
            )
            for i in range(n)
        ]

    return make
