"""The numbers of the agreement page: against slow, obvious references, and honest about what they are measured on."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.queries import judgment_levels
from annotator.core.errors import ProblemError
from annotator.insights.agreement import choose, compare, gather
from annotator.insights.agreement.chart import chart
from annotator.insights.agreement.people import pairwise_kappa, side_by_side
from annotator.insights.agreement.report import AgreementReport, disagreements
from annotator.rewards.models import Score
from annotator.trust.consensus import majority
from reward_engine.answers import ABSENT
from reward_engine.evaluation import quadratic_kappa
from tests.annotator.insights.conftest import World
from tests.factories import make_annotated_campaign, make_reward_model, make_score

LEVELS = hnp.arrays(
    np.int8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=6), elements=st.sampled_from([-1, 0, 1, 2, ABSENT])
)


@settings(max_examples=150, deadline=None)
@given(LEVELS)
def test_pairwise_kappa_is_kappa_over_all_ordered_pairs(levels: np.ndarray) -> None:
    pairs = [
        (int(a), int(b))
        for column in levels.T
        for a, b in itertools.permutations([level for level in column if level != ABSENT], 2)
    ]
    expected = quadratic_kappa(*np.array(pairs, dtype=np.int64).T) if pairs else None
    found = pairwise_kappa(levels)
    assert found == (None if expected is None else pytest.approx(expected, abs=1e-9))


@pytest.mark.django_db
class TestEvidence:
    def comparison(self, world: World, basis: str = "held-out") -> AgreementReport:
        return compare(gather(world.model, [world.campaign]), basis)

    def test_a_judge_that_says_what_people_say_agrees(self, world: World) -> None:
        world.score(world.items, world.right)
        found = self.comparison(world, "all")
        assert (found.compared, found.judged, found.annotations, found.annotators) == (8, 8, 24, 3)
        for row in found.rows:
            assert row.model.n == 8 - sum(  # masked ones may be absent
                level == ABSENT for level in majority(judgment_levels([world.campaign])).levels[:, _column(world, row)]
            )
            assert row.model.accuracy == 1.0

    def test_people_are_compared_on_the_same_items(self, world: World) -> None:
        world.score(world.items[:3], world.right)
        found = self.comparison(world, "all")
        table = judgment_levels([world.campaign])
        clarity = next(row for row in found.rows if row.sub.id == "clarity")
        column = _column(world, clarity)
        ids = {item.pk for item in world.items[:3]}
        said = [table.levels[table.items == pk, column] for pk in ids]
        pairs = [(a, b) for levels in said for a, b in itertools.combinations(levels.tolist(), 2)]
        assert clarity.people.n_pairs == len(pairs) == 9
        assert clarity.people.exact == pytest.approx(np.mean([a == b for a, b in pairs]))

    def test_held_out_predictions_count_before_scores(self, world: World) -> None:
        """In the end the model was fitted on everything: its scores are right there, and that proves nothing."""
        world.score(world.items, world.right)
        trained, new = world.items[:6], world.items[6:]
        world.keep_record(trained_on=trained, held_out={item: world.wrong(item) for item in trained[:4]})
        evidence = gather(world.model, [world.campaign])
        assert evidence.has_held_out.tolist() == [True] * 4 + [False] * 2 + [True] * 2
        np.testing.assert_allclose(evidence.held_out[0], world.wrong(trained[0]), atol=1e-6)
        np.testing.assert_allclose(evidence.held_out[6], world.right(new[0]))
        found = self.comparison(world)
        assert found.is_held_out
        assert (found.compared, found.scored) == (6, 8)
        assert min(row.model.accuracy for row in found.rows if row.model.n) < 1
        in_sample = self.comparison(world, "all")
        assert not in_sample.is_held_out
        assert {row.model.accuracy for row in in_sample.rows if row.model.n} == {1.0}

    def test_without_held_out_items_it_falls_back_and_says_so(self, world: World) -> None:
        world.score(world.items, world.right)
        world.keep_record(trained_on=world.items, held_out={})
        found = self.comparison(world)
        assert (found.is_held_out, found.fell_back, found.compared) == (False, True, 8)

    def test_a_model_without_a_record_is_taken_for_in_sample(self, world: World) -> None:
        world.score(world.items, world.right)
        found = self.comparison(world)
        assert found.fell_back
        assert "training data of this version is not recorded" in found.notes[0]

    def test_an_altered_record_counts_for_nothing(self, world: World) -> None:
        world.score(world.items, world.right)
        world.keep_record(trained_on=[], held_out={})
        world.model.manifest = {"held_out": {"sha256": "0" * 64}}
        world.model.save()
        found = self.comparison(world)
        assert found.fell_back
        assert "was altered" in found.notes[0]

    def test_scores_of_another_checklist_are_left_out_and_reported(self, world: World) -> None:
        world.score(world.items, world.right)
        Score.objects.filter(item=world.items[0]).update(p_yes=[0.5])
        found = self.comparison(world, "all")
        assert found.compared == 7
        assert "1 scores were made with another checklist" in found.notes[0]

    def test_without_scores_people_are_still_compared(self, world: World) -> None:
        found = self.comparison(world)
        assert found.compared == 0
        assert all(row.model.n == 0 and row.model.kappa is None for row in found.rows)
        assert any(row.people_kappa is not None for row in found.rows)

    def test_nobody_annotated(self, world: World) -> None:
        world.campaign.campaign_items.first().assignments.model.objects.update(counted=False)
        with pytest.raises(ProblemError, match="No one has submitted an annotation"):
            gather(world.model, [world.campaign])

    def test_another_checklist_is_refused(self, world: World, make_user: object, bare_items: object) -> None:
        video = make_reward_model("video")
        with pytest.raises(ProblemError, match="which has different levels") as refused:
            gather(video, [world.campaign])
        assert refused.value.code == "mixed_checklists"

    def test_the_worst_comes_first(self, world: World) -> None:
        world.score(world.items, world.wrong)
        rows = self.comparison(world, "all").rows
        gaps = [row.behind for row in rows]
        known = [gap for gap in gaps if gap is not None]
        assert gaps == sorted(known, reverse=True) + [None] * (len(gaps) - len(known))
        for row in rows:
            for name, value in (("kappa", row.model.kappa), ("ceiling", row.people_kappa), ("alpha", row.people.alpha)):
                figure = row.beside.figures[name]
                assert figure is None or figure.value == pytest.approx(value), name

    def test_somebody_who_judged_twice_is_asked_once(self, world: World) -> None:
        people = [assignment.annotator for assignment in world.campaign.campaign_items.first().assignments.all()]
        again = make_annotated_campaign(world.items, people[:1], name="Lamps again", seed=9)
        table = judgment_levels([world.campaign, again])
        assert side_by_side(table, np.unique(table.items)).shape[0] == 3
        later = table.levels[(table.annotators == people[0].pk) & (table.items == world.items[0].pk)][-1]
        packed = side_by_side(table, np.unique(table.items))[:, 0]
        assert any((row == later).all() for row in packed)

    def test_disagreements_are_ordered_by_distance(self, world: World) -> None:
        checklist = checklist_of(world.campaign.checklist_version)
        column = checklist.ordinal_index("clarity")
        questions = [checklist.question_index(q.id) for q in checklist.ordinal[column].questions]
        consensus = majority(judgment_levels([world.campaign])).levels[:, column]
        for index, item in enumerate(world.items):
            p_yes = world.right(item)
            p_yes[questions] = 0.5 if index % 2 else p_yes[questions]
            make_score(world.model, item, p_yes)
        found = disagreements(gather(world.model, [world.campaign]), "all", "clarity")
        assert found.basis == "all"
        apart = [row.apart for row in found]
        assert apart == sorted(apart, reverse=True)
        assert len(found) == 8
        by_item = {row.item: row for row in found}
        assert [by_item[item.pk].consensus for item in world.items] == consensus.tolist()
        assert len(by_item[world.items[0].pk].said) == 3


def _column(world: World, row: object) -> int:
    return checklist_of(world.campaign.checklist_version).ordinal_index(row.sub.id)


@pytest.mark.django_db
def test_the_choice_falls_back_to_what_fits_together(world: World, make_user: object) -> None:
    candidate = make_reward_model(state="candidate")
    video = make_reward_model("video")
    assert choose({}).model == world.model  # the promoted one
    assert choose({"model": str(candidate.pk)}).model == candidate
    assert choose({"model": str(video.pk)}).media_type == "video"
    chosen = choose({"media_type": "image", "model": str(video.pk), "campaign": "999", "basis": "?"})
    assert (chosen.model, chosen.campaign, chosen.basis) == (world.model, None, "held-out")
    assert chosen.asked == [world.campaign]
    assert choose({"media_type": "video"}).campaigns == []


@pytest.mark.django_db
def test_the_chart_holds_every_dot(world: World) -> None:
    world.score(world.items, world.wrong)
    drawn = chart(compare(gather(world.model, [world.campaign]), "all").rows)
    places = [place for dots in drawn.dots for place in (dots.model, dots.people) if place is not None]
    assert places
    assert all(0 < place < 100 for place in places)
    positions = [position for position, _ in drawn.ticks]
    assert positions == sorted(positions)
    assert drawn.ticks[-1][1] == 1.0


def test_an_empty_chart_has_a_scale() -> None:
    assert [mark for _, mark in chart([]).ticks] == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
