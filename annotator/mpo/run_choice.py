"""The runs to tick for a comparison: a page of those that match, and those ticked on other pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.http import QueryDict

from annotator.core.numbers import whole
from annotator.mpo.models import MpoRun
from annotator.mpo.queries.comparisons import comparable_runs

RUNS_A_PAGE = 20
MOST_TICKED = 100  # shown again; a comparison takes far fewer


@dataclass(frozen=True)
class RunChoice:
    """``elsewhere``: ticked runs that this page of the list does not show."""

    page: Page[MpoRun]
    ticked: frozenset[int]
    elsewhere: list[MpoRun]
    query: str

    @property
    def groups(self) -> list[list[MpoRun]]:
        """The runs of the page, those that began as the same model together."""
        groups: dict[str, list[MpoRun]] = {}
        for run in self.page:
            groups.setdefault(run.pipeline_fingerprint, []).append(run)
        return list(groups.values())

    @property
    def has_none(self) -> bool:
        """Whether there is no run at all."""
        return not self.query and not self.page.paginator.count


def run_choice(given: QueryDict, ticked: Sequence[object]) -> RunChoice:
    """Read the page of runs that is asked for: ``q`` words to find, ``page`` its number."""
    query = given.get("q", "").strip()[:200]
    page = Paginator(comparable_runs(query), RUNS_A_PAGE).get_page(given.get("page"))
    keys = {pk for one in ticked[:MOST_TICKED] if (pk := whole(str(one))) is not None}
    elsewhere = comparable_runs().filter(pk__in=keys - {run.pk for run in page})
    return RunChoice(page, frozenset(keys), list(elsewhere) if keys else [], query)
