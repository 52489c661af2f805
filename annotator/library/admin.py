from django.contrib import admin
from django.db.models import Model

from annotator.core.admin import ReadOnlyAdmin
from annotator.library.models import Generator, ImportBatch, ImportProblem, Item, Prompt


@admin.register(Prompt)
class PromptAdmin(ReadOnlyAdmin):
    list_display = ("id", "__str__", "created_at")
    search_fields = ("text",)


@admin.register(Generator)
class GeneratorAdmin(ReadOnlyAdmin):
    list_display = ("name", "version", "parameters", "created_at")
    search_fields = ("name", "version")


class ProblemInline(admin.TabularInline):
    model = ImportProblem
    fields = readonly_fields = ("row", "file", "field", "code", "message")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: object, obj: Model | None = None) -> bool:
        return False


@admin.register(ImportBatch)
class ImportBatchAdmin(ReadOnlyAdmin):
    list_display = ("name", "imported_by", "rows", "imported", "duplicates", "rejected", "created_at", "finished_at")
    search_fields = ("name",)
    list_select_related = ("imported_by",)
    inlines = (ProblemInline,)


@admin.register(Item)
class ItemAdmin(ReadOnlyAdmin):
    list_display = ("id", "media_type", "prompt", "generator", "width", "height", "license", "batch", "created_at")
    list_filter = ("media_type", "mime_type")
    search_fields = ("prompt__text", "generator__name", "sha256", "external_id", "file_name")
    list_select_related = ("prompt", "generator", "batch")
    show_full_result_count = False
