"""The API's description of itself: whole, valid, and without a warning."""

import io

import pytest
from django.core.management import call_command


@pytest.mark.django_db
def test_the_openapi_file_is_valid_and_made_without_a_warning() -> None:
    out = io.StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)
    assert out.getvalue().startswith("openapi: 3.1")
