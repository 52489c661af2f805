"""Reviews: what comes next, who is on it, what is asked before gold, what is counted, and comments to annotators."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from annotator.accounts.models import Role
from annotator.campaigns import hooks
from annotator.campaigns.checklists import checklist_of, level_keys
from annotator.campaigns.models import Purpose
from annotator.core.errors import ProblemError
from annotator.trust.models import Adjudication, FinishedReview, ReviewClaim, ReviewComment
from annotator.trust.queries import QueueFilters, list_disputed, review_item, review_queue, reviewer_rows
from annotator.trust.services import adjudicate, claim_next, claim_review, comment_on, finish_review, mark_comments_read
from tests.factories import make_annotations

BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def campaign(make_campaign, make_user):
    """Three items: ann finds all of them best; ben finds the clarity of all, and the symmetry of the first, worst."""
    found = make_campaign(3, overlap=2)
    for name in ("ann", "ben"):
        person = make_user(name)
        for number, row in enumerate(found.campaign_items.order_by("pk")):
            levels = {"clarity": -2} | ({"symmetry": -1} if number == 0 else {}) if name == "ben" else {}
            judge(row, person, **levels)
    return found


def judge(row, person, **levels):
    """Submit the highest levels, or those given, of all questions of an item."""
    best = {sub.id: sub.highest for sub in checklist_of(row.campaign.checklist_version).ordinal}
    make_annotations(row.campaign, [(row.item, person, best | levels)])


@pytest.fixture
def rows(campaign):
    return list(campaign.campaign_items.order_by("pk"))


@pytest.fixture
def rev(client, make_user):
    person = make_user("rev", Role.REVIEWER)
    client.force_login(person, backend=BACKEND)
    return person


def opened(answer):
    """The item that a redirect leads to, or None."""
    found = re.search(r"/trust/items/(\d+)/", answer.get("Location", ""))
    return int(found[1]) if found else None


def test_what_a_reviewer_has_finished_never_comes_back_to_them(client, rev, rows, campaign, make_user):
    """The first item keeps a tie: it goes to another reviewer, not to the same one again."""
    start = reverse("trust:review-next", args=[campaign.pk])
    assert opened(client.post(start)) == rows[0].pk, "the least agreed"
    seen = [rows[0].pk]
    for levels in ({"clarity": "2"}, {}, {"clarity": "1"}):
        answer = client.post(reverse("trust:review-item", args=[seen[-1]]), levels)
        seen.append(opened(answer))
    assert seen == [row.pk for row in rows] + [None]
    page = client.get(answer["Location"]).content.decode()
    assert "Nothing is left to review" in page
    assert opened(client.post(start)) is None
    other = make_user("other", Role.REVIEWER)
    # The first one is left for the tie, the second one for its clarity; what the first reviewer decided is no longer
    # asked.
    left = {row.campaign_item: row.disputed for row in list_disputed(campaign)}
    assert left == {rows[0].pk: ("symmetry",), rows[1].pk: ("clarity",)}
    client.force_login(other, backend=BACKEND)
    assert opened(client.post(start)) == rows[0].pk


def test_gold_with_a_disputed_question_is_asked_about_and_then_goes_on(client, rev, rows):
    address = reverse("trust:review-item", args=[rows[0].pk])
    asked = client.post(address, {"clarity": "1", "make": "gold", "note": "See the hair."})
    page = asked.content.decode()
    assert asked.status_code == 200
    assert "1 question is still disputed" in page
    assert "Save as gold without them" in page
    assert "See the hair." in page
    assert not Adjudication.objects.exists()
    clarity = next(ladder for ladder in asked.context["review"].ladders if ladder.sub.id == "clarity")
    assert clarity.decided == 1, "what was chosen on the page is still chosen"
    # Asked about one question, and answered for one: another that is opened meanwhile is asked about anew.
    again = client.post(address, {"make": "gold", "without": "symmetry"})
    assert "2 questions are still disputed" in again.content.decode()
    answer = client.post(address, {"clarity": "1", "make": "gold", "without": "symmetry"})
    assert opened(answer) == rows[1].pk
    rows[0].refresh_from_db()
    assert rows[0].purpose == Purpose.GOLD
    assert rows[0].known.levels["clarity"] == 1
    assert "symmetry" not in rows[0].known.levels
    answer = client.post(reverse("trust:review-item", args=[rows[1].pk]), {"clarity": "1", "make": "qualification"})
    assert opened(answer) == rows[2].pk, "nothing was disputed: nothing is asked"


def test_disputed_questions_come_first_with_the_annotators_keys(client, rev, rows):
    page = client.get(reverse("trust:review-item", args=[rows[0].pk])).content.decode()
    open_, folded = page.split('<details class="settled">')
    assert all(f'name="{id}"' in open_ and f'name="{id}"' not in folded for id in ("clarity", "symmetry"))
    checklist = checklist_of(rows[0].campaign.checklist_version)
    assert len(re.findall(r'name="[\w-]+" value=""', folded)) == len(checklist.sub_dimensions) - 2
    sub = next(sub for sub in checklist.ordinal if sub.masked_by_other)
    assert level_keys(sub)[1][0] == 1, "the lowest level follows from another question and has no key"
    assert re.search(rf'name="{sub.id}" value="{sub.lowest}" disabled', folded)
    assert re.search(rf'name="{sub.id}" value="{sub.scores[1]}" data-key="1"', folded)


def test_the_votes_and_the_model_stand_beside_each_other(client, rev, rows, monkeypatch):
    said = hooks.Suggestion(levels={"clarity": 0}, by="Judge 7")
    monkeypatch.setattr(hooks, "suggesters", [lambda campaign, item: said])
    page = client.get(reverse("trust:review-item", args=[rows[0].pk])).content.decode()
    assert "Show the answer of Judge 7 after my decision" in page
    marked = re.findall(r'name="(\w+)" value="(-?\d)"(?:(?!</label>).)*class="model-answer', page)
    assert marked == [("clarity", "0")]
    checklist = checklist_of(rows[0].campaign.checklist_version)
    best = checklist.sub_dimension("safety")
    assert f"Use the votes: {best.level(best.highest).name}" in page
    monkeypatch.setattr(hooks, "suggesters", [])
    assert b"model-answer" not in client.get(reverse("trust:review-item", args=[rows[0].pk])).content


def test_deciding_that_there_is_none_settles_the_dependent_questions(rows, campaign, rev):
    checklist = checklist_of(campaign.checklist_version)
    owner = next(sub for sub in checklist.ordinal if checklist.dependents(sub.id))
    dependent = checklist.dependents(owner.id)[0]
    judged = rows[0].assignments.order_by("pk").last().judgments.filter(sub_dimension=dependent.id)
    judged.update(level=dependent.scores[1])
    assert dependent.id in list_disputed(campaign)[0].disputed
    adjudicate(campaign_item=rows[0], levels={owner.id: owner.lowest}, adjudicator=rev)
    assert dependent.id not in list_disputed(campaign)[0].disputed
    assert dependent.id not in {ladder.sub.id for ladder in review_item(rows[0]).open}


def test_answers_of_an_excluded_annotator_are_shown_and_dispute_nothing(rows):
    rows[0].assignments.filter(annotator__username="ben").update(counted=False)
    review = review_item(rows[0])
    assert len(review.people) == 2
    assert review.disputed == []


def test_the_queue_is_filtered_by_the_address_and_next_keeps_to_it(client, rev, rows, campaign, make_user):
    cem, item = make_user("cem"), rows[2].item
    judge(rows[1], cem, symmetry=0)
    adjudicate(campaign_item=rows[1], levels={"clarity": 1}, adjudicator=make_user("other", Role.REVIEWER))

    def listed(**fields):
        return [row.campaign_item.pk for row in review_queue(campaign, rev, QueueFilters(**fields)).rows]

    assert listed() == [rows[0].pk, rows[2].pk]
    assert listed(sub_dimension="symmetry") == [rows[0].pk]
    assert listed(sub_dimension="clarity", include_decided=True) == [rows[0].pk, rows[2].pk, rows[1].pk]
    assert listed(annotator=cem.pk, include_decided=True) == [rows[1].pk]
    assert listed(generator=item.generator_id) == [
        row.pk for row in (rows[0], rows[2]) if row.item.generator_id == item.generator_id
    ]
    assert listed(generator=0) == []
    address = reverse("trust:review", args=[campaign.pk]) + "?sub_dimension=symmetry"
    page = client.get(address).content.decode()
    assert f'action="{reverse("trust:review-next", args=[campaign.pk])}?sub_dimension=symmetry"' in page
    answer = client.post(reverse("trust:review-item", args=[rows[0].pk]) + "?sub_dimension=symmetry", {"symmetry": "1"})
    assert answer["Location"] == address, "the third one has no such dispute"
    assert "No items match these filters" in client.get(address).content.decode()
    wrong = client.get(reverse("trust:review", args=[campaign.pk]) + "?annotator=x&generator=9e9&sub_dimension=no")
    assert wrong.status_code == 200


def test_a_claim_keeps_an_item_from_others_until_it_expires(client, rev, rows, campaign, make_user):
    other = make_user("other", Role.REVIEWER)
    queue = [row.pk for row in rows]
    assert claim_next(queue=queue, reviewer=other) == queue[0]
    assert claim_next(queue=queue, reviewer=other) == queue[0], "it is theirs"
    assert opened(client.post(reverse("trust:review-next", args=[campaign.pk]))) == queue[1]
    assert "other is on it" in client.get(reverse("trust:review", args=[campaign.pk])).content.decode()
    page = client.get(reverse("trust:review-item", args=[queue[0]])).content.decode()
    assert "other is reviewing this item until" in page
    assert not claim_review(campaign_item=queue[0], reviewer=rev)
    assert claim_next(queue=queue[:1], reviewer=rev) is None
    ReviewClaim.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert claim_next(queue=queue, reviewer=rev) == queue[0]
    client.get(reverse("trust:review-item", args=[queue[2]]))
    assert claim_next(queue=queue[2:], reviewer=other) is None, "who opens an item claims it"
    finish_review(campaign_item=rows[0], levels={}, reviewer=rev)
    assert claim_next(queue=queue, reviewer=other) == queue[0], "finished: free for others"


@pytest.mark.django_db(transaction=True)
def test_two_who_ask_at_once_get_different_items(make_campaign, make_user):
    queue = [row.pk for row in make_campaign(2).campaign_items.all()]
    people, ready = [make_user(name, Role.REVIEWER) for name in ("rev", "other")], Barrier(2)

    def ask(person):
        ready.wait(timeout=10)
        try:
            return claim_next(queue=queue, reviewer=person)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(ask, people)) == sorted(queue)


def test_reviewers_are_counted_in_all_and_by_week(client, rev, rows, campaign, make_user):
    other = make_user("other", Role.REVIEWER)
    finish_review(campaign_item=rows[0], levels={"clarity": 1, "safety": 1}, reviewer=other)
    finish_review(campaign_item=rows[1], levels={"clarity": 1}, reviewer=other)
    FinishedReview.objects.filter(campaign_item=rows[1]).update(finished_at=timezone.now() - timedelta(weeks=1))
    # What another one has decided and is sent along stays theirs.
    finish_review(campaign_item=rows[0], levels={"clarity": 1, "symmetry": 0}, reviewer=rev, note="Seen.")
    assert dict(rows[0].adjudications.values_list("sub_dimension", "adjudicator__username")) == {
        "clarity": "other", "safety": "other", "symmetry": "rev",
    }  # fmt: skip
    found = {row.reviewer: (row.items, row.decided, row.changed, row.weeks) for row in reviewer_rows(campaign.pk)}
    votes = next(ladder for ladder in review_item(rows[0]).ladders if ladder.sub.id == "safety").by_votes
    assert votes == 1
    assert found == {"other": (2, 3, 2, [1, 1, 0, 0]), "rev": (1, 1, 1, [1, 0, 0, 0])}
    assert "Consensus changed" in client.get(reverse("trust:review", args=[campaign.pk])).content.decode()


def test_a_comment_reaches_its_annotator_and_is_marked_as_read(client, rev, rows, campaign, make_user):
    ann = rows[0].assignments.get(annotator__username="ann")
    address = reverse("trust:comment", args=[rows[0].pk])
    part = client.post(address, {"assignment": ann.pk, "text": "Look at <b>hands</b>."}, headers={"HX-Request": "true"})
    said = part.content.decode()
    assert said.lstrip().startswith('<details id="comments"')
    assert "Look at &lt;b&gt;hands&lt;/b&gt;." in said
    assert "not read yet" in said
    empty = client.post(address, {"assignment": ann.pk, "text": " "}, headers={"HX-Request": "true"})
    assert "Write a comment first" in empty.content.decode()
    elsewhere = rows[1].assignments.first()
    assert client.post(address, {"assignment": elsewhere.pk, "text": "x"}).status_code == 404
    with pytest.raises(ProblemError, match="2001 characters"):
        comment_on(assignment=ann, author=rev, text="x" * 2001)
    mine, read = reverse("trust:comments"), reverse("trust:comments-read")
    assert client.get(mine).status_code == 403, "a reviewer gets none"
    client.force_login(make_user("cem"), backend=BACKEND)
    assert b"new comment" not in client.get(reverse("campaigns:list")).content
    one = ReviewComment.objects.get()
    client.post(read, {"comment": one.pk})
    assert ReviewComment.objects.filter(read_at=None).count() == 1, "it is ann's"
    comment_on(assignment=ann, author=rev, text="And feet.")
    client.force_login(ann.annotator, backend=BACKEND)
    assert client.post(address, {"assignment": ann.pk, "text": "x"}).status_code == 403
    assert "2 new comments" in client.get(reverse("campaigns:list")).content.decode()
    assert "Look at &lt;b&gt;hands&lt;/b&gt;." in client.get(mine).content.decode()
    client.post(read, {"comment": one.pk})
    assert "1 new comment" in client.get(mine).content.decode()
    assert mark_comments_read(annotator=ann.annotator) == 1
    page = client.get(mine).content.decode()
    assert "new comment" not in page
    assert "And feet." in page


def test_pages_ask_as_much_for_many_as_for_few(client, rev, rows, campaign, django_assert_max_num_queries):
    queue, item = reverse("trust:review", args=[campaign.pk]), reverse("trust:review-item", args=[rows[0].pk])
    for row in rows:
        for assignment in row.assignments.all():
            comment_on(assignment=assignment, author=rev, text="Seen.")
    finish_review(campaign_item=rows[2], levels={}, reviewer=rev)
    client.get(queue)
    with CaptureQueriesContext(connection) as few:
        assert len(client.get(f"{queue}?decided=1&sub_dimension=symmetry").context["rows"]) == 1
    with CaptureQueriesContext(connection) as many:
        assert len(client.get(f"{queue}?decided=1").context["rows"]) == 3
    assert len(few) == len(many) <= 17
    with django_assert_max_num_queries(16):
        client.get(item)
    ann = rows[0].assignments.get(annotator__username="ann").annotator
    client.force_login(ann, backend=BACKEND)
    with django_assert_max_num_queries(8):
        assert len(client.get(reverse("trust:comments")).context["page"].object_list) == 3
