from django.apps import AppConfig


class MpoConfig(AppConfig):
    name = "annotator.mpo"
    label = "mpo"

    def ready(self) -> None:
        from annotator.core.figures import register
        from annotator.library.item_panels import item_panels
        from annotator.mpo.panels import item_pairs
        from annotator.mpo.queries import pair_sets
        from annotator.mpo.receivers import on_scoring_finished
        from annotator.rewards.signals import scoring_finished

        register(pair_sets.MINABLE, make=pair_sets.count_minable)
        scoring_finished.connect(on_scoring_finished, dispatch_uid="mpo.mine_after_scoring")
        item_panels.register("mpo/_item_panel.html", item_pairs)
