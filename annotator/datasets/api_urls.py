from rest_framework.routers import SimpleRouter

from annotator.datasets.api import DatasetViewSet

router = SimpleRouter()
router.register("datasets", DatasetViewSet, basename="api-dataset")

urlpatterns = router.urls
