"""Benchmarks of the field by name: how their files are read, and which protocol counts. One file a benchmark.

Files are given by the user, as published; nothing is fetched.
"""

from reward_engine.evaluation.benchmarks import agiqa, fetv, genai, hpdv2, imagereward, monet, videogen
from reward_engine.evaluation.benchmarks.base import Benchmark, Content

BENCHMARKS: dict[str, Benchmark] = {
    one.name: one
    for one in (
        genai.IMAGE,
        genai.VIDEO,
        videogen.BENCHMARK,
        imagereward.BENCHMARK,
        hpdv2.BENCHMARK,
        monet.BENCHMARK,
        fetv.BENCHMARK,
        agiqa.BENCHMARK,
    )
}

__all__ = ["BENCHMARKS", "Benchmark", "Content"]
