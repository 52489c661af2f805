"""The addresses. Each app owns the paths below its own name."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from annotator.insights.home import home

urlpatterns = [
    path("", home, name="home"),
    path("", include("annotator.core.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include("annotator.accounts.urls")),
    path("accounts/", include("allauth.account.urls")),
    path("jobs/", include("annotator.jobs.urls")),
    path("library/", include("annotator.library.urls")),
    path("campaigns/", include("annotator.campaigns.urls")),
    path("rewards/", include("annotator.rewards.urls")),
    path("mpo/", include("annotator.mpo.urls")),
    path("datasets/", include("annotator.datasets.urls")),
    path("insights/", include("annotator.insights.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", include("annotator.jobs.api_urls")),
    path("api/v1/", include("annotator.library.api_urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="api-docs"),
]
