"""Who works in the campaigns of these tests."""

from collections.abc import Callable

import pytest

from annotator.accounts.models import User


@pytest.fixture
def ann(make_user: Callable[..., User]) -> User:
    return make_user("ann")
