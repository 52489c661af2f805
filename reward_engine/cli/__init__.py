"""The engine from a terminal: files in, files out, progress on the way.

    reward-engine judge items.csv --model FOLDER --out predictions.parquet
    reward-engine calibrate predictions.parquet --judgments judgments.csv --out calibration.json
    reward-engine weights predictions.parquet --preferences preferences.csv --out weights.json
    reward-engine score predictions.parquet --weights weights.json --out scores.csv
    reward-engine pairs scores.csv --out pairs.csv
    reward-engine mpo pairs.csv --items items.csv --pipeline FOLDER --out RUN
    reward-engine train judgments.csv --model FOLDER --out ADAPTER
    reward-engine evaluate predictions.parquet other.parquet --judgments judgments.csv --out report
    reward-engine benchmark imagereward-test FOLDER --judge FOLDER --json figures.json

``python -m reward_engine`` does the same. Every command says with ``--help`` what it reads and writes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from reward_engine import __version__
from reward_engine.cli import benchmark, calibrate, evaluate, judge, mpo, pairs, score, train, weights
from reward_engine.errors import RewardEngineError

COMMANDS = (judge, calibrate, weights, score, pairs, mpo, train, evaluate, benchmark)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status.

    0 done, 1 nothing could be done, 2 wrong usage, 3 done but not for every item, 130 interrupted.
    """
    parser = argparse.ArgumentParser(
        prog="reward-engine", description="Judge, score, train and evaluate with a checklist."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in COMMANDS:
        module.add(commands)
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options) or 0)
    except RewardEngineError as error:
        print(f"Error: {error.message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
