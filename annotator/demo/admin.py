from django.contrib import admin

from annotator.demo.models import Milestone


@admin.register(Milestone)
class MilestoneAdmin(admin.ModelAdmin):
    list_display = ("name", "reached_at")
