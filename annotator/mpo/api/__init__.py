"""MPO for programs, one file a subject."""

from annotator.mpo.api.pairs import PairSetViewSet, PairViewSet

__all__ = ["PairSetViewSet", "PairViewSet"]
