"""``python -m reward_engine``: judge, score, train, evaluate, pairs."""

from reward_engine.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
