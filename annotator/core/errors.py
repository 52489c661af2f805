"""Errors of the product: a message for people and a code for programs."""

from __future__ import annotations

from annotator.core.paths import without_paths


class ProblemError(Exception):
    """Something the person can mend. ``message`` says what, where and how; ``code`` is stable for programs."""

    code = "problem"
    status = 400

    def __init__(self, message: str, *, code: str | None = None, status: int | None = None, **details: object) -> None:
        message = without_paths(message)
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.status = status or self.status
        self.details = details


class NotAllowedError(ProblemError):
    code = "not_allowed"
    status = 403


class ConflictError(ProblemError):
    code = "conflict"
    status = 409


def refused(field: str, message: str, code: str = "bad_option") -> ProblemError:
    """Make the refusal of what a field says."""
    return ProblemError(message, code=code, field=field)
