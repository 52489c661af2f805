from django.apps import AppConfig


class TrustConfig(AppConfig):
    name = "annotator.trust"
    label = "trust"
