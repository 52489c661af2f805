from rest_framework.routers import SimpleRouter

from annotator.mpo.api import PairSetViewSet, PairViewSet
from annotator.mpo.api.generations import GenerationSetViewSet
from annotator.mpo.api.prompt_sets import PromptSetViewSet

router = SimpleRouter()
router.register("pair-sets", PairSetViewSet, basename="api-pair-set")
router.register("pairs", PairViewSet, basename="api-pair")
router.register("prompt-sets", PromptSetViewSet, basename="api-prompt-set")
router.register("generation-sets", GenerationSetViewSet, basename="api-generation-set")

urlpatterns = router.urls
