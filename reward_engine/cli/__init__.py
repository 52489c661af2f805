"""The engine from a terminal: files in, files out, progress on the way.

    python -m reward_engine judge items.csv --model FOLDER --out predictions.parquet
    python -m reward_engine calibrate predictions.parquet --judgments judgments.csv --out calibration.json
    python -m reward_engine weights predictions.parquet --preferences preferences.csv --out weights.json
    python -m reward_engine score predictions.parquet --weights weights.json --out scores.csv
    python -m reward_engine pairs scores.csv --out pairs.csv
    python -m reward_engine mpo pairs.csv --items items.csv --pipeline FOLDER --out RUN
    python -m reward_engine train judgments.csv --model FOLDER --out ADAPTER
    python -m reward_engine evaluate predictions.parquet other.parquet --judgments judgments.csv --out report

Every command says with ``--help`` what it reads and writes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from reward_engine.cli import calibrate, evaluate, judge, mpo, pairs, score, train, weights
from reward_engine.errors import RewardEngineError

COMMANDS = (judge, calibrate, weights, score, pairs, mpo, train, evaluate)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status.

    0 done, 1 nothing could be done, 2 wrong usage, 3 done but not for every item, 130 interrupted.
    """
    parser = argparse.ArgumentParser(
        prog="python -m reward_engine", description="Judge, score, train and evaluate with a checklist."
    )
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
