"""Checklist versions, and examples of their levels."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotator.core.errors import ConflictError
from annotator.core.models import TimeStamped
from annotator.library.models import VIEW_HELP, MediaType


class ChecklistVersion(TimeStamped):
    """A checklist as it was when it was used. Immutable: an edited file becomes a new version beside it."""

    media_type = models.CharField(max_length=10, choices=MediaType.choices)
    name = models.CharField(max_length=100)
    version = models.PositiveIntegerField()
    content_hash = models.CharField(max_length=64, unique=True)
    source = models.TextField(help_text="The YAML it was loaded from.")

    class Meta:
        ordering = ["media_type", "name", "-version"]
        constraints = [models.UniqueConstraint(fields=["name", "version"], name="checklist_version_once")]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise ConflictError(
                gettext("%(self)s is in use and never changes. Load the edited file as a new version.") % {"self": self}
            )
        super().save(*args, **kwargs)


class LevelExample(TimeStamped):
    """A picture or a short clip that shows what one level looks like. The file lies in the library's store.

    Examples teach the annotators and are no part of the checklist: they may change while its version may not.
    """

    checklist_version = models.ForeignKey(ChecklistVersion, on_delete=models.CASCADE, related_name="examples")
    sub_dimension = models.CharField(max_length=60)
    level = models.SmallIntegerField()
    position = models.PositiveSmallIntegerField(default=0, help_text="Order among the level's examples.")
    caption = models.CharField(_("Caption"), max_length=300, blank=True)
    alt = models.CharField(_("Alt text"), max_length=500)
    media_type = models.CharField(max_length=10, choices=MediaType.choices)
    sha256 = models.CharField(max_length=64)
    extension = models.CharField(max_length=8)
    mime_type = models.CharField(max_length=50)
    size_bytes = models.BigIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    # Null and empty say different things here.
    view = models.CharField(max_length=8, null=True, blank=True, editable=False, help_text=VIEW_HELP)  # noqa: DJ001
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ["sub_dimension", "level", "position", "pk"]

    def __str__(self) -> str:
        return f"{self.sub_dimension} {self.level}: {self.caption or self.alt}"
