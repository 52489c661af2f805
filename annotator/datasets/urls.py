"""Addresses below /datasets/."""

from django.urls import path

from annotator.datasets import views

app_name = "datasets"

urlpatterns = [
    path("", views.dataset_list, name="list"),
    path("campaigns/<int:pk>/", views.export, name="export"),
    path("<int:pk>/", views.version, name="version"),
    path("<int:pk>/zip/", views.download_all, name="download-all"),
    path("<int:pk>/files/<str:name>", views.download, name="download"),
    path("<int:pk>/formats/<slug:name>/", views.download_format, name="download-format"),
]
