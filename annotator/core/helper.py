"""A helper process: answers what needs PyTorch, so that a web process need not load it.

PyTorch and diffusers take 400 MB and up to ten seconds, and a process that has loaded them keeps them for good. The
helper is started when something is first asked, answers one question at a time, and ends by itself after some minutes
without one, or with the process that it works for.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, ParamSpec, TypeVar

from celery import current_task
from django.utils.translation import gettext

from annotator.core.errors import ProblemError

IDLE_SECONDS = 300.0
LONGEST_SECONDS = 100.0  # for one's turn, and again for the answer, the start included; on a busy machine that is slow
PLAIN = (ValueError, TypeError, KeyError, OSError)

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


class Helper:
    """One process, one question at a time; any thread may ask."""

    def __init__(self, *, longest_seconds: float = LONGEST_SECONDS, idle_seconds: float = IDLE_SECONDS) -> None:
        self.longest_seconds, self.idle_seconds = longest_seconds, idle_seconds
        self.forget()

    def forget(self) -> None:
        """Begin anew: a forked process must not ask the helper of the one it was forked from."""
        self._lock = threading.Lock()
        self._process: Any = None
        self._connection: Connection | None = None

    def call(self, function: Callable[Given, Answer], *args: Given.args, **kwargs: Given.kwargs) -> Answer:
        """Call the function in the helper; what it returns or raises.

        Function, arguments and answer must be picklable. An error whose class would have to be loaded here comes as
        Python's own that is nearest to it.

        Raises:
            ProblemError: If the answer takes too long or the helper dies of the question.
        """
        if not self._lock.acquire(timeout=self.longest_seconds):
            raise _too_long(self.longest_seconds)
        try:
            succeeded, answer = self._ask((function, args, kwargs))
        finally:
            self._lock.release()
        if succeeded:
            return answer
        raise answer

    def end(self) -> None:
        """End the process, whatever it is at."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self, question: Any) -> tuple[bool, Any]:
        was_running = self._process is not None and self._process.is_alive()
        connection = self._connection if was_running and self._connection is not None else self._start()
        try:
            connection.send(question)
            if connection.poll(self.longest_seconds):
                succeeded, answer = connection.recv()
                return succeeded, answer
        except (EOFError, OSError) as error:
            self.end()
            if was_running:  # it may have ended in the very moment; a fresh one has not
                return self._ask(question)
            raise ProblemError(
                gettext(
                    "The process that inspects the pipeline's files ended without an answer, most likely because it "
                    "ran out of memory. Try again when the server has more free memory."
                ),
                code="helper_died", status=503,
            ) from error  # fmt: skip
        self.end()
        raise _too_long(self.longest_seconds)

    def _start(self) -> Connection:
        self.end()
        # Spawned, never forked: a fork would copy the locks that other threads hold.
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=answer_questions, args=(theirs, self.idle_seconds), name="helper", daemon=True
        )
        self._process.start()
        theirs.close()
        return self._connection


def answer_questions(connection: Connection, idle_seconds: float) -> None:
    """The life of the helper."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever asks
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # a GPU's memory is the workers'
    try:
        while connection.poll(idle_seconds):
            function, args, kwargs = connection.recv()
            try:
                connection.send((True, function(*args, **kwargs)))
            except Exception as error:  # whatever it is, whoever asked must hear it
                connection.send((False, _to_send(error)))
    except (EOFError, OSError):
        return  # whoever asked is gone


def _to_send(error: Exception) -> Exception:
    """The error as another process can read it without loading what raised it; its traceback goes along as a note."""
    module = type(error).__module__
    if module != "builtins" and not module.startswith(("reward_engine.", "annotator.")):
        nearest = next((plain for plain in PLAIN if isinstance(error, plain)), RuntimeError)
        error = nearest(str(error)).with_traceback(error.__traceback__)
    error.add_note("In the helper process:\n" + "".join(traceback.format_exception(error)))
    return error


def _too_long(seconds: float) -> ProblemError:
    return ProblemError(
        gettext(
            "Inspecting the pipeline's files took more than %(seconds).0f seconds and was stopped. The server may be "
            "busy or its disk slow. Try again in a minute."
        ) % {"seconds": seconds},
        code="too_long", status=503,
    )  # fmt: skip


_helper = Helper()
os.register_at_fork(after_in_child=_helper.forget)
_here = threading.Lock()  # the engine counts by standing in for functions of PyTorch in the whole process


def call_heavy(function: Callable[Given, Answer], *args: Given.args, **kwargs: Given.kwargs) -> Answer:
    """Call what needs PyTorch: here where that is loaded anyway or a worker runs, in the helper elsewhere."""
    if "torch" in sys.modules or current_task:
        with _here:
            return function(*args, **kwargs)
    return _helper.call(function, *args, **kwargs)
