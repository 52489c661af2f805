"""What annotators send, as it is checked: pages and API read it through the same fields."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers

from annotator.campaigns.models import FlagReason, Preference, SkipReason
from annotator.core.errors import ProblemError

LONGEST_NOTE = 2000


class JudgmentSerializer(serializers.Serializer[Any]):
    sub_dimension = serializers.CharField(max_length=60)
    level = serializers.IntegerField(
        allow_null=True, min_value=-128, max_value=127, help_text="Null takes the answer back."
    )
    milliseconds = serializers.IntegerField(default=0, min_value=0, max_value=2_147_483_647)
    key = serializers.CharField(
        max_length=64,
        trim_whitespace=False,
        help_text="Of this very act, made by the client: sent twice, it has its effect once.",
    )
    sequence = serializers.IntegerField(
        min_value=0, max_value=2**63 - 1, help_text="The client's running count: a late packet undoes nothing newer."
    )


def _one_of(choices: Any, words: Any) -> serializers.ChoiceField:
    return serializers.ChoiceField(choices=choices, error_messages={"required": words, "invalid_choice": words})


class SkipSerializer(serializers.Serializer[Any]):
    reason = _one_of(SkipReason.choices, gettext_lazy("Choose why you leave this item."))
    note = serializers.CharField(required=False, default="", allow_blank=True, max_length=LONGEST_NOTE)


class FlagRequestSerializer(serializers.Serializer[Any]):
    reason = _one_of(FlagReason.choices, gettext_lazy("Choose what is the matter with this item."))
    sub_dimension = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=60, help_text="Which question is ``unclear``."
    )
    note = serializers.CharField(required=False, default="", allow_blank=True, max_length=LONGEST_NOTE)


class PreferSerializer(serializers.Serializer[Any]):
    preference = _one_of(Preference.choices, gettext_lazy("Choose one of the two, or that neither is better."))
    milliseconds = serializers.IntegerField(default=0, min_value=0, max_value=2_147_483_647)


def read_act(fields: type[serializers.Serializer[Any]], sent: Any) -> dict[str, Any]:
    """What a page sent, checked. Raises ProblemError with the first thing that is wrong, and ``errors`` by field."""
    if isinstance(sent, dict):
        given = fields(data=sent)
        if given.is_valid():
            return dict(given.validated_data)
        errors = {name: [str(one) for one in found] for name, found in given.errors.items()}
    else:
        errors = {}
    name, words = next(((name, found[0]) for name, found in errors.items()), ("", ""))
    if code := {"reason": "no_reason", "preference": "no_preference"}.get(name):
        raise ProblemError(words, code=code, errors=errors)
    said = _("This is not an answer (%(field)s: %(words)s)") % {"field": name, "words": words}
    raise ProblemError(said if name else _("This is not an answer."), code="malformed", errors=errors)
