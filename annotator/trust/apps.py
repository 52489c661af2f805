from django.apps import AppConfig


class TrustConfig(AppConfig):
    name = "annotator.trust"
    label = "trust"

    def ready(self) -> None:
        from annotator.campaigns import hooks
        from annotator.campaigns.signals import assignment_submitted
        from annotator.trust import receivers, services

        hooks.gates.append(services.require_standing)
        hooks.choosers += [services.choose_qualification, services.choose_gold]
        assignment_submitted.connect(receivers.on_submitted, dispatch_uid="trust")
