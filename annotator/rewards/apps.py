from django.apps import AppConfig
from django.core import checks


class RewardsConfig(AppConfig):
    name = "annotator.rewards"
    label = "rewards"

    def ready(self) -> None:
        from annotator.campaigns import hooks
        from annotator.jobs.places import PLACES
        from annotator.library import panels
        from annotator.library.signals import item_recorded
        from annotator.rewards.endpoints import check_addresses
        from annotator.rewards.judges import (  # noqa: F401 - registers itself
            endpoint,
            probe,
            vlm,
        )
        from annotator.rewards.panel import item_panel
        from annotator.rewards.receivers import on_item_recorded, on_scoring_finished
        from annotator.rewards.services.training import TRAIN_TASK
        from annotator.rewards.signals import scoring_finished
        from annotator.rewards.suggestions import suggest

        checks.register(check_addresses)
        PLACES[TRAIN_TASK] = "rewards:training"
        item_recorded.connect(on_item_recorded, dispatch_uid="rewards.automatic")
        scoring_finished.connect(on_scoring_finished, dispatch_uid="rewards.uncertainty")
        panels.register("rewards/_item_panel.html", item_panel)
        hooks.suggesters.append(suggest)
