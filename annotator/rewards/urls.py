"""Addresses below /rewards/."""

from django.urls import path

from annotator.rewards import views

app_name = "rewards"

urlpatterns = [
    path("", views.model_list, name="models"),
    path("train/", views.train, name="train"),
    path("models/<int:pk>/", views.model_detail, name="model"),
    path("models/<int:pk>/manifest.json", views.manifest, name="manifest"),
    path("models/<int:pk>/promote/", views.promote, name="promote"),
    path("models/<int:pk>/roll-back/", views.roll_back, name="roll-back"),
    path("models/<int:pk>/retire/", views.retire, name="retire"),
    path("models/<int:pk>/score/", views.request_scoring, name="request-scoring"),
    path("compare/", views.compare, name="compare"),
    path("policies/", views.policy_list, name="policies"),
    path("policies/new/", views.policy_new, name="policy-new"),
    path("policies/<int:pk>/", views.policy_edit, name="policy"),
    path("policies/<int:pk>/delete/", views.policy_delete, name="policy-delete"),
    path("policies/<int:pk>/retrain/", views.policy_retrain, name="policy-retrain"),
    path("scores/", views.score_list, name="scores"),
    path("scores/<int:pk>/", views.score_detail, name="score"),
]
