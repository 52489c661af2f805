"""Plain image statistics: named numbers that a photographer would recognize.

Each module takes a prepared :class:`Picture` and returns ``{name: value}``; all values are finite
and, where their distribution has a long tail, logarithms.
"""

from reward_engine.features.statistics.all_statistics import image_statistics, statistic_names
from reward_engine.features.statistics.picture import Picture

__all__ = ["Picture", "image_statistics", "statistic_names"]
