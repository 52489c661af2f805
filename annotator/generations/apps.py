from django.apps import AppConfig


class GenerationsConfig(AppConfig):
    name = "annotator.generations"
    label = "generations"
