from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin

from annotator.accounts.models import ApiToken, Invitation, User


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    list_display = ("username", "first_name", "last_name", "is_active", "is_synthetic", "last_login")
    list_filter = ("groups", "is_active", "is_synthetic")
    fieldsets = (*DjangoUserAdmin.fieldsets, ("Origin", {"fields": ("is_synthetic",)}))


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):
    list_display = ("name", "user", "prefix", "last_used_at", "expires_at")
    readonly_fields = ("prefix", "last_used_at")

    def has_add_permission(self, request: object) -> bool:
        return False  # A token made here could not be shown to anybody.


@admin.register(Invitation)
class InvitationAdmin(admin.ModelAdmin):
    list_display = ("role", "note", "invited_by", "expires_at", "used_by")

    def has_add_permission(self, request: object) -> bool:
        return False
