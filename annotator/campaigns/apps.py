from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "annotator.campaigns"
    label = "campaigns"

    def ready(self) -> None:
        from annotator.campaigns.access import given_to
        from annotator.library import access

        access.register(given_to)
