from django.apps import AppConfig


class RewardsConfig(AppConfig):
    name = "annotator.rewards"
    label = "rewards"
