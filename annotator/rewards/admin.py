from django.contrib import admin
from django.db.models import Model

from annotator.rewards.models import (
    AutomaticScoring,
    BaseModel,
    PublishedWeights,
    RetrainingPolicy,
    RewardModel,
    RewardModelEvent,
    Score,
    ScoreProblem,
    ScoreRequest,
    Snapshot,
)


class ReadOnlyAdmin(admin.ModelAdmin):
    """Models and scores are what files and jobs made them: they are looked at here, and changed by their services."""

    show_full_result_count = False

    def has_add_permission(self, request: object) -> bool:
        return False

    def has_change_permission(self, request: object, obj: Model | None = None) -> bool:
        return False


@admin.register(AutomaticScoring)
class AutomaticScoringAdmin(admin.ModelAdmin):
    """Switches the scoring of new items off and on by media type."""

    list_display = ("media_type", "enabled", "first_at", "last_at")
    readonly_fields = ("first_item", "first_at", "last_at")


@admin.register(Snapshot)
class SnapshotAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "media_type",
        "checklist_version",
        "items",
        "prompts",
        "judgments",
        "created_by",
        "created_at",
    )
    list_filter = ("media_type",)
    list_select_related = ("checklist_version", "created_by")


class EventInline(admin.TabularInline):
    model = RewardModelEvent
    extra = 0
    can_delete = False

    def has_add_permission(self, request: object, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: object, obj: Model | None = None) -> bool:
        return False


@admin.register(RewardModel)
class RewardModelAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "state", "judge", "checklist_version", "created_by", "created_at", "promoted_at")
    list_filter = ("media_type", "state")
    list_select_related = ("checklist_version", "created_by")
    inlines = (EventInline,)

    def has_delete_permission(self, request: object, obj: Model | None = None) -> bool:
        return False  # its files would stay behind, and its scores would go: retire it


@admin.register(Score)
class ScoreAdmin(ReadOnlyAdmin):
    list_display = ("id", "item_id", "reward_model", "reward", "created_at")
    list_filter = ("reward_model",)
    list_select_related = ("reward_model",)
    ordering = ("-pk",)


@admin.register(ScoreProblem)
class ScoreProblemAdmin(ReadOnlyAdmin):
    list_display = ("id", "item_id", "reward_model", "message", "created_at")
    list_filter = ("reward_model",)
    list_select_related = ("reward_model",)
    ordering = ("-pk",)


@admin.register(BaseModel)
class BaseModelAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "state", "digest", "created_by", "created_at")
    list_filter = ("state",)
    list_select_related = ("created_by",)

    def has_delete_permission(self, request: object, obj: Model | None = None) -> bool:
        return False  # the page knows what needs it


@admin.register(PublishedWeights)
class PublishedWeightsAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "sha256", "created_by", "created_at")
    list_select_related = ("checklist_version", "created_by")


@admin.register(RetrainingPolicy)
class RetrainingPolicyAdmin(ReadOnlyAdmin):
    list_display = ("id", "checklist_version", "judge", "enabled", "after_annotations", "nightly_hour", "promotes")
    list_filter = ("judge", "enabled")
    list_select_related = ("checklist_version",)


@admin.register(ScoreRequest)
class ScoreRequestAdmin(ReadOnlyAdmin):
    list_display = ("id", "job", "single", "keep", "created_at")
    list_select_related = ("job",)
