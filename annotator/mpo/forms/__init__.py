"""The forms of the pages below /mpo/."""

from annotator.mpo.forms.pairs import MiningForm

__all__ = ["MiningForm"]
