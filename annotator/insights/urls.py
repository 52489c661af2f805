"""Addresses below /insights/."""

from django.urls import path

from annotator.insights import views, views_preferences

app_name = "insights"

urlpatterns = [
    path("agreement/", views.agreement, name="agreement"),
    path("preferences/", views_preferences.preferences, name="preferences"),
    path("preferences/<slug:table>/<slug:form>/", views_preferences.preferences_table, name="preferences-table"),
    path("agreement/<slug:sub_dimension>/", views.disagreements, name="disagreements"),
]
