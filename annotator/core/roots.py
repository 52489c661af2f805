"""Folders that an operator has listed, and the names of what lies in them: paths below, never out of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from django.utils.translation import gettext

from annotator.core.errors import ProblemError, refused

DEPTH = 3  # folders below a root that are looked through for a list of what is there
MOST_LISTED = 200


@dataclass(frozen=True)
class Roots:
    """``paths``: the folders, resolved. ``setting``: the one they come from, named in refusals."""

    paths: tuple[Path, ...]
    setting: str

    @classmethod
    def of(cls, paths: Sequence[str | Path], setting: str) -> Roots:
        return cls(tuple(Path(path).resolve() for path in paths), setting)

    def __str__(self) -> str:
        return gettext(" or ").join(map(str, self.paths)) or gettext("any allowed folder (%(setting)s is empty)") % {
            "setting": self.setting
        }

    def find(self, name: str, field: str) -> Path | None:
        """Where this name leads in the first root that has it; never outside of a root, whatever links there are.

        Raises:
            ProblemError: With ``field``: it is no path below a folder, or a link that leads out.
        """
        pure = PurePosixPath(name)
        if not name.strip() or "\0" in name or pure.is_absolute() or ".." in pure.parts:
            raise refusal(
                field,
                gettext("“%(name)s” cannot be used as a name here. Enter the path below one of %(self)s.")
                % {"name": name, "self": self},
            )
        for root in self.paths:
            place = root / pure
            try:
                there = place.resolve(strict=True)
            except (OSError, RuntimeError):  # not there, a name too long, a loop of links
                continue
            if not self.hold(there):
                raise refusal(
                    field,
                    gettext(
                        "“%(name)s” is a link that leads outside %(self)s. Add its target to %(setting)s, or "
                        "move the files."
                    )
                    % {"name": name, "self": self, "setting": self.setting},
                )
            return place
        return None

    def hold(self, path: Path) -> bool:
        """Whether it lies below a root, once all links are followed."""
        try:
            there = path.resolve()
        except RuntimeError:  # a loop of links leads nowhere
            return False
        return any(there.is_relative_to(root) for root in self.paths)

    def names(self, found_below: Callable[[Path], Iterator[Path]]) -> list[str]:
        """Names of what ``found_below`` finds below each root, sorted; links that lead out are left aside."""
        found = {str(path.relative_to(root)) for root in self.paths for path in found_below(root) if self.hold(path)}
        return sorted(found)[:MOST_LISTED]


def folders_where(is_one: Callable[[Path], bool]) -> Callable[[Path], Iterator[Path]]:
    """Finds the folders below a root of which this is true; what lies inside such a folder is not looked at."""

    def found_below(root: Path, depth: int = DEPTH) -> Iterator[Path]:
        for folder in folders_in(root):
            if is_one(folder):
                yield folder
            elif depth > 1:
                yield from found_below(folder, depth - 1)

    return found_below


def folders_in(folder: Path) -> list[Path]:
    """The folders in a folder that are not hidden; none where it cannot be read."""
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return []


def offer(names: Sequence[str]) -> str:
    """What could be named instead, as a sentence."""
    if not names:
        return gettext("None exists yet.")
    shown = ", ".join(f"“{name}”" for name in names[:8])
    text = gettext("Available: %(names)s and more.") if len(names) > 8 else gettext("Available: %(names)s.")
    return text % {"names": shown}


def refusal(field: str, message: str) -> ProblemError:
    return refused(field, message.strip(), code=f"no_{field}")
