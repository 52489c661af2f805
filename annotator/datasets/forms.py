"""What one chooses about an export."""

from django import forms
from django.utils.translation import gettext_lazy as _

from annotator.trust.queries import ConsensusMethod


class ExportForm(forms.Form):
    consensus = forms.ChoiceField(
        label=_("Consensus rule"),
        choices=ConsensusMethod.choices,
        initial=ConsensusMethod.MAJORITY,
        help_text=_("A reviewer’s decision always takes precedence."),
    )

    def chosen(self) -> str:
        """What was sent, as it came: the service says what is wrong with it. Nothing sent: the majority."""
        return str(self.data.get("consensus") or ConsensusMethod.MAJORITY)
