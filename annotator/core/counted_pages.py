"""Pages of a list whose length is known already, or known well enough."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.core.paginator import Paginator

if TYPE_CHECKING:
    from django_filters import FilterSet


def narrowing(filters: Mapping[str, str], by: type[FilterSet], but: Container[str]) -> str:
    """Write which rows a query keeps as a query string, the same however it was asked.

    Args:
        by: What reads the query.
        but: Names that keep every row, such as the order's.
    """
    kept = ((name, value) for name, value in filters.items() if value and name in by.base_filters and name not in but)
    return urlencode(sorted(kept))


class CountedPaginator(Paginator):
    """A paginator that is told how many rows there are: counting a million takes longer than showing fifty.

    The number may be seconds old. A last page that has emptied since is shown empty.
    """

    def __init__(self, rows: Any, per_page: int, n: int) -> None:
        super().__init__(rows, per_page)
        self.count = n  # in the place of a cached property
