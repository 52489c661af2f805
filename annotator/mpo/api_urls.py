from rest_framework.routers import SimpleRouter

from annotator.mpo.api import PairSetViewSet, PairViewSet
from annotator.mpo.api.runs import ModelComparisonViewSet, RunViewSet

router = SimpleRouter()
router.register("pair-sets", PairSetViewSet, basename="api-pair-set")
router.register("pairs", PairViewSet, basename="api-pair")
router.register("mpo-runs", RunViewSet, basename="api-mpo-run")
router.register("model-comparisons", ModelComparisonViewSet, basename="api-model-comparison")

urlpatterns = router.urls
