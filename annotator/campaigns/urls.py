"""Addresses below /campaigns/."""

from django.urls import path

from annotator.campaigns.views import compare, manage, workspace

app_name = "campaigns"
urlpatterns = [
    path("", manage.campaign_list, name="list"),
    path("new/", manage.create, name="create"),
    path("new/count/", manage.count, name="count"),
    path("<int:pk>/", manage.detail, name="detail"),
    path("<int:pk>/state/", manage.change_state, name="state"),
    path("<int:pk>/guidelines/", manage.edit_guidelines, name="guidelines"),
    path("<int:pk>/work/", workspace.work, name="work"),
    path("<int:pk>/next/", workspace.following, name="next"),
    path("<int:pk>/compare/", compare.compare, name="compare"),
    path("comparisons/<int:pk>/", compare.comparison, name="comparison"),
    path("comparisons/<int:pk>/skip/", compare.skip, name="skip-comparison"),
    path("comparisons/<int:pk>/take-up/", compare.take_up, name="take-up-comparison"),
    path("<int:pk>/mine/", workspace.mine, name="mine"),
    path("checklists/<int:pk>/", manage.checklist, name="checklist"),
    path("assignments/<int:pk>/", workspace.annotate, name="annotate"),
    path("assignments/<int:pk>/judgments/", workspace.judge, name="judge"),
    path("assignments/<int:pk>/submit/", workspace.submit, name="submit"),
    path("assignments/<int:pk>/skip/", workspace.skip, name="skip"),
    path("assignments/<int:pk>/take-up/", workspace.take_up, name="take-up"),
]
