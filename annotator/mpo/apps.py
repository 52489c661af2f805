from django.apps import AppConfig


class MpoConfig(AppConfig):
    name = "annotator.mpo"
    label = "mpo"
