from django.contrib import admin

from annotator.datasets.models import DatasetVersion


@admin.register(DatasetVersion)
class DatasetVersionAdmin(admin.ModelAdmin):
    """A version is looked at here; it never changes."""

    list_display = ("campaign", "version", "annotations", "items", "created_by", "created_at")
    list_filter = ("campaign__media_type",)
    search_fields = ("campaign__name",)
    list_select_related = ("campaign", "created_by")
    readonly_fields = tuple(field.name for field in DatasetVersion._meta.fields)

    def has_add_permission(self, request: object) -> bool:
        return False

    def has_change_permission(self, request: object, obj: object = None) -> bool:
        return False
