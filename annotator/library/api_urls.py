from rest_framework.routers import SimpleRouter

from annotator.library.api import GeneratorViewSet, ImportViewSet, ItemViewSet, PromptViewSet

router = SimpleRouter()
router.register("items", ItemViewSet, basename="api-item")
router.register("prompts", PromptViewSet, basename="api-prompt")
router.register("generators", GeneratorViewSet, basename="api-generator")
router.register("imports", ImportViewSet, basename="api-import")

urlpatterns = router.urls
