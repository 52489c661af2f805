"""Folders that an operator has listed, and the names of what lies in them: paths below, never out of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from annotator.core.errors import ProblemError

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
        return " or ".join(map(str, self.paths)) or f"any allowed folder ({self.setting} is empty)"

    def find(self, name: str, field: str) -> Path | None:
        """Where this name leads in the first root that has it; never outside of a root, whatever links there are.

        Raises ProblemError with ``field``: it is no path below a folder, or a link that leads out.
        """
        pure = PurePosixPath(name)
        if not name.strip() or "\0" in name or pure.is_absolute() or ".." in pure.parts:
            raise refusal(field, f"“{name}” is no name that can be used here: give the path below one of {self}.")
        for root in self.paths:
            place = root / pure
            try:
                there = place.resolve(strict=True)
            except (OSError, RuntimeError):  # not there, a name too long, a loop of links
                continue
            if not self.hold(there):
                raise refusal(
                    field,
                    f"“{name}” is a link that leads out of {self}. Add where it leads to {self.setting}, or move "
                    "the files.",
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
        return "Nothing of the kind is there yet."
    shown = ", ".join(f"“{name}”" for name in names[:8])
    return f"There {'is' if len(names) == 1 else 'are'} {shown}{' and more' if len(names) > 8 else ''}."


def refusal(field: str, message: str) -> ProblemError:
    return ProblemError(message.strip(), code=f"no_{field}", field=field)
