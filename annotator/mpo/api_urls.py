from rest_framework.routers import SimpleRouter

from annotator.mpo.api import PairSetViewSet, PairViewSet

router = SimpleRouter()
router.register("pair-sets", PairSetViewSet, basename="api-pair-set")
router.register("pairs", PairViewSet, basename="api-pair")

urlpatterns = router.urls
