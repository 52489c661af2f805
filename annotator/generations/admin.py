from django.contrib import admin

from annotator.core.admin import ReadOnlyAdmin
from annotator.generations.models import GeneratedItem, GenerationSet, PromptSet, PromptSetMember


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
