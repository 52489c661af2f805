"""The table of features: one row per item, one named column per feature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Features:
    """Features of the items that could be measured, in the order of the input.

    ``keys``: n items. ``values``: float32 [n, f], all finite. ``names``: f names. ``blocks``: the
    columns of each block. ``errors``: for each item that could not be measured, why, in words for
    people. ``canceled``: whether the call stopped early; items in neither ``keys`` nor ``errors``
    were then not reached. ``version``: of the definition the values follow.
    """

    keys: tuple[str, ...]
    values: NDArray[np.float32]
    names: tuple[str, ...]
    blocks: Mapping[str, slice]
    errors: Mapping[str, str] = field(default_factory=dict)
    canceled: bool = False
    version: str = ""

    def __post_init__(self) -> None:
        if self.values.shape != (len(self.keys), len(self.names)):
            raise ValueError(
                f"values must be [{len(self.keys)}, {len(self.names)}] for these keys and names, "
                f"but are {list(self.values.shape)}"
            )

    def block(self, name: str) -> NDArray[np.float32]:
        """float32 [n, columns of the block]."""
        return self.values[:, self.blocks[name]]

    def column(self, name: str) -> NDArray[np.float32]:
        """float32 [n]: one feature by its name."""
        return self.values[:, self.names.index(name)]
