from django.apps import AppConfig


class InsightsConfig(AppConfig):
    name = "annotator.insights"
    label = "insights"

    def ready(self) -> None:
        from annotator.core.figures import register
        from annotator.insights import home
        from annotator.insights.agreement import choice, figures

        figures.register()
        register(choice.ANSWERED, make=choice.find_answered)
        register(home.LOOP, make=home.count_loop)
