from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "annotator.campaigns"
    label = "campaigns"
