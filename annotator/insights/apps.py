from django.apps import AppConfig


class InsightsConfig(AppConfig):
    name = "annotator.insights"
    label = "insights"

    def ready(self) -> None:
        from annotator.core.figures import register
        from annotator.insights import home
        from annotator.insights.agreement import choice, figures
        from annotator.insights.generators import figures as generators
        from annotator.insights.preferences import figures as preferences

        figures.register()
        generators.register()
        preferences.register()
        register(choice.ANSWERED, make=choice.find_answered)
        register(home.LOOP, make=home.count_loop)
