from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "annotator.campaigns"
    label = "campaigns"

    def ready(self) -> None:
        from annotator.campaigns.models import LevelExample
        from annotator.campaigns.queries import comparisons, items, progress, suggestions
        from annotator.core.figures import register
        from annotator.library import services

        progress.register()
        register(items.COUNTS, make=items.count_items)
        register(comparisons.PAIRS, make=comparisons.count_all_pairs)
        register(comparisons.SUMMARY, make=comparisons.summarize_comparisons)
        register(suggestions.BIAS, make=suggestions.measure_bias)
        services.keeps_files(LevelExample)
