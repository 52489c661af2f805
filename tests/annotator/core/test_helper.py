"""The helper process: answers, errors, and what becomes of it when it is idle, dead or too slow."""

import contextlib
import json
import operator
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from annotator.core.errors import ProblemError
from annotator.core.helper import Helper
from reward_engine.errors import TrainingError
from reward_engine.mpo.policies import check_lora

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def helper() -> Iterator[Helper]:
    made = Helper(longest_seconds=60)
    yield made
    made.end()


def test_one_process_answers_all_threads_and_is_replaced_when_it_died(helper: Helper) -> None:
    with ThreadPoolExecutor(4) as threads:
        pids = set(threads.map(lambda _: helper.call(os.getpid), range(8)))
    assert len(pids) == 1
    assert pids != {os.getpid()}
    os.kill(pids.pop(), signal.SIGKILL)
    assert helper.call(operator.add, 2, 3) == 5
    # A question that it dies of is asked once more, of a fresh one, and no more.
    with pytest.raises(ProblemError, match="ran out of memory") as caught:
        helper.call(os._exit, 1)
    assert (caught.value.code, caught.value.status) == ("helper_died", 503)


def test_errors_keep_code_and_message_and_say_where_they_arose(helper: Helper) -> None:
    with pytest.raises(TrainingError, match=r"nowhere is no LoRA") as caught:
        helper.call(check_lora, Path("nowhere"))
    assert (caught.value.code, caught.value.message[:7]) == ("no_lora", "nowhere")
    assert "folder.py" in caught.value.__notes__[0]
    with pytest.raises(ZeroDivisionError):
        helper.call(operator.truediv, 1, 0)
    # A class that would have to be loaded here comes as the nearest of Python's own.
    with pytest.raises(ValueError, match="Expecting value") as decoding:
        helper.call(json.loads, "")
    assert type(decoding.value) is ValueError
    # What cannot be sent back is an error of the question, not the end of the helper.
    with pytest.raises(TypeError, match="pickle"):
        helper.call(open, os.devnull)
    assert helper.call(operator.add, 2, 3) == 5


def test_an_answer_that_takes_too_long_is_given_up_and_the_next_one_comes(helper: Helper) -> None:
    helper.longest_seconds = 0.2
    with pytest.raises(ProblemError, match="more than 0 seconds") as caught:
        helper.call(time.sleep, 60)
    assert (caught.value.code, caught.value.status) == ("too_long", 503)
    helper.longest_seconds = 60
    assert helper.call(operator.add, 2, 3) == 5


def test_it_ends_when_nobody_asks() -> None:
    helper = Helper(longest_seconds=60, idle_seconds=0.05)
    assert helper.call(operator.add, 2, 3) == 5
    helper._process.join(30)
    assert helper._process.exitcode == 0
    helper.end()


def test_it_ends_with_the_process_that_it_works_for() -> None:
    program = (
        "import os, signal; from annotator.core.helper import Helper; "
        "print(Helper().call(os.getpid), flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=100)
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(int(done.stdout)).wait(30)
