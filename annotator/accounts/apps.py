from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "annotator.accounts"
    label = "accounts"

    def ready(self) -> None:
        from allauth.account import signals
        from allauth.mfa import signals as mfa

        from annotator.accounts import receivers

        signals.password_reset.connect(receivers.on_password_reset, dispatch_uid="accounts")
        signals.password_changed.connect(receivers.on_password_changed, dispatch_uid="accounts")
        mfa.authenticator_added.connect(receivers.on_factor_added, dispatch_uid="accounts")
        mfa.authenticator_removed.connect(receivers.on_factor_removed, dispatch_uid="accounts")
