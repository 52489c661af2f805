from rest_framework.routers import SimpleRouter

from annotator.campaigns.api import (
    AssignmentViewSet,
    CampaignViewSet,
    ChecklistViewSet,
    ComparisonCampaignViewSet,
    FlagViewSet,
    HumanComparisonViewSet,
)

router = SimpleRouter()
router.register("checklists", ChecklistViewSet, basename="api-checklist")
router.register("campaigns", CampaignViewSet, basename="api-campaign")
router.register("assignments", AssignmentViewSet, basename="api-assignment")
router.register("flags", FlagViewSet, basename="api-flag")
router.register("comparison-campaigns", ComparisonCampaignViewSet, basename="api-comparison-campaign")
router.register("comparisons", HumanComparisonViewSet, basename="api-comparison")

urlpatterns = router.urls
