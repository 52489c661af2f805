from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "annotator.campaigns"
    label = "campaigns"

    def ready(self) -> None:
        from annotator.campaigns.models import LevelExample
        from annotator.library import services

        services.keeps_files(LevelExample)
