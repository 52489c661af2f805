"""Measure what the embedded judge is worth on real ratings: ``python -m benchmarks.quality --data FOLDER``."""
