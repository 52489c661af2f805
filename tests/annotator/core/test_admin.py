"""The database admin has everything, and its pages open."""

from collections.abc import Callable

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from annotator.accounts.models import Role, User
from annotator.jobs.models import Job


def test_every_table_of_ours_is_in_the_database_admin() -> None:
    shown = {*admin.site._registry}
    shown |= {inline.model for model_admin in admin.site._registry.values() for inline in model_admin.inlines}
    ours = [model for model in apps.get_models() if model.__module__.startswith("annotator.")]
    assert len(ours) > 15
    assert not [model._meta.label for model in ours if model not in shown]


@pytest.mark.django_db
def test_rows_open(client: Client, make_user: Callable[..., User]) -> None:
    root = make_user("root", Role.ADMIN, is_staff=True, is_superuser=True)
    job = Job.objects.create(kind="x", title="Import of 60 images", requested_by=root)
    client.force_login(root, backend="django.contrib.auth.backends.ModelBackend")
    for row in (root, job):
        address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
        assert client.get(address).status_code == 200
    assert client.get(reverse("admin:accounts_apitoken_add")).status_code == 403, "it could not be shown to anybody"
