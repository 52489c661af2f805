from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db.models import QuerySet
from django.http import HttpRequest

from annotator.accounts import audit
from annotator.accounts.models import ApiToken, AuditEvent, Invitation, User
from annotator.accounts.requests import person_of
from annotator.accounts.services import revoke_token, rights_of


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    list_display = ("username", "first_name", "last_name", "is_active", "is_synthetic", "last_login")
    list_filter = ("groups", "is_active", "is_synthetic")
    fieldsets = (*(DjangoUserAdmin.fieldsets or ()), ("Origin", {"fields": ("is_synthetic",)}))

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        before = rights_of(User.objects.get(pk=form.instance.pk)) if change else None
        super().save_related(request, form, formsets, change)
        audit.record(
            actor=request.user,
            action="user.changed" if change else "user.made",
            subject=form.instance.username,
            before=before,
            after=rights_of(form.instance) | {"changed": form.changed_data},
        )


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):
    list_display = ("name", "user", "prefix", "last_used_at", "expires_at")
    readonly_fields = ("prefix", "last_used_at")

    def has_add_permission(self, request: object) -> bool:
        return False  # A token made here could not be shown to anybody.

    def has_change_permission(self, request: object, obj: object = None) -> bool:
        return False  # What it may be used for, and how long, was decided when it was made.

    def delete_model(self, request: HttpRequest, obj: ApiToken) -> None:
        revoke_token(token=obj, by=person_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        for token in queryset:
            revoke_token(token=token, by=person_of(request))


@admin.register(Invitation)
class InvitationAdmin(admin.ModelAdmin):
    list_display = ("role", "note", "invited_by", "expires_at", "used_by")

    def has_add_permission(self, request: object) -> bool:
        return False


@admin.register(AuditEvent)
class AuditEventAdmin(admin.ModelAdmin):
    list_display = ("at", "actor_name", "action", "subject")
    list_filter = ("action",)
    search_fields = ("actor_name", "subject")

    def has_add_permission(self, request: object) -> bool:
        return False

    def has_change_permission(self, request: object, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: object, obj: object = None) -> bool:
        return False
