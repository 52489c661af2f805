from django.apps import AppConfig


class RewardsConfig(AppConfig):
    name = "annotator.rewards"
    label = "rewards"

    def ready(self) -> None:
        from annotator.library import panels
        from annotator.rewards.panel import item_panel

        panels.register("rewards/_item_panel.html", item_panel)
