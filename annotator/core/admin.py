"""What the database pages of all apps share."""

from django.contrib import admin
from django.db.models import Model


class ReadOnlyAdmin(admin.ModelAdmin):
    """What services write is looked at here, not edited: files, hashes and counts belong together."""

    def has_add_permission(self, request: object) -> bool:
        return False

    def get_readonly_fields(self, request: object, obj: Model | None = None) -> list[str]:
        return [field.name for field in self.model._meta.fields]
