"""python -m reward_engine.mpo.training RUN, or the same behind `accelerate launch … -m`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from reward_engine.errors import RewardEngineError
from reward_engine.mpo.training.curves import Metrics
from reward_engine.mpo.training.loop import train


def show(metrics: Metrics) -> None:
    """Print the figures of a step."""
    held_out = "" if metrics.held_out_accuracy is None else f"  held out {metrics.held_out_accuracy:.3f}"
    print(
        f"step {metrics.step:6d}  loss {metrics.loss:.4f}  accuracy {metrics.accuracy:.3f}  "
        f"margin {metrics.margin:+.3f}  {metrics.seconds:.2f} s{held_out}",
        flush=True,
    )


def main() -> int:
    """Train the run of a folder."""
    parser = argparse.ArgumentParser(description="Train a prepared run, from wherever it stands.")
    parser.add_argument("run", type=Path, help="the run's folder")
    try:
        outcome = train(parser.parse_args().run, on_metrics=show)
    except RewardEngineError as error:
        print(error.message, file=sys.stderr)
        return 1
    print(f"finished after {outcome.step} steps")
    return 0


if __name__ == "__main__":
    sys.exit(main())
