"""``scripts/test``: Chromium, then lint, types and tests. Runs in the virtual environment."""

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALLERS = (
    ("apt-get", [["apt-get", "update", "-q"], ["apt-get", "install", "-y", "-q", "chromium"]]),
    ("apt-get", [["apt-get", "install", "-y", "-q", "chromium-browser"]]),
    ("dnf", [["dnf", "install", "-y", "-q", "chromium"]]),
    ("apk", [["apk", "add", "--quiet", "chromium"]]),
    ("brew", [["brew", "install", "--quiet", "--cask", "chromium"]]),
)


def chromium() -> str | None:
    return os.environ.get("CHROMIUM") or next((path for name in CHROMIUM if (path := shutil.which(name))), None)


def install_chromium() -> bool:
    """Try the machine's package manager. Returns whether Chromium is there afterwards."""
    sudo: list[str] | None = []
    if os.geteuid() != 0:
        free = shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0
        sudo = ["sudo", "-n"] if free else None
    for manager, commands in INSTALLERS:
        prefix: list[str] | None = [] if manager == "brew" else sudo  # Homebrew refuses root
        if chromium() or prefix is None or not shutil.which(manager):
            continue
        print(f"     installing Chromium with {manager} …", flush=True)
        for command in commands:
            env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            subprocess.run([*prefix, *command], capture_output=True, env=env, check=False)
    return chromium() is not None


NO_TEST = 5
"""What pytest ends with where there was no test for it."""
ENDS = {0: "passed", NO_TEST: "no test"}


def step(number: int, name: str, command: list[str], seconds: dict[str, float]) -> int:
    """Run it and note its ``seconds``; what it ended with."""
    print(f"  {number}. {name}", flush=True)
    start = time.monotonic()
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    seconds[name] = time.monotonic() - start
    print(f"     {ENDS.get(code, 'FAILED')} · {seconds[name]:.1f} s", flush=True)
    return code


TYPES = "mypy: types, beside the tests"
# Django's plugin reads the settings. With these no key is made and no embedded server is looked for.
SETTINGS = {"SECRET_KEY": "none", "DATABASE_URL": "postgresql://none", "CELERY_BROKER_URL": "redis://none"}


def quietly(command: list[str]) -> tuple[subprocess.CompletedProcess[str], float]:
    """Run a command whose output is kept; how it ended, and its seconds."""
    start = time.monotonic()
    done = subprocess.run(
        command, cwd=ROOT, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, **SETTINGS},
    )  # fmt: skip
    return done, time.monotonic() - start


def told(number: int, name: str, done: subprocess.CompletedProcess[str], took: float, seconds: dict[str, float]) -> int:
    """Show how a quiet command ended and note its ``seconds``; what it ended with."""
    seconds[name] = took
    print(
        f"  {number}. {name}\n{done.stdout.rstrip()}\n     {ENDS.get(done.returncode, 'FAILED')} · {took:.1f} s",
        flush=True,
    )
    return done.returncode


def main(arguments: list[str]) -> int:
    number = int(os.environ.pop("FIRST_STEP", "1"))
    quick = "--quick" in arguments
    browser = "--no-browser" not in arguments and not quick
    arguments = [argument for argument in arguments if argument not in {"--no-browser", "--quick"}]
    if browser and not chromium() and not install_chromium():
        print(
            "  Chromium was not found and could not be installed here. Install it (for example: apt install chromium), "
            "name one with CHROMIUM=/path, or leave the pages out: scripts/test --no-browser",
            file=sys.stderr,
        )
        return 1
    python = sys.executable
    processes = os.environ.get("TEST_PROCESSES", "2")
    slowest = ["--durations", "25", "--durations-min", "3"]
    pytest = [python, "-m", "pytest", "-n", processes, "--dist", "worksteal", *slowest, *arguments]
    steps = [
        ("ruff: mistakes", [python, "-m", "ruff", "check", "."]),
        ("ruff: style", [python, "-m", "ruff", "format", "--check", "--quiet", "."]),
    ]
    if quick:
        steps += [("pytest: the quick tests", [*pytest, "--quick", "-m", "not alone and not browser"])]
    else:
        steps += [
            ("pytest: what nothing may run beside", [*pytest, "-n", "0", "-m", "alone"]),
            ("pytest: every other test", [*pytest, "-m", "not alone" if browser else "not alone and not browser"]),
        ]
    start = time.monotonic()
    seconds: dict[str, float] = {}
    *first, (longest_step, tests) = steps
    codes = {name: step(number + index, name, command, seconds) for index, (name, command) in enumerate(first)}
    with ThreadPoolExecutor(max_workers=1) as beside:  # not beside the tests that measure how long something waits
        types = beside.submit(quietly, [python, "-m", "mypy", "annotator", "reward_engine"])
        codes[longest_step] = step(number + len(first), longest_step, tests, seconds)
        codes[TYPES] = told(number + len(steps), TYPES, *types.result(), seconds)
    if not quick and arguments and list(codes.values()).count(NO_TEST) == 1:
        fine = (0, NO_TEST)  # the tests that were asked for are all of one kind
    else:
        fine = (0,)
    failed = [name for name, code in codes.items() if code not in fine]
    pictures = ROOT / "test-results" / "screenshots"
    if browser and pictures.is_dir():
        print(f"  Screenshots: {pictures.relative_to(ROOT)} ({len(list(pictures.glob('*.png')))} pictures)")
    longest = sorted(seconds.items(), key=lambda one: -one[1])
    print(
        f"  Took {time.monotonic() - start:.0f} s: "
        + ", ".join(f"{name} {took:.0f} s" for name, took in longest if took >= 1)
    )
    print(f"  Failed: {', '.join(failed)}" if failed else "  Everything passed.")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("\n  Stopped.")
        sys.exit(130)
