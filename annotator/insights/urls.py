"""Addresses below /insights/."""

from django.urls import path

from annotator.insights import views

app_name = "insights"

urlpatterns = [
    path("agreement/", views.agreement, name="agreement"),
    path("agreement.<str:format>", views.agreement_file, name="agreement-file"),
    path("agreement/<slug:sub_dimension>/", views.disagreements, name="disagreements"),
]
