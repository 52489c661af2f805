from django.urls import path

from annotator.core import catalog, health, metrics, pages

app_name = "core"

urlpatterns = [
    # Answered by the middleware Probes before they come here; named so that a page can link to them.
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("i18n/texts/<str:language>-<str:version>.js", catalog.catalog, name="catalog"),
    path("favicon.ico", pages.favicon, name="favicon"),
]
