"""A prompt set from pasted text or a file."""

from pathlib import PurePath
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotator.core.errors import ProblemError
from annotator.generations.models import PromptSet
from annotator.generations.prompts import MOST_BYTES, SUFFIXES, PromptList, RowNote, read_prompts


class PromptSetForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=200)
    description = forms.CharField(
        label=_("Description (optional)"), required=False, max_length=2000, widget=forms.Textarea({"rows": 2})
    )
    text = forms.CharField(
        label=_("Prompts, one per line"), required=False, strip=False,
        widget=forms.Textarea({"rows": 10, "spellcheck": "false"}),
    )  # fmt: skip
    file = forms.FileField(
        label=_("Or a file"), required=False,
        help_text=_("Text with one prompt per line (.txt), a table (.csv, .tsv), or JSON Lines (.jsonl), in UTF-8."),
        widget=forms.FileInput({"accept": ",".join(SUFFIXES)}),
    )  # fmt: skip
    column = forms.CharField(
        label=_("Prompt column"), required=False, max_length=200,
        help_text=_("For tables and JSON Lines. If empty, a column named prompt, text, or caption is used."),
        widget=forms.TextInput({"placeholder": "prompt", "autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip
    leave_out = forms.BooleanField(
        label=_("Leave out rows that cannot be used"), required=False,
        help_text=_("Otherwise nothing is added until they are fixed. Empty and repeated rows are always left out."),
    )  # fmt: skip

    found: PromptList | None = None

    @property
    def unusable(self) -> list[RowNote]:
        """Rows that hindered the import."""
        return self.found.unusable if self.found and not self.cleaned_data.get("leave_out") else []

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        if PromptSet.objects.filter(name=name).exists():
            raise forms.ValidationError(
                gettext("A prompt set called “%(name)s” already exists. Choose another name.") % {"name": name}
            )
        return name

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file and PurePath(file.name).suffix.lower() not in SUFFIXES:
            raise forms.ValidationError(
                gettext("“%(name)s” is not a list of prompts. Save it as .txt, .csv, or .jsonl.") % {"name": file.name}
            )
        if file and file.size > MOST_BYTES:
            raise forms.ValidationError(
                gettext("The file exceeds the limit of %(most)s MB.") % {"most": MOST_BYTES // 1024**2}
            )
        return file

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        text, file = cleaned.get("text", ""), cleaned.get("file")
        if "file" in self.errors:
            return cleaned
        if bool(text.strip()) == bool(file):
            self.add_error(
                "text",
                gettext("Enter text or choose a file, not both.")
                if file
                else gettext("Enter prompts or choose a file."),
            )
            return cleaned
        try:
            if file:
                self.found = read_prompts(file.read(), SUFFIXES[PurePath(file.name).suffix.lower()], cleaned["column"])
            else:
                self.found = read_prompts(text, "txt")
        except ProblemError as problem:
            field = problem.details.get("field")
            self.add_error(field if field in self.fields else "file" if file else "text", problem.message)
            return cleaned
        if not self.found.prompts and not self.unusable:
            self.add_error("file" if file else "text", gettext("It contains no prompts."))
        return cleaned

    def is_valid(self) -> bool:
        return super().is_valid() and not self.unusable
