"""The preferences page: its figures against counts by hand, its files, its order, and what is said where nothing is."""

import csv
import io
import json
from collections.abc import Callable

import krippendorff
import numpy as np
import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotator.accounts.models import Role
from annotator.campaigns.models import HumanComparison
from annotator.campaigns.queries.comparisons import preferences
from annotator.insights.preferences.people import people_agreement, position_bias
from annotator.insights.preferences.report import report
from annotator.rewards.models import Score
from tests.annotator.insights.comparing import Compared, make_compared
from tests.factories import make_reward_model, make_score

pytestmark = pytest.mark.django_db
ADDRESS = "/insights/preferences/"


@pytest.fixture(autouse=True)
def _empty_cache(worker: None) -> None:
    cache.clear()


@pytest.fixture
def compared(make_user: Callable) -> Compared:
    return make_compared([make_user("ann"), make_user("ben")], gains={"best": 2.0, "middle": 0.5, "worst": -1.0})


def test_generators_people_and_judges(compared: Compared) -> None:
    """The report finds the order that was planted, and its shares are those counted by hand."""
    model, blind = make_reward_model(), make_reward_model(state="candidate")
    for row in compared.items:
        for item, p in zip(row, (0.9, 0.6, 0.2), strict=True):
            make_score(model, item, p)
    make_score(blind, compared.items[0][0], 0.5)  # one side alone: it prefers nothing
    found = report([compared.campaign], "image")
    assert [row.name for row in found.generators] == ["best", "middle", "worst"]
    assert (found.answers, found.pairs, found.prompts, found.annotators, found.within) == (72, 36, 12, 2, 0)
    first, last = found.generators[0].rating, found.generators[2].rating
    assert last.high < first.low
    outcome = preferences([compared.campaign]).first_preferred.reshape(36, 2)  # a pair's two answers together
    best = outcome[0::3].ravel()  # best against middle
    cell = found.matrix[0][1]
    assert (cell.wins, cell.ties, cell.losses) == tuple(int((best == one).sum()) for one in (1, 0, -1))
    same = (outcome[:, 0] == outcome[:, 1]).mean()
    assert found.people.same.value == pytest.approx(same)
    judges = {row.name or row.kind: row for row in found.judges}
    assert set(judges) == {"people", "v1", "usual_winner", "larger_file", "left_side"}
    decided = outcome[outcome != 0]
    assert judges["v1"].diff.value == pytest.approx((decided == 1).mean())  # it always prefers the first
    assert judges["usual_winner"].diff.value == pytest.approx(judges["v1"].diff.value)  # and so do other prompts
    assert judges["left_side"].diff.value == pytest.approx(found.position.share.value)
    assert judges["v1"].tau.value >= judges["v1"].diff.value * len(decided) / 72


def test_agreement_does_not_depend_on_which_item_is_first(compared: Compared) -> None:
    said = preferences([compared.campaign])
    outcome = said.first_preferred.reshape(36, 2).T
    both = np.concatenate([outcome, -outcome], axis=1).astype(float)
    expected = krippendorff.alpha(reliability_data=both, level_of_measurement="ordinal")
    assert people_agreement(said).alpha == pytest.approx(expected)
    HumanComparison.objects.filter(preference="right").update(preference="left")
    bias = position_bias(preferences([compared.campaign]))
    assert (bias.share.value, bias.favors) == (1.0, "left")


def test_the_page_its_order_and_its_files(sign_in: Callable, compared: Compared) -> None:
    client = sign_in(Role.REVIEWER)
    page = client.get(ADDRESS).content.decode()
    for words in ("Ratings", "Who beats whom", "People among themselves", "Baseline: chance", "CSV"):
        assert words in page
    assert page.index('<th scope="row">best') < page.index('<th scope="row">worst')
    page = client.get(ADDRESS, {"sort_generators": "rating"}).content.decode()
    assert page.index('<th scope="row">worst') < page.index('<th scope="row">best')
    assert 'aria-sort="ascending"' in page
    part = client.get(
        ADDRESS, {"campaign": compared.campaign.pk}, headers={"HX-Request": "true", "HX-Target": "preferences"}
    )
    assert "<html" not in part.content.decode()
    assert part["HX-Push-Url"] == f"{ADDRESS}?campaign={compared.campaign.pk}"
    rows = list(csv.DictReader(io.StringIO(client.get(f"{ADDRESS}generators/csv/").content.decode())))
    assert [row["generator"] for row in rows] == ["best", "middle", "worst"]
    assert float(rows[0]["rating_low"]) < float(rows[0]["rating"]) < float(rows[0]["rating_high"])
    assert rows[0]["standing"] == "rated"
    for table in ("win-rates", "judges"):
        response = client.get(f"{ADDRESS}{table}/json/")
        assert json.loads(response.content)["rows"], table
        assert response["Content-Disposition"] == f'attachment; filename="{table}.json"'
    assert client.get(f"{ADDRESS}judges/xlsx/").status_code == 404
    assert client.get(f"{ADDRESS}nothing/csv/").status_code == 404


def test_the_page_asks_for_as_little_with_more_comparisons(
    sign_in: Callable, compared: Compared, make_user: Callable
) -> None:
    client = sign_in(Role.REVIEWER)
    client.get(ADDRESS)
    counts = []
    for seed in (1, 2):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get(ADDRESS)
        counts.append(len(queries))
        make_compared([make_user(f"cleo{seed}")], gains={"a": 1.0, "b": 0.0}, prompts=3, seed=seed)
        client.get(ADDRESS)
    assert counts[0] == counts[1]
    assert counts[0] <= 20  # those of the worker among them, who looks whether anything has changed


def test_new_answers_and_scores_are_seen(sign_in: Callable, compared: Compared) -> None:
    client = sign_in(Role.ADMIN)
    client.get(ADDRESS)
    HumanComparison.objects.filter(pair=compared.pairs[0]).delete()
    model = make_reward_model()
    for row in compared.items:
        for item in row:
            make_score(model, item, 0.5)
    assert Score.objects.count() == 36
    page = client.get(ADDRESS).content.decode()
    assert "<dd>70</dd>" in page
    assert "Reward model v1" in page


def test_what_is_missing_is_said(sign_in: Callable, make_user: Callable) -> None:
    client = sign_in(Role.REVIEWER)
    assert "Nobody has compared a pair of this media type yet" in client.get(ADDRESS).content.decode()
    assert client.get(f"{ADDRESS}judges/csv/").status_code == 404
    made = make_compared([make_user("ann")], gains={"a": 50.0, "b": 0.0}, prompts=3)
    page = client.get(ADDRESS, {"campaign": "x", "media_type": "y"}).content.decode()
    assert "always won: no finite rating" in page
    assert "No pair has answers of two people yet" in page
    HumanComparison.objects.update(preference="tie")
    made.campaign.pairs.filter(pk=made.pairs[0].pk).delete()
    assert "nothing can be said of sides" in client.get(ADDRESS).content.decode()


def test_annotators_do_not_see_it(sign_in: Callable) -> None:
    client = sign_in(Role.ANNOTATOR)
    assert client.get(ADDRESS).status_code == 403
    assert client.get(f"{ADDRESS}judges/csv/").status_code == 403
