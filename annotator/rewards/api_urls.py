from django.urls import path
from rest_framework.routers import SimpleRouter

from annotator.rewards.api import RewardModelViewSet, ScoreViewSet
from annotator.rewards.api_score import ScoreRequestView, ScoreView
from annotator.rewards.base_api import BaseModelViewSet
from annotator.rewards.policy_api import RetrainingPolicyViewSet

router = SimpleRouter()
router.register("reward-models", RewardModelViewSet, basename="api-reward-model")
router.register("retraining-policies", RetrainingPolicyViewSet, basename="api-retraining-policy")
router.register("base-models", BaseModelViewSet, basename="api-base-model")
router.register("scores", ScoreViewSet, basename="api-score")

urlpatterns = [
    path("score/", ScoreView.as_view(), name="api-score-now"),
    path("score", ScoreView.as_view(schema=None)),  # as people type it: a POST cannot be sent on
    path("score/<uuid:pk>/", ScoreRequestView.as_view(), name="api-score-request"),
    *router.urls,
]
