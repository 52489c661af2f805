from django.apps import AppConfig


class DatasetsConfig(AppConfig):
    name = "annotator.datasets"
    label = "datasets"

    def ready(self) -> None:
        from annotator.campaigns.campaign_panels import campaign_panels
        from annotator.campaigns.models import CampaignKind
        from annotator.core.figures import register
        from annotator.datasets.panels import campaign_datasets
        from annotator.datasets.queries.annotations import PREVIEW, count_preview
        from annotator.datasets.queries.versions import COUNTS, count_annotations

        register(COUNTS, make=count_annotations)
        register(PREVIEW, make=count_preview)
        campaign_panels.register("datasets/_campaign_panel.html", campaign_datasets, kinds=tuple(CampaignKind.values))
