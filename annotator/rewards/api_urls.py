from rest_framework.routers import SimpleRouter

from annotator.rewards.api import RewardModelViewSet, ScoreViewSet

router = SimpleRouter()
router.register("reward-models", RewardModelViewSet, basename="api-reward-model")
router.register("scores", ScoreViewSet, basename="api-score")

urlpatterns = router.urls
