"""What a process has taken of the machine so far."""

import resource
import sys


def peak_memory() -> int:
    """Bytes of memory this process held at its peak."""
    unit = 1 if sys.platform == "darwin" else 1024  # macOS tells bytes, Linux kilobytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
