from django.contrib import admin
from django.db.models import Model

from annotator.mpo.models import (
    ComparedItem,
    GeneratedItem,
    GenerationSet,
    HumanVerdict,
    ModelComparison,
    MpoRun,
    PairSet,
    PreferencePair,
    PromptSet,
    PromptSetMember,
)


class ReadOnlyAdmin(admin.ModelAdmin):
    """What belongs together is looked at here, not edited."""

    def has_add_permission(self, request: object) -> bool:
        return False

    def get_readonly_fields(self, request: object, obj: Model | None = None) -> list[str]:
        return [field.name for field in self.model._meta.fields]


@admin.register(PromptSet)
class PromptSetAdmin(ReadOnlyAdmin):
    list_display = ("name", "created_by", "created_at")
    search_fields = ("name", "description")
    list_select_related = ("created_by",)


@admin.register(PromptSetMember)
class PromptSetMemberAdmin(ReadOnlyAdmin):
    list_display = ("id", "prompt_set", "position", "prompt")
    search_fields = ("prompt_set__name", "prompt__text")
    list_select_related = ("prompt_set", "prompt")
    raw_id_fields = ("prompt_set", "prompt")
    show_full_result_count = False
    ordering = ("-pk",)


@admin.register(GenerationSet)
class GenerationSetAdmin(ReadOnlyAdmin):
    list_display = ("name", "prompt_set", "source", "media_type", "per_prompt", "pipeline", "created_by", "created_at")
    list_filter = ("source", "media_type")
    search_fields = ("name", "pipeline", "lora")
    list_select_related = ("prompt_set", "created_by")


@admin.register(GeneratedItem)
class GeneratedItemAdmin(ReadOnlyAdmin):
    list_display = ("id", "generation_set", "prompt", "index", "seed", "item_id", "created_at")
    search_fields = ("generation_set__name", "prompt__text")
    list_select_related = ("generation_set", "prompt")
    raw_id_fields = ("generation_set", "prompt", "item")
    show_full_result_count = False
    ordering = ("-pk",)


@admin.register(PairSet)
class PairSetAdmin(ReadOnlyAdmin):
    list_display = ("name", "reward_model", "pairs_count", "prompts", "prompts_without_pairs", "created_by", "ready_at")
    list_filter = ("reward_model__media_type",)
    search_fields = ("name",)
    list_select_related = ("reward_model", "created_by")


@admin.register(PreferencePair)
class PreferencePairAdmin(ReadOnlyAdmin):
    list_display = ("id", "pair_set", "prompt", "winner_id", "loser_id", "reward_gap", "vetoed_at", "vetoed_by")
    list_filter = (("vetoed_at", admin.EmptyFieldListFilter),)
    search_fields = ("pair_set__name", "prompt__text")
    list_select_related = ("pair_set", "prompt", "vetoed_by")
    raw_id_fields = ("pair_set", "prompt", "winner", "loser")
    show_full_result_count = False
    ordering = ("-pk",)


@admin.register(MpoRun)
class MpoRunAdmin(ReadOnlyAdmin):
    list_display = ("name", "pair_set", "pipeline", "trained_pairs", "created_by", "created_at", "finished_at")
    list_filter = (("finished_at", admin.EmptyFieldListFilter),)
    search_fields = ("name", "pipeline")
    list_select_related = ("pair_set", "created_by")
    raw_id_fields = ("pair_set", "job")


@admin.register(ModelComparison)
class ModelComparisonAdmin(ReadOnlyAdmin):
    list_display = ("name", "reward_model", "prompt_set", "created_by", "created_at", "finished_at")
    search_fields = ("name", "runs__name")
    list_select_related = ("reward_model", "prompt_set", "created_by")
    raw_id_fields = ("job",)


@admin.register(ComparedItem)
class ComparedItemAdmin(ReadOnlyAdmin):
    list_display = ("id", "comparison", "run", "prompt", "index", "seed", "item_id", "reward")
    search_fields = ("comparison__name", "prompt__text")
    list_select_related = ("comparison", "run", "prompt")
    raw_id_fields = ("comparison", "run", "prompt", "item")
    show_full_result_count = False
    ordering = ("-pk",)


@admin.register(HumanVerdict)
class HumanVerdictAdmin(ReadOnlyAdmin):
    list_display = ("id", "comparison", "run", "campaign", "created_by", "created_at")
    search_fields = ("comparison__name", "run__name", "campaign__name")
    list_select_related = ("comparison", "run", "campaign", "created_by")
