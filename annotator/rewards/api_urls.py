from rest_framework.routers import SimpleRouter

from annotator.rewards.api import RewardModelViewSet, ScoreViewSet
from annotator.rewards.base_api import BaseModelViewSet
from annotator.rewards.policy_api import RetrainingPolicyViewSet

router = SimpleRouter()
router.register("reward-models", RewardModelViewSet, basename="api-reward-model")
router.register("retraining-policies", RetrainingPolicyViewSet, basename="api-retraining-policy")
router.register("base-models", BaseModelViewSet, basename="api-base-model")
router.register("scores", ScoreViewSet, basename="api-score")

urlpatterns = router.urls
