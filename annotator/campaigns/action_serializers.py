"""What annotators send, as it is checked: pages and API read it through the same fields."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers

from annotator.campaigns.models import FlagReason, Preference, SkipReason
from annotator.campaigns.services import Act, Saved
from annotator.core.errors import ProblemError

LONGEST_NOTE = 2000


class JudgmentSerializer(serializers.Serializer[Any]):
    sub_dimension = serializers.CharField(max_length=60)
    level = serializers.IntegerField(
        allow_null=True, min_value=-128, max_value=127, help_text="Null withdraws the answer."
    )
    milliseconds = serializers.IntegerField(default=0, min_value=0, max_value=2_147_483_647)
    key = serializers.CharField(
        max_length=64,
        trim_whitespace=False,
        help_text="The client's own name for this act. An act sent twice takes effect once.",
    )
    sequence = serializers.IntegerField(
        min_value=0,
        max_value=2**63 - 1,
        help_text="The client's running count, so that a late packet does not undo anything newer.",
    )


MOST_AT_ONCE = 100
"""Judgments in one request; the longest built-in checklist has 21 sub-dimensions."""


class JudgmentsSerializer(serializers.Serializer[Any]):
    judgments = serializers.ListField(
        child=JudgmentSerializer(),
        min_length=1,
        max_length=MOST_AT_ONCE,
        help_text=f"In the order in which they were given; at most {MOST_AT_ONCE}.",
    )


class SubmitSerializer(serializers.Serializer[Any]):
    judgments = serializers.ListField(
        child=JudgmentSerializer(),
        required=False,
        max_length=MOST_AT_ONCE,
        help_text="Answers to save first, in the same transaction.",
    )


def acts(judgments: list[dict[str, Any]]) -> list[Act]:
    """Make acts for the service of what ``JudgmentSerializer`` has checked."""
    return [Act(**judgment) for judgment in judgments]


def outcome(saved: Saved | ProblemError) -> dict[str, Any]:
    """Say what became of one act: ``levels`` and ``applied``, or ``code`` and ``message``."""
    if isinstance(saved, ProblemError):
        return {"code": saved.code, "message": saved.message}
    return {"levels": saved.levels, "applied": saved.applied}


def _one_of(choices: Any, words: Any) -> serializers.ChoiceField:
    return serializers.ChoiceField(choices=choices, error_messages={"required": words, "invalid_choice": words})


class SkipSerializer(serializers.Serializer[Any]):
    reason = _one_of(SkipReason.choices, gettext_lazy("Choose a reason for skipping this item."))
    note = serializers.CharField(required=False, default="", allow_blank=True, max_length=LONGEST_NOTE)


class FlagRequestSerializer(serializers.Serializer[Any]):
    reason = _one_of(FlagReason.choices, gettext_lazy("Choose a reason for the report."))
    sub_dimension = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=60, help_text="Which question is ``unclear``."
    )
    note = serializers.CharField(required=False, default="", allow_blank=True, max_length=LONGEST_NOTE)


class PreferSerializer(serializers.Serializer[Any]):
    preference = _one_of(Preference.choices, gettext_lazy("Choose one of the two, or no difference."))
    much_better = serializers.BooleanField(
        default=False, help_text="Whether the preferred item is much better; only where the campaign asks for it."
    )
    milliseconds = serializers.IntegerField(default=0, min_value=0, max_value=2_147_483_647)


def _flat(errors: Any, where: str = "") -> dict[str, list[str]]:
    """Name each field by its place, ``judgments[2].level``, with what is wrong with it."""
    if isinstance(errors, list) and not any(isinstance(one, dict) for one in errors):
        return {where: [str(one) for one in errors]}
    parts = enumerate(errors) if isinstance(errors, list) else errors.items()
    flat: dict[str, list[str]] = {}
    for name, found in parts:
        flat |= _flat(found, f"{where}[{name}]" if isinstance(name, int) else f"{where}.{name}".lstrip("."))
    return flat


def read_act(fields: type[serializers.Serializer[Any]], sent: Any) -> dict[str, Any]:
    """What a page sent, checked.

    Raises:
        ProblemError: With the first thing that is wrong, and ``errors`` by field.
    """
    if isinstance(sent, dict):
        given = fields(data=sent)
        if given.is_valid():
            return dict(given.validated_data)
        errors = _flat(given.errors)
    else:
        errors = {}
    name, words = next(((name, found[0]) for name, found in errors.items()), ("", ""))
    if code := {"reason": "no_reason", "preference": "no_preference"}.get(name):
        raise ProblemError(words, code=code, errors=errors)
    said = _("Invalid answer (%(field)s: %(words)s)") % {"field": name, "words": words}
    raise ProblemError(said if name else _("Invalid answer."), code="malformed", errors=errors)
