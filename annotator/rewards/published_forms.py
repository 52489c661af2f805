"""The form through which published question and weight files are loaded."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotator.library.models import MediaType
from annotator.rewards.services.published import LARGEST_FILE, NamedFile


class PublishedFilesForm(forms.Form):
    media_type = forms.ChoiceField(label=_("Media"), choices=MediaType.choices)
    questions = forms.FileField(
        label=_("Questions"),
        widget=forms.ClearableFileInput(attrs={"accept": ".txt"}),
        help_text=_("A .txt file with one question per line, such as image_questions_select.txt."),
    )
    weights = forms.FileField(
        label=_("Weights (optional)"),
        required=False,
        widget=forms.ClearableFileInput(attrs={"accept": ".json"}),
        help_text=_("The .json file published with these questions. Other files are rejected."),
    )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        for name in ("questions", "weights"):
            file = given.get(name)
            if file and file.size > LARGEST_FILE:  # before it is read
                self.add_error(name, gettext("This is too large for a published file."))
        return given

    def options(self) -> dict[str, Any]:
        """What :func:`annotator.rewards.services.load_published` takes."""
        given = self.cleaned_data
        weights = given.get("weights")
        return {
            "media_type": given["media_type"],
            "questions": _named(given["questions"]),
            "weights": _named(weights) if weights else None,
        }


def _named(file: UploadedFile) -> NamedFile:
    return NamedFile(file.name or "", file.read())
