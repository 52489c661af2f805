from typing import Any

from allauth.account.forms import LoginForm
from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from annotator.accounts.models import Role, Scope


class SignInForm(LoginForm):
    """allauth's form, with the way out that exists here: an admin, not a mail."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = ""


LIVES = [(30, _("30 days")), (90, _("90 days")), (365, _("1 year")), (0, _("No end"))]


class TokenForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=100, help_text=_("What it is for, so that you know it again."))
    days = forms.TypedChoiceField(
        label=_("Valid for"),
        coerce=int,
        choices=LIVES,
    )
    scopes = forms.MultipleChoiceField(
        label=_("May be used to"), choices=Scope.choices, widget=forms.CheckboxSelectMultiple, initial=[Scope.READ]
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        longest = settings.API_TOKEN_MAX_DAYS
        lives = [(days, words) for days, words in LIVES if not longest or 0 < days <= longest]
        self.fields["days"].choices = lives or [(longest, _("%(n)d days") % {"n": longest})]
        self.fields["days"].initial = min(90, longest or 90)


class InvitationForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)
    note = forms.CharField(label=_("For whom"), max_length=200, required=False, help_text=_("Only admins see it."))
