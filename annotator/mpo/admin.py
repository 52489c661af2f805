from django.contrib import admin

from annotator.core.admin import ReadOnlyAdmin
from annotator.mpo.models import ComparedItem, HumanVerdict, ModelComparison, MpoRun, PairSet, PreferencePair


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
