"""The pages below /mpo/, one file a subject."""

from annotator.mpo.views.pairs import download, mine, pair_set, pair_sets, veto

__all__ = ["download", "mine", "pair_set", "pair_sets", "veto"]
