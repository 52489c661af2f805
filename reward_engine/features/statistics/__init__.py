"""Plain image statistics: named numbers that a photographer would recognise.

Each module takes a prepared :class:`Picture` and returns ``{name: value}``; all values are finite
and, where their distribution has a long tail, logarithms.
"""

from reward_engine.features.statistics.picture import Picture, image_statistics, statistic_names

__all__ = ["Picture", "image_statistics", "statistic_names"]
