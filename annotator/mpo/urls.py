"""Addresses below /mpo/."""

from django.urls import path

from annotator.mpo import views

app_name = "mpo"

urlpatterns = [
    path("", views.pair_sets, name="pair-sets"),
]
