"""The helper process: answers, errors, and what becomes of it when it is idle, dead or too slow."""

import json
import operator
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from annotator.core.errors import ProblemError
from annotator.core.helper import Helper
from reward_engine.errors import TrainingError
from reward_engine.mpo.policies import check_lora


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
    with pytest.raises(ProblemError, match="lack of memory") as caught:
        helper.call(os._exit, 1)
    assert (caught.value.code, caught.value.status) == ("helper_died", 503)
    assert helper.call(operator.add, 2, 3) == 5


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
    before = helper.call(os.getpid)
    helper.longest_seconds = 0.2
    with pytest.raises(ProblemError, match="more than 0 seconds") as caught:
        helper.call(time.sleep, 60)
    assert (caught.value.code, caught.value.status) == ("too_long", 503)
    helper.longest_seconds = 60
    assert helper.call(os.getpid) != before


def test_it_ends_when_nobody_asks_and_begins_again_when_somebody_does() -> None:
    helper = Helper(longest_seconds=60, idle_seconds=0.05)
    first = helper.call(os.getpid)
    helper._process.join(30)
    assert helper._process.exitcode == 0
    assert helper.call(os.getpid) != first
    helper.end()
