from django.apps import AppConfig
from django.core import checks


class RewardsConfig(AppConfig):
    name = "annotator.rewards"
    label = "rewards"

    def ready(self) -> None:
        from annotator.campaigns import hooks
        from annotator.library import panels
        from annotator.rewards.endpoints import check_addresses
        from annotator.rewards.judges import (  # noqa: F401 - registers itself
            endpoint,
            probe,
            vlm,
        )
        from annotator.rewards.panel import item_panel
        from annotator.rewards.receivers import on_scoring_finished
        from annotator.rewards.signals import scoring_finished
        from annotator.rewards.suggestions import suggest

        checks.register(check_addresses)
        scoring_finished.connect(on_scoring_finished, dispatch_uid="rewards.uncertainty")
        panels.register("rewards/_item_panel.html", item_panel)
        hooks.suggesters.append(suggest)
