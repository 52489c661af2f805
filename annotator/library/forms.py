"""The import form and the filters of the gallery."""

from pathlib import PurePath
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotator.core.errors import ProblemError
from annotator.core.form_fields import field_of
from annotator.core.numbers import whole
from annotator.library import queries
from annotator.library.example import COLUMNS
from annotator.library.filters import ORDERINGS
from annotator.library.manifest import ImportOptions
from annotator.library.models import ImportBatch, MediaType
from annotator.library.sources import MANIFEST_SUFFIXES

_SUFFIXES = (*MANIFEST_SUFFIXES, ".txt")  # Excel calls its “Unicode text” so
DEFAULTS = ("generator", "generator_version", "source", "license")


class ImportForm(forms.Form):
    upload = forms.FileField(
        label=_("ZIP archive"),
        help_text=_("Images and videos, plus the manifest unless you upload it below."),
        widget=forms.ClearableFileInput(attrs={"accept": ".zip,application/zip"}),
    )
    manifest = forms.FileField(
        label=_("Manifest (optional)"),
        required=False,
        help_text=_("A CSV or JSONL file. If empty, manifest.csv or manifest.jsonl inside the archive is used."),
        widget=forms.FileInput(attrs={"accept": ",".join(_SUFFIXES)}),
    )
    name = forms.CharField(
        label=_("Name of this import (optional)"),
        max_length=200,
        required=False,
        help_text=_("Helps you find it later. If empty, the archive's name is used."),
    )
    generator = forms.CharField(label=_("Generator"), max_length=200, required=False)
    generator_version = forms.CharField(label=_("Generator version"), max_length=100, required=False)
    source = forms.CharField(label=_("Source"), max_length=300, required=False)
    license = forms.CharField(label=_("License"), max_length=200, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for column, label, _help in COLUMNS:
            self.fields[f"column_{column}"] = forms.CharField(
                label=label,
                max_length=200,
                required=False,
                widget=forms.TextInput(attrs={"placeholder": column, "autocomplete": "off", "spellcheck": "false"}),
            )

    @property
    def default_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in DEFAULTS]

    @property
    def column_fields(self) -> list[forms.BoundField]:
        return [self[f"column_{column}"] for column, _label, _help in COLUMNS]

    @property
    def has_column_errors(self) -> bool:
        return any(name.startswith("column_") for name in self.errors)

    def clean_upload(self) -> UploadedFile:
        upload = self.cleaned_data["upload"]
        if PurePath(upload.name).suffix.lower() != ".zip":
            raise forms.ValidationError(
                gettext("“%(name)s” is not a ZIP archive. Pack the files and the manifest into one .zip file.")
                % {"name": upload.name}
            )
        return upload

    def clean_manifest(self) -> UploadedFile | None:
        manifest = self.cleaned_data["manifest"]
        if manifest and PurePath(manifest.name).suffix.lower() not in _SUFFIXES:
            raise forms.ValidationError(
                gettext(
                    "“%(name)s” is not a manifest. Save it as .csv (UTF-8), or as .jsonl with one JSON object per line."
                )
                % {"name": manifest.name}
            )
        return manifest

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        taken: dict[str, str] = {}
        for column, _label, _help in COLUMNS:
            theirs = cleaned.get(f"column_{column}", "")
            if theirs and theirs in taken:
                self.add_error(
                    f"column_{column}",
                    gettext("The column “%(name)s” is already used for “%(other)s”. A column can fill only one field.")
                    % {"name": theirs, "other": taken[theirs]},
                )
            taken[theirs] = column
        if not self.errors:
            try:
                ImportOptions.from_json(self.options())
            except ProblemError as problem:
                named = str(problem.details.get("field", ""))
                place = next((name for name in (named, f"column_{named}") if name in self.fields), None)
                self.add_error(place, problem.message)
        return cleaned

    def options(self) -> dict[str, Any]:
        """The options of the import service: which columns are called otherwise, and what rows that say nothing get."""
        given = self.cleaned_data
        return {
            "columns": {c: given[f"column_{c}"] for c, _l, _h in COLUMNS if given.get(f"column_{c}")},
            "defaults": {name: given[name] for name in DEFAULTS if given.get(name)},
        }


def default_name(upload: UploadedFile) -> str:
    return PurePath(upload.name or "").stem[:200] or gettext("Import")


class GalleryForm(forms.Form):
    """The gallery's filters. They are sent by GET; what is not understood is left out, not refused."""

    q = forms.CharField(
        label=_("Prompt contains"), required=False, widget=forms.TextInput(attrs={"type": "search", "maxlength": 200})
    )
    media_type = forms.ChoiceField(label=_("Media"), required=False, choices=[("", _("All media")), *MediaType.choices])
    generator = forms.ChoiceField(label=_("Generator"), required=False)
    batch = forms.ChoiceField(label=_("Import"), required=False)
    license = forms.ChoiceField(label=_("License"), required=False)
    ordering = forms.ChoiceField(
        label=_("Order"), required=False, choices=[(value, label) for value, (label, _fields) in ORDERINGS.items()]
    )

    # A select of every import ever made is no use; older ones are reached from their own page.
    BATCHES = 200

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "filter_%s")
        super().__init__(*args, **kwargs)
        names = queries.generator_names()
        field_of(self, "generator", forms.ChoiceField).choices = [
            ("", gettext("All generators")),
            *((name, name) for name in names),
        ]
        licenses = queries.licenses()
        field_of(self, "license", forms.ChoiceField).choices = [
            ("", gettext("All licenses")),
            *((name, name) for name in licenses),
        ]
        recent = list(ImportBatch.objects.order_by("-created_at").values_list("pk", "name")[: self.BATCHES])
        chosen = whole(self.data.get("batch", ""))
        if chosen is not None and chosen not in {pk for pk, _name in recent}:
            recent += ImportBatch.objects.filter(pk=chosen).values_list("pk", "name")
        field_of(self, "batch", forms.ChoiceField).choices = [("", gettext("All imports")), *recent]
