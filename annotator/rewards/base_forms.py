"""The form in which a base model is registered: one that was found, or a hub id where the operator allows them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotator.core.form_fields import field_of
from annotator.rewards import vlms
from annotator.rewards.queries import registrable


class BaseModelForm(forms.Form):
    folder = forms.ChoiceField(
        label=_("Folder"), required=False, help_text=_("Models in the operator’s folders that are not registered yet.")
    )
    hub_id = forms.CharField(
        label=_("Hub ID"), max_length=200, required=False,
        widget=forms.TextInput({"placeholder": "owner/name", "autocomplete": "off", "spellcheck": "false"}),
        help_text=_("A GPU worker downloads it."),
    )  # fmt: skip
    revision = forms.CharField(
        label=_("Revision"), max_length=100, required=False,
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
        help_text=_("A commit, branch, or tag. A commit pins the version."),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.found = registrable()
        from_hub = vlms.hub_allowed()
        # One that is found is chosen already; "none" is only of use where a hub id may stand instead.
        first = [("", gettext("None: use a hub ID"))] if from_hub else []
        field_of(self, "folder", forms.ChoiceField).choices = [*first, *((name, name) for name in self.found)]
        if self.found:
            self.fields["folder"].initial = self.found[0]
        elif from_hub:
            del self.fields["folder"]
        if not from_hub:
            del self.fields["hub_id"], self.fields["revision"]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        folder, hub_id = given.get("folder", ""), given.get("hub_id", "")
        if not self.errors and bool(folder) == bool(hub_id):
            wrong = gettext("Choose a folder or enter a hub ID, not both.")
            self.add_error("hub_id" if "hub_id" in self.fields else "folder", wrong)
        return given

    def options(self) -> dict[str, Any]:
        """What :func:`annotator.rewards.services.register_base` takes."""
        given = self.cleaned_data
        return {"name": given.get("folder") or given.get("hub_id"), "revision": given.get("revision", "")}

    def refuse(self, message: str, field: str | None) -> None:
        """Put a refusal of the service at the field it is about."""
        named = "hub_id" if self.cleaned_data.get("hub_id") else "folder"
        name = "revision" if field == "revision" else named
        self.add_error(name if name in self.fields else None, message)
