from django.urls import path

from annotator.accounts import views

app_name = "accounts"

urlpatterns = [
    path("preferences/theme/", views.set_theme, name="theme"),
    path("accounts/tokens/", views.tokens, name="tokens"),
    path("accounts/tokens/<int:pk>/revoke/", views.revoke_token, name="revoke-token"),
    path("people/", views.people, name="people"),
    path("people/<int:pk>/roles/", views.set_roles, name="set-roles"),
    path("people/<int:pk>/active/", views.set_active, name="set-active"),
    path("people/invite/", views.invite, name="invite"),
    path("people/invitations/<int:pk>/withdraw/", views.withdraw_invitation, name="withdraw-invitation"),
    path("invitation/<str:code>/", views.accept_invitation, name="accept-invitation"),
]
