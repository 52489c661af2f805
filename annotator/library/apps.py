from django.apps import AppConfig


class LibraryConfig(AppConfig):
    name = "annotator.library"
    label = "library"

    def ready(self) -> None:
        from annotator.library import queries

        queries.register()
