"""Seeds made of what they are for."""

from __future__ import annotations

import hashlib


def seed_of(*parts: int | str) -> int:
    """Make a seed 0 ≤ s < 2⁶³ that differs wherever a part does."""
    text = "\0".join(str(part) for part in parts).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little") >> 1
