"""What the benchmark of all pages watches for."""

from benchmarks.site_map import HEAVY


def test_what_is_heavy_is_named() -> None:
    """The benchmark says which of these its process has loaded, and the test of imports keeps them out at the start."""
    assert {"torch", "crowdkit", "pandas", "scipy.stats"} <= set(HEAVY)
