from allauth.account import views as allauth
from django.urls import include, path, re_path

from annotator.accounts import views

app_name = "accounts"

urlpatterns = [
    path("preferences/theme/", views.set_theme, name="theme"),
    path("accounts/tokens/", views.tokens, name="tokens"),
    path("accounts/tokens/<int:pk>/revoke/", views.revoke_token, name="revoke-token"),
    path("people/", views.people, name="people"),
    path("people/audit/", views.audit_log, name="audit"),
    path("people/<int:pk>/roles/", views.set_roles, name="set-roles"),
    path("people/<int:pk>/active/", views.set_active, name="set-active"),
    path("people/<int:pk>/password-link/", views.password_link, name="password-link"),
    path("people/invite/", views.invite, name="invite"),
    path("people/invitations/<int:pk>/withdraw/", views.withdraw_invitation, name="withdraw-invitation"),
    path("invitation/<str:code>/", views.accept_invitation, name="accept-invitation"),
]

# Those of allauth's pages that this installation uses, under the names it looks for. The others (addresses,
# confirmation and reset by mail) need a mail server; here an admin makes the links.
sign_in_urlpatterns = [
    path("login/", allauth.login, name="account_login"),
    path("logout/", allauth.logout, name="account_logout"),
    path("inactive/", allauth.account_inactive, name="account_inactive"),
    path("signup/", allauth.signup, name="account_signup"),
    path("reauthenticate/", allauth.reauthenticate, name="account_reauthenticate"),
    path("sessions/", include("allauth.usersessions.urls")),
    path("2fa/", include("allauth.mfa.urls")),
    path("password/change/", allauth.password_change, name="account_change_password"),
    path("password/set/", allauth.password_set, name="account_set_password"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        allauth.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/key/done/",
        allauth.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
]
