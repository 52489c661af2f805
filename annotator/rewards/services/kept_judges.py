"""Judges that this process keeps loaded, the least recently used one going first.

Loading is paid once per worker and version, not once per job. What a judge takes is what it says of itself
(``memory_bytes``), else what its kind says.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

from django.conf import settings

from annotator.rewards import judges
from annotator.rewards.models import RewardModel
from annotator.rewards.services import artifacts
from reward_engine.judges.base import Judge

_kept: OrderedDict[tuple[Any, ...], tuple[Judge, int]] = OrderedDict()
_lock = threading.RLock()


def kept_judge(model: RewardModel) -> Judge:
    """Find or load the judge of this version, ready to predict.

    Files that have changed since they were loaded are loaded, and so checked, again.

    Raises:
        BrokenArtifactError: As ``judges.load``.
    """
    if not model.path:
        return judges.load(model)
    key = (model.pk, model.manifest.get("manifest_sha256"), _files(artifacts.root() / model.path))
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key][0]
        for other in [other for other in _kept if other[0] == model.pk]:
            del _kept[other]
        _make_room(judges.kind_of(model.judge).memory_bytes(model))
        judge = judges.load(model)
        _kept[key] = judge, _bytes(model, judge)
        return judge


def _make_room(needed: int) -> None:
    """Let go what was used longest ago, before the next one takes its place in memory."""
    room = (settings.JUDGE_CACHE_MB << 20) - needed
    while _kept and sum(size for _judge, size in _kept.values()) > room:
        _kept.popitem(last=False)


def _bytes(model: RewardModel, judge: Judge) -> int:
    return int(getattr(judge, "memory_bytes", None) or judges.kind_of(model.judge).memory_bytes(model))


def forget_judges() -> None:
    """Release the memory of kept judges.

    It is for a worker that needs all memory for something else.
    """
    with _lock:
        _kept.clear()


def _files(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Name, size and time of change of what lies in the folder."""
    found = []
    for path in folder.rglob("*") if folder.is_dir() else ():
        if path.is_file():
            about = path.stat()
            found.append((path.relative_to(folder).as_posix(), about.st_size, about.st_mtime_ns))
    return tuple(sorted(found))
