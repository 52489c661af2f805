"""Two generations of one prompt: who gets which pair, what is kept, what is refused."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from annotator.accounts.models import Role
from annotator.campaigns import queries
from annotator.campaigns.models import AssignmentState, Campaign, ChecklistVersion, ComparisonPair, HumanComparison
from annotator.campaigns.queries.pairs import fitting_pairs
from annotator.campaigns.services import (
    add_items,
    add_pairs,
    create_comparison_campaign,
    lease_next_item,
    lease_next_pair,
    load_builtin_checklists,
    record_comparison,
    release_expired_pairs,
    set_state,
    skip_comparison,
    submit_assignment,
    take_up_pair_again,
)
from annotator.core.errors import ConflictError, ProblemError
from annotator.library.access import visible_items
from annotator.library.models import Generator, Item, Prompt

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(make_user, client):
    user = make_user("ann")
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return user


@pytest.fixture
def make_pairs(bare_items):
    """``make_pairs(4)``: so many pairs, each of two items of a prompt of its own."""

    def make(n):
        items = bare_items(2 * n)
        for first, second in zip(items[::2], items[1::2], strict=True):
            Item.objects.filter(pk=second.pk).update(prompt=first.prompt)
            second.prompt = first.prompt
        return list(zip(items[::2], items[1::2], strict=True))

    return make


@pytest.fixture
def make_comparing(make_pairs):
    load_builtin_checklists()

    def make(pairs=3, **fields):
        values = {"name": f"Pairs {timezone.now()}", "overlap": 2, "state": "open"} | fields
        return create_comparison_campaign(pairs=make_pairs(pairs), **values)

    return make


def say(comparison, preference="left", **fields):
    return record_comparison(token=comparison.token, annotator=comparison.annotator, preference=preference, **fields)


def compare_all(campaign, person, preference="left"):
    said = []
    while comparison := lease_next_pair(campaign=campaign, annotator=person):
        said.append(say(comparison, preference).pair_id)
    return said


def slots_add_up(campaign):
    """open = needed − submitted − leased, for every pair."""
    for pair in campaign.pairs.all():
        states = list(pair.comparisons.values_list("state", flat=True))
        assert pair.submitted == states.count("submitted")
        assert pair.open_slots == pair.needed - pair.submitted - states.count("leased"), pair.pk


class TestHandingOut:
    def test_everybody_gets_each_pair_once_until_enough_people_have(self, make_comparing, make_user):
        campaign = make_comparing(3, overlap=2)
        people = [make_user(name) for name in ("ann", "bo", "cy")]
        said = [compare_all(campaign, person) for person in people]
        assert [len(pairs) for pairs in said] == [3, 3, 0]
        assert all(len(set(pairs)) == len(pairs) for pairs in said)
        assert set(campaign.pairs.values_list("submitted", "open_slots")) == {(2, 0)}
        slots_add_up(campaign)

    def test_asking_again_gives_the_pair_on_the_screen_and_the_one_behind_it_is_another(self, make_comparing, ann):
        campaign = make_comparing(3)
        first = lease_next_pair(campaign=campaign, annotator=ann)
        assert lease_next_pair(campaign=campaign, annotator=ann) == first
        second = lease_next_pair(campaign=campaign, annotator=ann, after=first.token)
        assert second.pair != first.pair
        assert lease_next_pair(campaign=campaign, annotator=ann, after=first.token) == second
        assert HumanComparison.objects.count() == 2
        slots_add_up(campaign)

    def test_every_other_person_sees_a_pair_the_other_way_round(self, make_comparing, make_user):
        campaign = make_comparing(12, overlap=4)
        for name in ("ann", "bo", "cy", "di"):
            compare_all(campaign, make_user(name))
        for pair in campaign.pairs.all():
            first, *others = pair.comparisons.order_by("pk").values_list("swapped", flat=True)
            assert first == pair.swapped
            assert others == [not first, first, not first]
        assert set(campaign.pairs.values_list("swapped", flat=True)) == {True, False}

    def test_the_sides_come_from_the_seed(self, make_pairs, make_comparing):
        pairs = make_pairs(20)
        sides = [
            list(create_comparison_campaign(name=name, pairs=pairs, seed=seed).pairs.values_list("swapped", flat=True))
            for name, seed in (("a", 1), ("b", 1), ("c", 2))
        ]
        assert sides[0] == sides[1] != sides[2]

    def test_a_skipped_pair_goes_to_somebody_else_and_can_be_taken_up_again(self, make_comparing, make_user):
        campaign = make_comparing(1, overlap=1)
        ann, bo = make_user("ann"), make_user("bo")
        mine = lease_next_pair(campaign=campaign, annotator=ann)
        assert lease_next_pair(campaign=campaign, annotator=bo) is None
        skip_comparison(token=mine.token, annotator=ann, reason="broken")
        assert lease_next_pair(campaign=campaign, annotator=ann) is None
        with pytest.raises(ConflictError, match="skipped"):
            say(mine)
        assert take_up_pair_again(token=mine.token, annotator=ann).state == AssignmentState.LEASED
        skip_comparison(token=mine.token, annotator=ann, reason="unsafe")
        theirs = lease_next_pair(campaign=campaign, annotator=bo)
        assert theirs.pair == mine.pair
        with pytest.raises(ConflictError, match="no longer needed"):
            take_up_pair_again(token=mine.token, annotator=ann)
        slots_add_up(campaign)

    def test_a_lease_that_ran_out_frees_the_pair(self, make_comparing, make_user):
        campaign = make_comparing(1, overlap=1)
        ann, bo = make_user("ann"), make_user("bo")
        mine = lease_next_pair(campaign=campaign, annotator=ann)
        later = timezone.now() + timedelta(seconds=campaign.lease_seconds + 1)
        assert (release_expired_pairs(), release_expired_pairs(now=later)) == (0, 1)
        slots_add_up(campaign)
        assert lease_next_pair(campaign=campaign, annotator=ann) == mine
        release_expired_pairs(now=later)
        assert say(mine).state == AssignmentState.SUBMITTED, "an answer that came late is taken while it is needed"
        assert lease_next_pair(campaign=campaign, annotator=bo) is None
        slots_add_up(campaign)

    def test_two_leases_of_one_pair_that_ran_out_give_back_two_slots(self, make_comparing, make_user):
        campaign = make_comparing(1, overlap=2)
        for name in ("ann", "bo"):
            assert lease_next_pair(campaign=campaign, annotator=make_user(name))
        later = timezone.now() + timedelta(seconds=campaign.lease_seconds + 1)
        assert release_expired_pairs(now=later) == 2
        assert ComparisonPair.objects.get(campaign=campaign).open_slots == 2
        slots_add_up(campaign)

    def test_a_late_answer_is_refused_where_somebody_else_has_the_pair(self, make_comparing, make_user):
        campaign = make_comparing(1, overlap=1)
        ann, bo = make_user("ann"), make_user("bo")
        mine = lease_next_pair(campaign=campaign, annotator=ann)
        release_expired_pairs(now=timezone.now() + timedelta(seconds=campaign.lease_seconds + 1))
        lease_next_pair(campaign=campaign, annotator=bo)
        with pytest.raises(ConflictError, match="another annotator has it"):
            say(mine)
        slots_add_up(campaign)

    def test_only_what_one_is_given_can_be_seen(self, make_comparing, ann, client):
        campaign = make_comparing(3)
        assert not visible_items(ann).exists()
        comparison = lease_next_pair(campaign=campaign, annotator=ann)
        assert not visible_items(ann).exists(), "media come by the name of the comparison, not of the item"
        client.force_login(ann, backend="django.contrib.auth.backends.ModelBackend")
        for side in ("left", "right", "middle"):
            answer = client.get(f"/campaigns/media/{comparison.token}/{side}/")
            assert (b"is missing on the server" in answer.content) == (side != "middle"), "these items have no files"

    def test_taking_up_what_was_skipped_holds_no_more_than_leasing(self, make_comparing, ann):
        campaign = make_comparing(4)
        skipped = []
        for _ in range(3):
            mine = lease_next_pair(campaign=campaign, annotator=ann)
            skipped.append(skip_comparison(token=mine.token, annotator=ann, reason="other"))
        for mine in skipped[:2]:
            take_up_pair_again(token=mine.token, annotator=ann)
        with pytest.raises(ConflictError) as refused:
            take_up_pair_again(token=skipped[2].token, annotator=ann)
        assert refused.value.code == "enough"

    def test_only_an_open_campaign_hands_out_pairs(self, make_comparing, ann):
        campaign = make_comparing(1)
        set_state(campaign=campaign, state="paused")
        campaign.refresh_from_db()
        with pytest.raises(ConflictError, match="no pairs are being assigned"):
            lease_next_pair(campaign=campaign, annotator=ann)


class TestWhatIsRefused:
    def test_what_is_no_pair(self, make_pairs, make_comparing, bare_items):
        (first, second), (other, _) = make_pairs(2)
        campaign = make_comparing(1)
        for wrong in ((first, first), (first, other)):
            with pytest.raises(ProblemError, match="not two items with the same prompt"):
                add_pairs(campaign=campaign, pairs=[wrong])
        clips = bare_items(2, "video")
        clips[1].prompt = clips[0].prompt
        with pytest.raises(ProblemError, match="compares image items"):
            add_pairs(campaign=campaign, pairs=[tuple(clips)])
        assert add_pairs(campaign=campaign, pairs=[(first, second), (second, first)]) == 1

    def test_a_campaign_without_pairs_or_with_a_name_that_is_taken(self, make_pairs, make_comparing):
        with pytest.raises(ProblemError, match="no pairs to compare"):
            create_comparison_campaign(name="x", pairs=[])
        campaign = make_comparing(1)
        with pytest.raises(ProblemError, match="already"):
            create_comparison_campaign(name=campaign.name, pairs=make_pairs(1))
        with pytest.raises(ProblemError, match="Add pairs to it"):
            add_items(campaign=campaign, items=Item.objects.all())

    def test_nonsense_and_others_comparisons(self, make_comparing, ann, make_user):
        comparison = lease_next_pair(campaign=make_comparing(1), annotator=ann)
        with pytest.raises(ProblemError, match="left, right, or tie"):
            say(comparison, "both")
        with pytest.raises(HumanComparison.DoesNotExist):
            record_comparison(token=comparison.token, annotator=make_user("bo"), preference="left")
        with pytest.raises(ProblemError, match="reason for skipping"):
            skip_comparison(token=comparison.token, annotator=ann, reason="bored")

    def test_what_is_submitted_is_corrected_until_the_campaign_is_closed(self, make_comparing, ann):
        campaign = make_comparing(1)
        comparison = lease_next_pair(campaign=campaign, annotator=ann)
        for preference in ("left", "left", "tie"):
            say(comparison, preference)
        with pytest.raises(ConflictError, match="not skip"):
            skip_comparison(token=comparison.token, annotator=ann, reason="other")
        set_state(campaign=campaign, state="paused")
        say(comparison, "right")
        set_state(campaign=campaign, state="closed")
        with pytest.raises(ConflictError, match="closed"):
            say(comparison, "left")
        assert list(comparison.changes.values_list("preference", flat=True)) == ["left", "tie", "right"]
        assert HumanComparison.objects.get().preference == "right"
        assert ComparisonPair.objects.get().submitted == 1


class TestInACampaignThatJudgesItems:
    @pytest.fixture
    def campaign(self, make_campaign, ann, answer_all):
        """Three items of one prompt and one of another, all annotated by ann."""
        campaign = make_campaign(4)
        items = list(Item.objects.filter(campaign_items__campaign=campaign).order_by("pk"))
        Item.objects.filter(pk__in=[item.pk for item in items[:3]]).update(prompt=items[0].prompt)
        while assignment := lease_next_item(campaign=campaign, annotator=ann):
            answer_all(assignment)
            submit_assignment(token=assignment.token, annotator=ann)
        return campaign

    def test_strength_is_kept_where_the_campaign_asks_for_it(self, make_comparing, ann, client):
        plain = lease_next_pair(campaign=make_comparing(1), annotator=ann)
        page = client.get(f"/campaigns/comparisons/{plain.token}/")
        assert [(c.value, c.keys) for c in page.context["choices"]] == [
            ("left", ["1", "ArrowLeft"]), ("tie", ["2", "ArrowDown"]), ("right", ["3", "ArrowRight"])
        ]  # fmt: skip
        with pytest.raises(ProblemError, match="does not ask how much better"):
            say(plain, much_better=True)
        campaign = make_comparing(1, asks_strength=True)
        asked = lease_next_pair(campaign=campaign, annotator=ann)
        with pytest.raises(ProblemError, match="needs a preferred item"):
            say(asked, "tie", much_better=True)
        address = f"/campaigns/comparisons/{asked.token}/"
        values = [c.value for c in client.get(address).context["choices"]]
        assert values == ["left_much", "left", "tie", "right", "right_much"]
        client.post(address, {"preference": "right_much", "milliseconds": "900"})
        client.post(address, {"preference": "right"})
        client.post(address, {"preference": "right_much"})
        said = list(asked.changes.values_list("preference", "much_better"))
        assert said == [("right", True), ("right", False), ("right", True)]
        page = client.get(address)
        assert [c.value for c in page.context["choices"] if c.given] == ["right_much"]
        assert "Right is much better." in page.content.decode()
        assert queries.pair_results(campaign).get().much_better == 1
        assert "Right is much better" in client.get(f"/campaigns/{campaign.pk}/mine/").content.decode()

    def test_the_pair_loaded_ahead_is_not_among_ones_answers(self, make_comparing, ann, client):
        campaign = make_comparing(3)
        client.get(f"/campaigns/{campaign.pk}/compare/")
        assert HumanComparison.objects.count() == 2
        assert queries.my_comparisons(ann, campaign).count() == 1

    def test_pairs_are_made_of_what_one_has_annotated(self, campaign, ann, make_user):
        assert lease_next_pair(campaign=campaign, annotator=make_user("bo")) is None
        assert len(compare_all(campaign, ann)) == 3
        for pair in campaign.pairs.all():
            assert pair.first.prompt_id == pair.second.prompt_id
        assert lease_next_pair(campaign=campaign, annotator=make_user("cy")) is None
        slots_add_up(campaign)


class TestResults:
    def test_the_arrays_and_the_pairs_say_who_won(self, make_comparing, make_user):
        campaign = make_comparing(2, overlap=3)
        ann, bo, cy = (make_user(name) for name in ("ann", "bo", "cy"))
        for person, choice in ((ann, "first"), (bo, "first"), (cy, "second")):
            while comparison := lease_next_pair(campaign=campaign, annotator=person):
                wanted = getattr(comparison.pair, choice)
                say(comparison, "left" if comparison.left == wanted else "right")
        one = campaign.pairs.first()
        say(one.comparisons.get(annotator=bo), "tie")
        results = [(r.for_first, r.for_second, r.ties, r.skipped) for r in queries.pair_results(campaign)]
        assert results == [(1, 1, 1, 0), (2, 1, 0, 0)]
        table = queries.preferences([campaign])
        for left, right, preferred, first in zip(
            table.left, table.right, table.preferred, table.first_preferred, strict=True
        ):
            pair = campaign.pairs.get(first__in=[left, right])
            assert first == (preferred if pair.first_id == left else -preferred)
        assert queries.preferences([]).preferred.shape == (0,)
        summary = queries.comparison_summary(campaign)
        assert (summary.submitted, summary.ties, summary.skipped) == (6, 1, 0)
        assert summary.same_share == pytest.approx(1 / 6)

    def test_progress_counts_pairs(self, make_comparing, ann):
        campaign = make_comparing(2, overlap=1)
        say(lease_next_pair(campaign=campaign, annotator=ann))
        assert queries.pair_progress([campaign])[campaign.pk] == queries.PairProgress(2, 1, 2, 1)
        assert queries.own_shares(ann, [campaign])[campaign.pk] == queries.OwnShare(left=1, in_work=0, done=1)


@pytest.mark.django_db(transaction=True)
def test_twenty_people_at_once_compare_every_pair_exactly_three_times(make_comparing, make_user):
    campaign = make_comparing(12, overlap=3)
    people = [make_user(f"person{n}") for n in range(20)]
    barrier = threading.Barrier(len(people), timeout=60)

    def work(person):
        try:
            barrier.wait()
            return compare_all(campaign, person)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(people)) as pool:
        said = list(pool.map(work, people))
    assert all(len(pairs) == len(set(pairs)) for pairs in said)
    assert set(campaign.pairs.values_list("submitted", "open_slots")) == {(3, 0)}
    assert HumanComparison.objects.count() == 36
    slots_add_up(campaign)


@pytest.mark.django_db(transaction=True)
def test_a_double_click_is_one_comparison(make_comparing, ann):
    comparison = lease_next_pair(campaign=make_comparing(1), annotator=ann)
    barrier = threading.Barrier(6, timeout=60)

    def click(_):
        try:
            barrier.wait()
            say(comparison)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(click, range(6)))
    assert ComparisonPair.objects.get().submitted == 1
    assert comparison.changes.count() == 1


class TestForPrograms:
    def test_a_campaign_of_explicit_pairs_and_what_is_said(self, make_pairs, api_of):
        load_builtin_checklists()
        (first, second), (third, fourth) = make_pairs(2)
        root = api_of(Role.ADMIN, "root")
        asked = {"name": "Tuned against start", "pairs": [[first.pk, second.pk], [third.pk, fourth.pk]], "overlap": 1,
                 "asks_strength": True}  # fmt: skip
        made = root.post("/api/v1/comparison-campaigns/", asked, format="json")
        assert made.status_code == 201
        pk = made.json()["id"]
        assert root.post(f"/api/v1/campaigns/{pk}/state/", {"state": "open"}).status_code == 200
        ann = api_of(Role.ANNOTATOR, "ann")
        base = f"/api/v1/comparison-campaigns/{pk}/"
        one = ann.post(f"{base}next/").json()
        shown = HumanComparison.objects.get(token=one["id"])
        assert {shown.left, shown.right} == {first, second}
        assert one["left_url"].endswith(f"/campaigns/media/{shown.token}/left/")
        assert "generator" not in str(one)
        said = ann.post(f"/api/v1/comparisons/{one['id']}/prefer/", {"preference": "left", "much_better": True}).json()
        assert (said["state"], said["preference"], said["much_better"]) == ("submitted", "left", True)
        two = ann.post(f"{base}next/").json()
        assert ann.post(f"/api/v1/comparisons/{two['id']}/skip/", {"reason": "broken"}).json()["state"] == "skipped"
        assert ann.post(f"/api/v1/comparisons/{two['id']}/take-up/").json()["state"] == "leased"
        ann.post(f"/api/v1/comparisons/{two['id']}/prefer/", {"preference": "tie"})
        assert ann.post(f"{base}next/").status_code == 204
        assert ann.get("/api/v1/comparisons/").json()["count"] == 2
        results = root.get(f"{base}pairs/").json()["results"]
        assert [(r["for_first"] + r["for_second"], r["ties"]) for r in results] == [(1, 0), (0, 1)]
        assert results[0]["for_first"] == int(shown.left == first)
        assert [r["much_better"] for r in results] == [1, 0]

    def test_what_is_not_ones_own_is_not_there(self, make_comparing, api_of, ann):
        campaign = make_comparing(1)
        comparison = lease_next_pair(campaign=campaign, annotator=ann)
        other = api_of(Role.ANNOTATOR, "bo")
        assert other.get(f"/api/v1/comparisons/{comparison.token}/").status_code == 404
        refused = other.post(f"/api/v1/comparisons/{comparison.token}/prefer/", {"preference": "left"})
        assert refused.status_code == 404
        assert other.get(f"/api/v1/comparison-campaigns/{campaign.pk}/pairs/").status_code == 403
        root = api_of(Role.ADMIN, "root")
        refused = root.post("/api/v1/comparison-campaigns/", {"name": "x", "pairs": [[1, 10**9]]}, format="json")
        assert (refused.status_code, refused.json()["code"]) == (400, "no_item")


class TestMakingACampaign:
    @pytest.fixture
    def painted(self, make_pairs):
        """Two prompts; of each an item by painter, one by tuned, and one by somebody else."""
        painter, tuned, other = (
            Generator.objects.create(name=name, parameters_sha256=name) for name in ("painter", "tuned", "other")
        )
        load_builtin_checklists()
        for number in range(2):
            prompt = Prompt.objects.create(text=f"A wren, number {number}")
            for generator in (painter, tuned, other):
                Item.objects.create(
                    media_type="image", prompt=prompt, generator=generator, sha256=f"{generator.name}{number}",
                    extension="png", mime_type="image/png", size_bytes=1, width=64, height=48,
                )  # fmt: skip
        return painter, tuned

    def test_pairs_are_drawn_by_prompt_and_generator(self, painted):
        painter, tuned = painted
        by = {"media_type": "image", "per_prompt": 9}
        both = fitting_pairs(first=painter, second=tuned, **by)
        assert [(a.generator, b.generator) for a, b in both] == [(painter, tuned)] * 2
        assert all(a.prompt_id == b.prompt_id for a, b in both)
        assert {a.generator for a, _ in fitting_pairs(first=painter, **by)} == {painter}
        assert {b.generator for _, b in fitting_pairs(second=painter, **by)} == {painter}
        assert len(fitting_pairs(first=painter, **by)) == 4
        assert len(fitting_pairs(**by)) == 6
        assert fitting_pairs(first=painter, second=painter, **by) == []
        drawn = fitting_pairs(media_type="image", per_prompt=1, seed=3)
        assert drawn == fitting_pairs(media_type="image", per_prompt=1, seed=3)
        assert len(drawn) == 2
        assert len(fitting_pairs(media_type="image", prompt="number 1")) == 1

    def test_an_admin_makes_one(self, painted, client, make_user):
        painter, tuned = painted
        client.force_login(make_user("root", Role.ADMIN), backend="django.contrib.auth.backends.ModelBackend")
        version = ChecklistVersion.objects.get(media_type="image")
        chosen = {"checklist_version": version.pk, "first": painter.pk, "second": tuned.pk, "per_prompt": 1, "seed": 0}
        assert "2 pairs match" in client.get("/campaigns/new/pairs/count/", chosen).content.decode()
        sent = {"name": "Tuned against start", "overlap": 3, "lease_seconds": 600, "asks_strength": "on", **chosen}
        refused = client.post("/campaigns/new/pairs/", sent | {"prompt": "a kite"})
        assert (refused.status_code, b"No two items with the same prompt match" in refused.content) == (422, True)
        made = client.post("/campaigns/new/pairs/", sent)
        campaign = Campaign.objects.get(name="Tuned against start")
        assert made["Location"] == f"/campaigns/{campaign.pk}/"
        assert (campaign.kind, campaign.pairs.count(), campaign.state) == ("comparing", 2, "draft")
        assert campaign.asks_strength
        assert client.get(made["Location"]).status_code == 200
        assert client.post("/campaigns/new/pairs/", sent).status_code == 422, "the name is taken"
