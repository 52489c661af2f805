"""Which kinds of judges there are: a decorator, and a look-up by name."""

from __future__ import annotations

from django.utils.translation import gettext

from annotator.core.errors import ProblemError
from annotator.rewards.judges.base import JudgeKind

_kinds: dict[str, JudgeKind] = {}


def register(kind: type[JudgeKind]) -> type[JudgeKind]:
    """Offer a kind under its name.

    Raises:
        ValueError: If another has that name.
    """
    known = _kinds.get(kind.name)
    if known is not None and type(known) is not kind:
        raise ValueError(f"A kind of judge called “{kind.name}” already exists.")
    _kinds[kind.name] = kind()
    return kind


def unregister(name: str) -> None:
    """Take a kind away again, for tests."""
    _kinds.pop(name, None)


def kinds() -> list[JudgeKind]:
    """All kinds, as they are listed."""
    return sorted(_kinds.values(), key=lambda kind: (kind.order, kind.name))


def kind_of(name: str) -> JudgeKind:
    """The kind of this name.

    Raises:
        ProblemError: If there is none.
    """
    found = _kinds.get(name)
    if found is None:
        names = ", ".join(kind.name for kind in kinds())
        raise ProblemError(
            gettext("There is no kind of judge called “%(name)s”. Choose one of: %(names)s.")
            % {"name": name, "names": names},
            code="no_kind", field="kind",
        )  # fmt: skip
    return found
