from django.apps import AppConfig


class InsightsConfig(AppConfig):
    name = "annotator.insights"
    label = "insights"
