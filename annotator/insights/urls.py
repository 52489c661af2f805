"""Addresses below /insights/."""

from django.urls import path

from annotator.insights import views, views_generators, views_preferences

app_name = "insights"

urlpatterns = [
    path("agreement/", views.agreement, name="agreement"),
    path("preferences/", views_preferences.preferences, name="preferences"),
    path("preferences/<slug:table>/<slug:form>/", views_preferences.preferences_table, name="preferences-table"),
    path("generators/", views_generators.generators, name="generators"),
    path("generators/<slug:table>/<slug:form>/", views_generators.generators_table, name="generators-table"),
    path("agreement.<str:format>", views.agreement_file, name="agreement-file"),
    path("agreement/<slug:sub_dimension>/", views.disagreements, name="disagreements"),
]
