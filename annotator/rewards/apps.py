from django.apps import AppConfig
from django.core import checks


class RewardsConfig(AppConfig):
    name = "annotator.rewards"
    label = "rewards"

    def ready(self) -> None:
        from annotator.campaigns import hooks
        from annotator.core.figures import register
        from annotator.jobs.job_pages import JOB_PAGES
        from annotator.library.item_panels import item_panels
        from annotator.library.signals import item_recorded
        from annotator.rewards.endpoints import check_addresses
        from annotator.rewards.judges import (  # noqa: F401 - registers itself
            endpoint,
            probe,
            vlm,
        )
        from annotator.rewards.panels import item_panel
        from annotator.rewards.queries import counts
        from annotator.rewards.queries.models import register as register_choices
        from annotator.rewards.queries.policies import NEW, count_new
        from annotator.rewards.queries.scores import register as register_distributions
        from annotator.rewards.receivers import on_item_recorded, on_scoring_finished
        from annotator.rewards.services.training_request import TRAIN_TASK
        from annotator.rewards.signals import scoring_finished
        from annotator.rewards.suggestions import suggest

        checks.register(check_addresses)
        counts.register()
        register(NEW, make=count_new)
        register_choices()
        register_distributions()
        JOB_PAGES[TRAIN_TASK] = "rewards:training"
        item_recorded.connect(on_item_recorded, dispatch_uid="rewards.automatic")
        scoring_finished.connect(on_scoring_finished, dispatch_uid="rewards.uncertainty")
        item_panels.register("rewards/_item_panel.html", item_panel)
        hooks.suggesters.append(suggest)
