"""Logs as JSON, one object per line, each with the request or the task it belongs to.

Whatever is put into ``log_context`` (a request's id, its person, a task's name) is added to every line that is
logged inside it, also by other packages.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_fields: ContextVar[dict[str, Any]] = ContextVar("log_fields", default={})  # noqa: B039 - never changed, only replaced


@contextmanager
def log_context(**fields: Any) -> Iterator[None]:
    """Add these fields to every line logged inside. A function is asked anew at each line; None is left out."""
    token = _fields.set({**_fields.get(), **fields})
    try:
        yield
    finally:
        _fields.reset(token)


def current(name: str) -> Any:
    """A field of the present context, or None."""
    value = _fields.get().get(name)
    return value() if callable(value) else value


class ContextFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        for name in _fields.get():
            if not hasattr(record, name) and (value := current(name)) is not None:
                setattr(record, name, value)
        return True


def logging_config(level: str) -> dict[str, Any]:
    """What ``logging.config.dictConfig`` takes; Django, gunicorn and Celery all use it."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"context": {"()": "annotator.core.logs.ContextFilter"}},
        "formatters": {
            "json": {
                "()": "pythonjsonlogger.json.JsonFormatter",
                "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
                "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger"},
                "json_ensure_ascii": False,
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["context"]}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django.server": {"handlers": ["stderr"], "propagate": False},
            # Each 4xx would come twice: the request's own line says it already.
            "django.request": {"level": "ERROR"},
            "gunicorn.error": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
            # A line for each message, each task done and each tick of beat, on top of what the jobs say themselves.
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
        },
    }
