"""Makes the virtual environment, installs the pinned packages, and goes on in it. Standard library only.

    _setup.py run     then the platform (annotator.core.supervisor)
    _setup.py test    then the checks (scripts/_checks.py)

``run`` installs requirements.lock, ``test`` also requirements-dev.lock, into the same environment. A stamp in the
environment names what was installed by its digest. It is written last, so whatever was interrupted is done again, and a
second start has nothing to do.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
DEV_LOCK = ROOT / "requirements-dev.lock"
SPACE_GB = 4  # packages for the CPU, and their downloads
SPACE_WITH_CUDA_GB = 10
UNPACKING = "unpacking"


class SetupError(RuntimeError):
    """Set-up cannot go on; the message says why and what to do."""


def main() -> int:
    what, arguments = sys.argv[1], sys.argv[2:]
    try:
        python, steps = prepare_environment(LOCK if what == "run" else DEV_LOCK)
    except SetupError as error:
        print(f"  {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\n  Stopped. The next start goes on from here.", file=sys.stderr)
        return 130
    except OSError as error:
        print(f"  {no_space() if error.errno == 28 else error}", file=sys.stderr)
        return 1
    os.chdir(ROOT)
    os.environ["FIRST_STEP"] = str(steps + 1)
    command = ["-m", "annotator.core.supervisor"] if what == "run" else [str(ROOT / "scripts" / "_checks.py")]
    sys.stdout.flush()
    os.execv(python, [str(python), *command, *arguments])


def prepare_environment(lock: Path) -> tuple[Path, int]:
    """Make the environment that a lock file describes; the environment's Python, and how many steps were said."""
    if os.environ.get("VENV_DIR"):
        python = Path(os.environ["VENV_DIR"]) / "bin" / "python"
        if not works(python):
            raise SetupError(f"VENV_DIR={os.environ['VENV_DIR']} holds no Python that works.")
        return python, 0
    folder = ROOT / ".venv"
    python, stamp, unfinished = folder / "bin" / "python", folder / ".installed", folder / ".installing"
    if is_installed(stamp, lock) and works(python):
        return python, 0
    with LOCK.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("  Another scripts/run or scripts/test is installing; waiting for it …", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        if is_installed(stamp, lock) and works(python):
            return python, 0
        # What an interrupted installation left may look whole and not be; downloads are kept by pip.
        fresh = unfinished.exists() or not works(python)
        if fresh:
            check_space()
            step(1, f"Python {sys.version.split()[0]} in .venv", lambda: make(folder))
        else:
            step(1, "Python in .venv", lambda: None)
        unfinished.touch()
        stamp.unlink(missing_ok=True)
        step(2, "Packages", lambda: install(python, lock))
        stamp.write_text(digest(lock))
        unfinished.unlink()
    return python, 2


def digest(lock: Path) -> str:
    """What a lock file pins, those that it requires included."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in files_of(lock))).hexdigest()


def files_of(lock: Path) -> list[Path]:
    """The lock file, and before it those that it requires."""
    others = re.findall(r"^(?:-r|--requirement)\s+(\S+)", lock.read_text(), re.MULTILINE)
    return [*(path for name in others for path in files_of(lock.parent / name)), lock]


def is_installed(stamp: Path, lock: Path) -> bool:
    """Whether the stamp stands for this lock file, or for the one for developing, which holds all of the other."""
    enough = [digest(path) for path in (lock, DEV_LOCK) if path.exists()]
    return stamp.exists() and stamp.read_text() in enough


def works(python: Path) -> bool:
    """Whether this Python starts, is new enough, and has pip: an environment breaks when its Python is upgraded."""
    code = "import sys, importlib.util as u; sys.exit(sys.version_info < (3, 11) or u.find_spec('pip') is None)"
    try:
        done = subprocess.run([str(python), "-c", code], capture_output=True, timeout=60, check=False)
    except OSError:
        return False
    return done.returncode == 0


def step(number: int, name: str, work: object) -> None:
    start = time.monotonic()
    work()  # type: ignore[operator]
    print(f"  {number}. {name} · {time.monotonic() - start:.1f} s", flush=True)


def make(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    done = subprocess.run([sys.executable, "-m", "venv", str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        if "ensurepip" in done.stdout + done.stderr or "No module named venv" in done.stderr:
            raise SetupError(
                f"This Python cannot make environments. Install its venv: apt install python{version}-venv"
            )
        last = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise SetupError(
            no_space() if "No space left" in done.stderr else f"The environment cannot be made: {last[-1]}"
        )


def install(python: Path, lock: Path) -> None:
    """Install a lock file. With ``TORCH_INDEX``, torch comes from that index: one with builds for the CPU needs a
    tenth of the space where the usual index has builds for CUDA only."""
    pins = "\n".join(path.read_text() for path in files_of(lock))
    total = sum(bool(re.match(r"[A-Za-z0-9]", line)) for line in pins.splitlines())
    torch = re.search(r"^torch==\S+", pins, re.MULTILINE)
    index = os.environ.get("TORCH_INDEX")
    if torch and index:
        pip(python, ["--no-deps", "--index-url", index, torch[0]], "torch", 1)
    pip(python, ["--requirement", str(lock)], "packages", total)


def pip(python: Path, arguments: list[str], what: str, total: int) -> None:
    """Run pip, and show how far it is: on a terminal in one line, otherwise a line now and then."""
    command = [str(python), "-m", "pip", "install", "--no-input", "--progress-bar", "off",
               "--disable-pip-version-check", *arguments]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    seen: set[str] = set()
    lines: list[str] = []
    now = ["starting"]

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip())
            if match := re.match(r"(?:Collecting|Requirement already satisfied:) ([A-Za-z0-9._-]+)", line):
                seen.add(match[1].lower())
                now[0] = f"{min(len(seen), total)} of {total} found, {match[1].split('==')[0]}"
            elif line.startswith("Installing collected"):
                now[0] = UNPACKING

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    start = shown = time.monotonic()
    terminal = sys.stdout.isatty()
    try:
        while process.poll() is None:
            time.sleep(0.2)
            if time.monotonic() - shown >= (1 if terminal else 15):
                shown = time.monotonic()
                state = now[0]
                if state == UNPACKING:  # pip says no more until all are done; what lies there tells
                    state += f", {len(list(python.parent.parent.glob('lib/*/site-packages/*.dist-info')))} are there"
                text = f"     {what}: {state} · {shown - start:.0f} s"
                print(f"\r\033[K{text[:100]}" if terminal else text, end="" if terminal else "\n", flush=True)
    except BaseException:
        process.terminate()
        process.wait()
        raise
    reader.join(5)
    if terminal:
        print("\r\033[K", end="")
    if process.returncode:
        whole = "\n".join(lines)
        if "No space left" in whole:
            raise SetupError(no_space())
        reasons = [line for line in lines if line.startswith("ERROR")] or lines[-1:] or ["no reason given"]
        raise SetupError(f"pip could not install the packages: {reasons[-1]} — start again to go on.")


def has_gpu() -> bool:
    return shutil.which("nvidia-smi") is not None


def check_space() -> None:
    needed = SPACE_WITH_CUDA_GB if has_gpu() else SPACE_GB
    free = shutil.disk_usage(ROOT).free / 2**30
    if free < needed:
        raise SetupError(
            f"Only {free:.1f} GB are free in {ROOT}; the first start needs {needed} GB. Free some and start again."
        )


def no_space() -> str:
    return "The disk is full. Free some space and start again; it goes on from here."


if __name__ == "__main__":
    sys.exit(main())
