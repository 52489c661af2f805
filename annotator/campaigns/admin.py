"""What stands in the tables of campaigns. Answers and leases are looked at here; only their services change them."""

from django.contrib import admin
from django.db.models import Model

from annotator.campaigns.models import (
    Assignment,
    Campaign,
    CampaignItem,
    ChecklistVersion,
    Judgment,
    JudgmentChange,
)


class LookedAtAdmin(admin.ModelAdmin):
    """Large tables: no count of all rows, and nothing to change."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: object) -> bool:
        return False

    def has_change_permission(self, request: object, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: object, obj: Model | None = None) -> bool:
        return False


@admin.register(ChecklistVersion)
class ChecklistVersionAdmin(LookedAtAdmin):
    list_display = ("name", "version", "media_type", "content_hash", "created_at")
    list_filter = ("media_type",)


@admin.register(Campaign)
class CampaignAdmin(admin.ModelAdmin):
    list_display = ("name", "media_type", "checklist_version", "state", "overlap", "is_demo", "created_at")
    list_filter = ("state", "media_type", "is_demo")
    list_select_related = ("checklist_version",)
    search_fields = ("name",)
    # The counts of its items follow from these; its own pages change what may be changed.
    readonly_fields = ("media_type", "checklist_version", "state", "overlap", "is_demo", "created_by")

    def has_add_permission(self, request: object) -> bool:
        return False


@admin.register(CampaignItem)
class CampaignItemAdmin(LookedAtAdmin):
    list_display = ("id", "campaign", "item", "purpose", "priority", "needed", "open_slots", "submitted")
    list_filter = ("purpose", "campaign")
    list_select_related = ("campaign", "item__prompt")


@admin.register(Assignment)
class AssignmentAdmin(LookedAtAdmin):
    list_display = ("id", "campaign_item_id", "annotator", "state", "leased_at", "lease_expires_at", "submitted_at")
    list_filter = ("state",)
    list_select_related = ("annotator",)


@admin.register(Judgment)
class JudgmentAdmin(LookedAtAdmin):
    list_display = ("id", "assignment_id", "sub_dimension", "level", "milliseconds", "updated_at")


@admin.register(JudgmentChange)
class JudgmentChangeAdmin(LookedAtAdmin):
    list_display = ("id", "assignment_id", "sub_dimension", "level", "sequence", "made_at")
