from django.apps import AppConfig


class SystemConfig(AppConfig):
    name = "annotator.system"
    label = "system"

    def ready(self) -> None:
        from annotator.core.figures import register
        from annotator.core.metrics import LOOKUPS
        from annotator.system import metrics, overview, storage

        register(storage.STORAGE, make=storage.measure)
        if metrics.look_up not in LOOKUPS:
            LOOKUPS.append(metrics.look_up)
        overview.note_start()
