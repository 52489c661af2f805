"""Every write of the mpo app."""

from annotator.mpo.services.mining import remove_unfinished, request_pair_mining, run_pair_mining
from annotator.mpo.services.vetoes import set_veto

__all__ = ["remove_unfinished", "request_pair_mining", "run_pair_mining", "set_veto"]
