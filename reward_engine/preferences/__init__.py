"""Human preferences → weights: which answers made people prefer one item to another."""

from reward_engine.preferences.bradley_terry import BradleyTerry, fit_bradley_terry
from reward_engine.preferences.fitting import HeldOut, PreferenceFit, fit_weights
from reward_engine.preferences.ratings import Ratings, rate
from reward_engine.preferences.selection import PenaltyScore

__all__ = [
    "BradleyTerry",
    "HeldOut",
    "PenaltyScore",
    "PreferenceFit",
    "Ratings",
    "fit_bradley_terry",
    "fit_weights",
    "rate",
]
