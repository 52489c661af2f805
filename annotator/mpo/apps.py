from django.apps import AppConfig


class MpoConfig(AppConfig):
    name = "annotator.mpo"
    label = "mpo"

    def ready(self) -> None:
        from annotator.library import panels
        from annotator.mpo.panels import item_pairs
        from annotator.mpo.receivers import on_scoring_finished
        from annotator.rewards.signals import scoring_finished

        scoring_finished.connect(on_scoring_finished, dispatch_uid="mpo.mine_after_scoring")
        panels.register("mpo/_item_panel.html", item_pairs)
