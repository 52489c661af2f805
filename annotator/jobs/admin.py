from django.contrib import admin

from annotator.jobs.models import Job, JobChunk


@admin.register(Job)
class JobAdmin(admin.ModelAdmin):
    list_display = ("name", "kind", "queue", "state", "attempts", "requested_by", "created_at", "finished_at")
    list_filter = ("state", "queue", "kind")
    search_fields = ("title", "kind", "id")
    readonly_fields = tuple(field.name for field in Job._meta.fields)

    def has_add_permission(self, request: object) -> bool:
        return False


@admin.register(JobChunk)
class JobChunkAdmin(admin.ModelAdmin):
    list_display = tuple(field.name for field in JobChunk._meta.fields if field.name not in ("payload", "ids"))
    list_select_related = ("job",)
    readonly_fields = tuple(field.name for field in JobChunk._meta.fields)

    def has_add_permission(self, request: object) -> bool:
        return False
