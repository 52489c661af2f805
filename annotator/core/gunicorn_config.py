"""How gunicorn serves: ``gunicorn --config python:annotator.core.gunicorn_config annotator.wsgi``."""

import os
import sys
from typing import Any

from annotator.core.lanes import Lanes, lane_for, settle
from annotator.core.logs import logging_config
from annotator.core.metrics_folder import share_metrics

if os.environ.get("METRICS_TOKEN"):
    share_metrics()

bind = os.environ.get("WEB_BIND", "127.0.0.1:8000")
workers = int(os.environ.get("WEB_PROCESSES", "3"))
LANES = Lanes()
# Threads: a request waits for the database, a file or its turn most of its time. Each process has a pool of
# connections. A client that is slow to send its headers gets no thread.
worker_class = "annotator.core.web_worker.HeadersFirst"
threads = int(os.environ.get("WEB_THREADS", "32"))
# The program is read once and forked: quicker up, and the processes share its memory.
preload_app = True
timeout = 120
graceful_timeout = 8
keepalive = 30
if os.path.isdir("/dev/shm"):  # the heartbeat file of each process: a slow disk must not look like a dead process
    worker_tmp_dir = "/dev/shm"
# The proxy of the compose file is another container; who may reach this port at all is the network's matter.
forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1,::1")


def pre_fork(server: Any, worker: Any) -> None:
    """Where there are several processes, one has the pages, and annotators' work has the others."""
    worker.lanes, worker.lane = LANES, lane_for(worker, server.WORKERS.values())


def post_fork(_server: Any, worker: Any) -> None:
    settle(worker.lane)
    # A thread that wants to go on after a query waits for others' computing: 1 ms at most, not Python's usual 5.
    sys.setswitchinterval(0.001)


control_socket_disable = True
accesslog = None  # annotator.core.middleware.RequestLog writes a line per request, with its id and person
logconfig_dict = logging_config(os.environ.get("LOG_LEVEL", "INFO"))
