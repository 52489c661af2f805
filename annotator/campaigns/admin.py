from django.contrib import admin
from django.db.models import Model

from annotator.campaigns.models import (
    Assignment,
    Campaign,
    CampaignItem,
    ChecklistVersion,
    ComparisonPair,
    Flag,
    HumanComparison,
    HumanComparisonChange,
    Judgment,
    JudgmentChange,
    LevelExample,
)
from annotator.core.admin import ReadOnlyAdmin


@admin.register(ChecklistVersion)
class ChecklistVersionAdmin(ReadOnlyAdmin):
    """A version never changes."""

    list_display = ("name", "version", "media_type", "content_hash", "created_at")
    list_filter = ("media_type",)

    def has_delete_permission(self, request: object, obj: Model | None = None) -> bool:
        return False


@admin.register(LevelExample)
class LevelExampleAdmin(ReadOnlyAdmin):
    list_display = ("id", "checklist_version", "sub_dimension", "level", "media_type", "caption")
    list_filter = ("checklist_version",)
    list_select_related = ("checklist_version",)


@admin.register(Campaign)
class CampaignAdmin(ReadOnlyAdmin):
    list_display = ("name", "media_type", "state", "checklist_version", "overlap", "is_demo", "created_at")
    list_filter = ("state", "media_type", "is_demo")
    search_fields = ("name",)
    list_select_related = ("checklist_version",)


@admin.register(CampaignItem)
class CampaignItemAdmin(ReadOnlyAdmin):
    list_display = ("id", "campaign", "item", "purpose", "priority", "needed", "open_slots", "submitted")
    list_filter = ("campaign", "purpose")
    list_select_related = ("campaign", "item__prompt")
    show_full_result_count = False


class _Rows(admin.TabularInline):
    extra = 0
    can_delete = False

    def has_add_permission(self, request: object, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: object, obj: Model | None = None) -> bool:
        return False


class JudgmentInline(_Rows):
    model = Judgment


class JudgmentChangeInline(_Rows):
    model = JudgmentChange
    verbose_name_plural = "History"


@admin.register(Assignment)
class AssignmentAdmin(ReadOnlyAdmin):
    list_display = ("id", "campaign_item", "annotator", "state", "counted", "leased_at", "submitted_at", "skip_reason")
    list_filter = ("state", "skip_reason", "counted")
    search_fields = ("annotator__username",)
    list_select_related = ("campaign_item", "annotator")
    inlines = (JudgmentInline, JudgmentChangeInline)
    show_full_result_count = False


@admin.register(ComparisonPair)
class ComparisonPairAdmin(ReadOnlyAdmin):
    list_display = ("id", "campaign", "first", "second", "needed", "open_slots", "submitted")
    list_filter = ("campaign",)
    list_select_related = ("campaign", "first__prompt", "second__prompt")
    show_full_result_count = False


class HumanComparisonChangeInline(_Rows):
    model = HumanComparisonChange
    verbose_name_plural = "History"


@admin.register(HumanComparison)
class HumanComparisonAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "pair",
        "annotator",
        "state",
        "preference",
        "much_better",
        "swapped",
        "leased_at",
        "submitted_at",
    )
    list_filter = ("state", "preference")
    search_fields = ("annotator__username",)
    list_select_related = ("pair", "annotator")
    inlines = (HumanComparisonChangeInline,)
    show_full_result_count = False


@admin.register(Flag)
class FlagAdmin(ReadOnlyAdmin):
    list_display = ("id", "item", "reason", "sub_dimension", "with_skip", "outcome", "created_at")
    list_filter = ("reason", "outcome")
    list_select_related = ("item__prompt",)
