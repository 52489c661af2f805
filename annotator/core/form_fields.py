"""Fields of a form that are filled when the form is made."""

from typing import TypeVar

from django import forms

FieldOf = TypeVar("FieldOf", bound=forms.Field)


def field_of(form: forms.BaseForm, name: str, kind: type[FieldOf]) -> FieldOf:
    """Find a form's field, known by its kind.

    Raises:
        TypeError: The field is of another kind.
    """
    field = form.fields[name]
    if not isinstance(field, kind):
        raise TypeError(f"{name} is a {type(field).__name__}, not a {kind.__name__}")
    return field
