"""Addresses below /rewards/."""

from django.urls import path

from annotator.rewards import views

app_name = "rewards"

urlpatterns = [
    path("", views.model_list, name="models"),
    path("train/", views.train, name="train"),
    path("train/estimate/", views.train_estimate, name="train-estimate"),
    path("trainings/<uuid:pk>/", views.training_detail, name="training"),
    path("trainings/<uuid:pk>/cancel/", views.training_cancel, name="training-cancel"),
    path("trainings/<uuid:pk>/resume/", views.training_resume, name="training-resume"),
    path("bases/", views.base_list, name="bases"),
    path("bases/<int:pk>/", views.base_detail, name="base"),
    path("bases/<int:pk>/check/", views.check_base, name="check-base"),
    path("bases/<int:pk>/delete/", views.delete_base, name="delete-base"),
    path("models/<int:pk>/", views.model_detail, name="model"),
    path("models/<int:pk>/manifest.json", views.manifest, name="manifest"),
    path("models/<int:pk>/files/<path:name>", views.model_file, name="model-file"),
    path("models/<int:pk>/promote/", views.promote, name="promote"),
    path("models/<int:pk>/roll-back/", views.roll_back, name="roll-back"),
    path("models/<int:pk>/retire/", views.retire, name="retire"),
    path("models/<int:pk>/score/", views.request_scoring, name="request-scoring"),
    path("published/", views.load_published, name="published"),
    path("compare/", views.compare, name="compare"),
    path("policies/", views.policy_list, name="policies"),
    path("policies/new/", views.policy_new, name="policy-new"),
    path("policies/<int:pk>/", views.policy_edit, name="policy"),
    path("policies/<int:pk>/delete/", views.policy_delete, name="policy-delete"),
    path("policies/<int:pk>/retrain/", views.policy_retrain, name="policy-retrain"),
    path("scores/", views.score_list, name="scores"),
    path("scores/<int:pk>/", views.score_detail, name="score"),
]
