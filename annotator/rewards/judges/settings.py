"""Settings of a kind, checked by its form whether they come from a page or from a program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext

from annotator.core.errors import ProblemError


def defaults(form: type[forms.Form]) -> dict[str, Any]:
    """The initial values of a form's fields."""
    return {name: field.initial for name, field in form.base_fields.items()}


def cleaned(form: type[forms.Form], given: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values of all fields: those given, checked, and the defaults of the others.

    Raises:
        ProblemError: Naming the field that is unknown or has a value it cannot have.
    """
    unknown = sorted(set(given) - set(form.base_fields))
    if unknown:
        known = ", ".join(form.base_fields) or "none"
        raise ProblemError(
            gettext("There is no setting “%(unknown)s”. The settings of this kind are: %(known)s.")
            % {"unknown": unknown[0], "known": known},
            code="settings", field=f"settings.{unknown[0]}",
        )  # fmt: skip
    data = QueryDict(mutable=True)
    for name, value in {**defaults(form), **given}.items():
        if isinstance(value, (list, tuple)):
            data.setlist(name, [str(part) for part in value])
        elif value is not None and value is not False:
            data[name] = str(value)
    bound = form(data)
    if not bound.is_valid():
        name, errors = next(iter(bound.errors.items()))
        label = bound.fields[name].label or name if name in bound.fields else name
        raise ProblemError(f"{label}: {errors[0]}", code="settings", field=f"settings.{name}")
    return {name: plain(value) for name, value in bound.cleaned_data.items()}


def plain(value: Any) -> Any:
    """A form's value as JSON has it: of a database row its id."""
    return value.pk if hasattr(value, "pk") else value
