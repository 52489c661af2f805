"""Addresses below /mpo/."""

from django.urls import path

from annotator.mpo import views
from annotator.mpo.run_urls import urlpatterns as run_patterns

app_name = "mpo"

urlpatterns = [
    path("", views.pair_sets, name="pair-sets"),
    path("mine/", views.mine, name="mine"),
    path("<int:pk>/", views.pair_set, name="pair-set"),
    path("<int:pk>/download/<slug:kind>/", views.download, name="download"),
    path("pairs/<int:pk>/veto/", views.veto, name="veto"),
    *run_patterns,
]
