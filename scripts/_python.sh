# Sourced by scripts/run and scripts/test: sets PYTHON to a Python 3.11 or newer, or says what is missing.
find_python() {
    for candidate in ${PYTHON:+"$PYTHON"} python3.11 python3.12 python3.13 python3 python; do
        # Some commands of this name only say that they are not installed; so each is asked.
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            PYTHON=$candidate
            return 0
        fi
    done
    echo "Python 3.11 or newer was not found. Install it (for example: apt install python3 python3-venv), or name one: PYTHON=/path/to/python3.11 $0" >&2
    exit 1
}
