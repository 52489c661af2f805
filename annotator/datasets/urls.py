"""Addresses below /datasets/."""

from django.urls import path

from annotator.datasets import views

app_name = "datasets"

urlpatterns = [
    path("", views.dataset_list, name="list"),
]
