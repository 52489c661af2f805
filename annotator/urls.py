"""The addresses. Each app owns the paths below its own name."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

from annotator.accounts.urls import sign_in_urlpatterns
from annotator.core.api_schema import SchemaView
from annotator.core.pages import api_docs
from annotator.insights.home import home

# Signing in is in one place, with its limits on attempts and whatever single sign-on is set up.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]  # as allauth documents it
admin.site.site_title = admin.site.site_header = "VisionReward · database"

handler400 = "annotator.core.pages.bad_request"
handler403 = "annotator.core.pages.forbidden"
handler404 = "annotator.core.pages.not_found"
handler429 = "annotator.core.pages.too_many_requests"
handler500 = "annotator.core.pages.server_error"

urlpatterns = [
    path("", home, name="home"),
    path("", include("annotator.core.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include("annotator.accounts.urls")),
    path("accounts/", include(sign_in_urlpatterns)),
    path("jobs/", include("annotator.jobs.urls")),
    path("library/", include("annotator.library.urls")),
    path("campaigns/", include("annotator.campaigns.urls")),
    path("trust/", include("annotator.trust.urls")),
    path("rewards/", include("annotator.rewards.urls")),
    path("mpo/", include("annotator.generations.urls")),
    path("mpo/", include("annotator.mpo.urls")),
    path("datasets/", include("annotator.datasets.urls")),
    path("insights/", include("annotator.insights.urls")),
    path("system/", include("annotator.system.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", include("annotator.core.api_urls")),
    path("api/v1/", include("annotator.jobs.api_urls")),
    path("api/v1/", include("annotator.library.api_urls")),
    path("api/v1/", include("annotator.campaigns.api_urls")),
    path("api/v1/", include("annotator.rewards.api_urls")),
    path("api/v1/", include("annotator.generations.api_urls")),
    path("api/v1/", include("annotator.mpo.api_urls")),
    path("api/v1/", include("annotator.datasets.api_urls")),
    path("api/v1/", include("annotator.insights.api_urls")),
    path("api/v1/", include("annotator.system.api_urls")),
    path("api/schema/", SchemaView.as_view(), name="schema"),
    path("api/docs/", api_docs, name="api-docs"),
]
