from django.apps import AppConfig


class TrustConfig(AppConfig):
    name = "annotator.trust"
    label = "trust"

    def ready(self) -> None:
        from annotator.campaigns import hooks
        from annotator.campaigns.campaign_panels import campaign_panels
        from annotator.campaigns.signals import assignment_submitted, items_taken_out
        from annotator.core import notices
        from annotator.trust import feedback, panels, receivers, services
        from annotator.trust.notices import new_comments
        from annotator.trust.queries import figures

        figures.register()
        hooks.gates.append(services.require_standing)
        hooks.warnings.append(services.warn_of_haste)
        hooks.choosers += [services.choose_qualification, services.choose_gold]
        hooks.feedbacks.append(feedback.after_answer)
        notices.notifiers.append(new_comments)
        campaign_panels.register("trust/_campaign_panel.html", panels.for_campaign)
        assignment_submitted.connect(receivers.on_submitted, dispatch_uid="trust")
        items_taken_out.connect(receivers.on_taken_out, dispatch_uid="trust")
