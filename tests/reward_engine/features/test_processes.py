"""Videos measured in processes: the same numbers as in threads, and what happens where a process dies."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from reward_engine.features import FeatureExtractor, extractor, processes
from reward_engine.judges.base import MediaInput
from tests.reward_engine.media.clips import write_clip

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def clips(tmp_path):
    """Seven small clips, the fourth of them torn."""
    rng = np.random.default_rng(0)
    scene = rng.integers(0, 256, (96, 96, 3), dtype=np.uint8)
    items = []
    for number in range(7):
        frames = [np.ascontiguousarray(scene[t : t + 64, number : number + 64]) for t in range(6)]
        path = write_clip(tmp_path / f"{number}.mp4", frames)
        if number == 3:
            path.write_bytes(path.read_bytes()[:200])
        items.append(MediaInput(str(number), "video", path, f"clip {number}"))
    return items


def test_processes_give_what_threads_give_and_a_second_look_measures_nothing(clips, tmp_path, monkeypatch):
    monkeypatch.setattr(extractor, "usable_processes", lambda: 2)
    seen = []
    found = FeatureExtractor("video", cache_dir=tmp_path / "cache").extract(
        clips, progress=lambda done, total: seen.append(done)
    )
    alone = FeatureExtractor("video", processes=1).extract(clips)
    assert found.keys == alone.keys == ("0", "1", "2", "4", "5", "6")
    np.testing.assert_array_equal(found.values, alone.values)
    assert found.errors == alone.errors
    assert "3.mp4" in found.errors["3"]
    assert seen[-1] == 7
    monkeypatch.setattr(extractor, "measure", lambda *_: pytest.fail("measured again"))
    monkeypatch.setattr(extractor, "measured_in_processes", lambda *_: pytest.fail("measured again"))
    whole = [clip for clip in clips if clip.key != "3"]
    again = FeatureExtractor("video", cache_dir=tmp_path / "cache").extract(whole)
    np.testing.assert_array_equal(again.values, found.values)


def test_it_may_be_canceled(clips, monkeypatch):
    monkeypatch.setattr(extractor, "usable_processes", lambda: 2)
    answers = iter([False, False, True])
    found = FeatureExtractor("video", batch_size=1).extract(clips, canceled=lambda: next(answers))
    assert found.canceled
    assert found.keys == ("0", "1")


def test_where_a_process_dies_the_others_are_measured_here(clips, monkeypatch, caplog):
    parent = os.getpid()

    def measure(path, media_type):
        if os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return path.name

    monkeypatch.setattr(processes, "_measure_or_say", measure)
    paths = [clip.path for clip in clips]
    assert list(processes.measured_in_processes(paths, "video", 2)) == [path.name for path in paths]
    assert "a measuring process ended" in caplog.text


DAEMONIC = """
import sys
from pathlib import Path

import billiard
import joblib

from annotator.celery import allow_children
from reward_engine.features import processes

allowed, said, *clips = sys.argv[1:]
joblib.cpu_count = lambda: 2


def run():
    if allowed == "True":
        allow_children()
    usable = processes.usable_processes()
    found = list(processes.measured_in_processes([Path(clip) for clip in clips], "video", 2)) if usable > 1 else []
    Path(said).write_text(f"{usable > 1} {sum(not isinstance(one, str) for one in found)}")


worker = billiard.Process(target=run)
worker.daemon = True
worker.start()
worker.join(150)
"""


@pytest.mark.parametrize("allowed", [False, True])
def test_a_worker_of_the_queue_may_start_processes_once_it_is_allowed(clips, tmp_path, allowed):
    """Celery's pool forks daemonic processes, in which Python refuses children.

    In a program of its own: what is forked from the tests' process has the locks of its threads, and may wait forever.
    """
    command = [sys.executable, "-c", DAEMONIC, str(allowed), str(tmp_path / "said"), *(str(c.path) for c in clips[:2])]
    subprocess.run(command, cwd=ROOT, check=True, timeout=200)
    assert (tmp_path / "said").read_text() == ("True 2" if allowed else "False 0")
