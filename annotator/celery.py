"""The Celery application. One queue per kind of machine: ``default``, ``gpu`` and ``mpo``."""

import multiprocessing
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from billiard import current_process
from celery import Celery, Task, signals
from django.conf import settings

from annotator.core import logs
from annotator.core.metrics_folder import share_metrics
from annotator.jobs.gpus import VISIBLE, gpu_processes, gpu_share, visible_gpus

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotator.settings")

NICE = 10

if os.environ.get("WORKER_METRICS_PORT") and "worker" in sys.argv:  # not the web server, nor beat
    share_metrics()

app = Celery("annotator")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """Django has set logging up already; Celery's own would write lines that are no JSON."""


@signals.before_task_publish.connect
def note_the_request(headers: dict[str, Any], **_: Any) -> None:
    """The id of the web request that asks for a task goes with it into the worker's log."""
    if request_id := logs.current("request_id"):
        headers["request_id"] = request_id


@signals.heartbeat_sent.connect
def show_that_we_live(**_: Any) -> None:
    """Touch the file that a container's health check looks at; a worker that lost the broker stops doing so."""
    if file := os.environ.get("WORKER_ALIVE_FILE"):
        Path(file).touch()


@signals.worker_ready.connect
def say_that_we_live(sender: Any, **_: Any) -> None:
    """Tell the pages which worker this is and what it does, and answer Prometheus."""
    from annotator.jobs import worker_signals  # it needs Django's settings

    worker_signals.begin(sender)


@signals.worker_shutdown.connect
def say_goodbye(**_: Any) -> None:
    """Take leave, so that this worker is not missed."""
    from annotator.jobs import worker_signals

    worker_signals.end()


_gpus: list[str] = []
_gpu_processes = 0


@signals.celeryd_init.connect
def have_a_process_per_gpu(conf: Any, options: dict[str, Any], **_: Any) -> None:
    """Give a worker of the queue ``gpu`` as many processes as it has GPUs, unless its command line says how many."""
    global _gpu_processes
    if options.get("queues") not in ("gpu", ["gpu"]):  # one that takes every queue has its processes for other work
        return
    _gpus[:] = visible_gpus(os.environ)
    _gpu_processes = options.get("concurrency") or gpu_processes(_gpus, settings.GPU_WORKERS)
    conf.worker_concurrency = _gpu_processes


@signals.worker_process_init.connect
def see_own_gpus(**_: Any) -> None:
    """Show a process its share of the GPUs; nothing has loaded PyTorch yet."""
    if _gpus:
        os.environ[VISIBLE] = ",".join(gpu_share(_gpus, _gpu_processes, current_process().index))


@signals.worker_process_init.connect
def yield_to_people(**_: Any) -> None:
    """Jobs take what computing is left over: nobody waits for a page or a save because something is being trained."""
    os.nice(NICE)


@signals.worker_process_init.connect
def allow_children(**_: Any) -> None:
    """Let a job measure videos in processes of its own, which Python refuses to what the pool calls daemonic.

    The mark is there so that no child outlives its parent; these end by themselves when they are idle.
    """
    multiprocessing.current_process().daemon = False


_contexts: dict[str, ExitStack] = {}


@signals.task_prerun.connect
def open_log_context(task_id: str, task: Task, **_: Any) -> None:
    _contexts[task_id] = stack = ExitStack()
    stack.enter_context(
        logs.log_context(task=task.name, task_id=task_id, request_id=(task.request.headers or {}).get("request_id"))
    )


@signals.task_postrun.connect
def close_log_context(task_id: str, **_: Any) -> None:
    if stack := _contexts.pop(task_id, None):
        stack.close()
