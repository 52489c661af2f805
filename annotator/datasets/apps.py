from django.apps import AppConfig


class DatasetsConfig(AppConfig):
    name = "annotator.datasets"
    label = "datasets"

    def ready(self) -> None:
        from annotator.campaigns import panels
        from annotator.campaigns.models import CampaignKind
        from annotator.datasets.panels import campaign_datasets

        panels.register("datasets/_campaign_panel.html", campaign_datasets, kinds=tuple(CampaignKind.values))
