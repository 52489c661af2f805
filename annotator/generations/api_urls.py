from rest_framework.routers import SimpleRouter

from annotator.generations.api.generations import GenerationSetViewSet
from annotator.generations.api.prompt_sets import PromptSetViewSet

router = SimpleRouter()
router.register("prompt-sets", PromptSetViewSet, basename="api-prompt-set")
router.register("generation-sets", GenerationSetViewSet, basename="api-generation-set")

urlpatterns = router.urls
