from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "annotator.campaigns"
    label = "campaigns"

    def ready(self) -> None:
        from annotator.campaigns.access import given_to
        from annotator.campaigns.models import LevelExample
        from annotator.library import access, services

        access.register(given_to)
        services.keeps_files(LevelExample)
