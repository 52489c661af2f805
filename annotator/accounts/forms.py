from typing import Any

from allauth.account.forms import LoginForm
from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from annotator.accounts.models import Role, Scope
from annotator.core.form_fields import field_of


class SignInForm(LoginForm):
    """allauth's form, with the way out that exists here: an admin, not a mail."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = ""


LIVES = [(30, _("30 days")), (90, _("90 days")), (365, _("1 year")), (0, _("No expiration"))]


class TokenForm(forms.Form):
    name = forms.CharField(
        label=_("Name"), max_length=100, help_text=_("What the token is for, so that you can recognize it later.")
    )
    days = forms.TypedChoiceField(
        label=_("Valid for"),
        coerce=int,
        choices=LIVES,
    )
    scopes = forms.MultipleChoiceField(
        label=_("Scopes"), choices=Scope.choices, widget=forms.CheckboxSelectMultiple, initial=[Scope.READ]
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        longest = settings.API_TOKEN_MAX_DAYS
        lives = [(days, words) for days, words in LIVES if not longest or 0 < days <= longest]
        field_of(self, "days", forms.TypedChoiceField).choices = lives or [
            (longest, ngettext("%(n)d day", "%(n)d days", longest) % {"n": longest})
        ]
        self.fields["days"].initial = min(90, longest or 90)


class InvitationForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)
    note = forms.CharField(label=_("Recipient"), max_length=200, required=False, help_text=_("Visible to admins only."))
