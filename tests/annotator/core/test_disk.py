"""A full disk is known whichever library meets it, and by what a process that it ended left to read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import SafetensorError

from annotator.core.disk import disk_is_full, says_disk_is_full
from annotator.core.errors import ProblemError

VALUES = np.arange(40_000, dtype=np.float64)


def with_numpy(path: Path) -> None:
    np.save(path.with_suffix(".npy"), VALUES)


def with_safetensors(path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"values": VALUES}, path)


def with_torch(path: Path) -> None:
    import torch

    torch.save(torch.tensor(VALUES), path)


def with_pyarrow(path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"values": VALUES}), path)


def with_pillow(path: Path) -> None:
    from PIL import Image

    Image.effect_noise((400, 400), 50).save(path, "PNG")


def with_python(path: Path) -> None:
    path.write_bytes(VALUES.tobytes())


@pytest.mark.parametrize("write", [with_numpy, with_safetensors, with_torch, with_pyarrow, with_pillow, with_python])
def test_full_disk_is_known_from_every_library(
    write: Callable[[Path], None], tmp_path: Path, room: Callable[[int], Any]
) -> None:
    write(tmp_path / "whole")  # with room it is written, and the library is loaded
    with room(20_000), pytest.raises((OSError, RuntimeError, SafetensorError)) as raised:
        write(tmp_path / "half")
    assert disk_is_full(raised.value)
    with pytest.raises(ProblemError) as wrapped:
        raise ProblemError("It was not written.") from raised.value
    assert disk_is_full(wrapped.value)


@pytest.mark.parametrize(
    "text",
    [
        "OSError: [Errno 28] No space left on device",
        "SafetensorError: Error while serializing: I/O error: No space left on device (os error 28)",
        "RuntimeError: [enforce fail at inline_container.cc:672] . unexpected pos 640 vs 534",
        "RuntimeError: PytorchStreamWriter failed writing file data/0: file write failed",
        "OSError: [Errno 122] Disk quota exceeded",
    ],
)
def test_full_disk_is_known_from_a_text(text: str) -> None:
    assert says_disk_is_full(f"The training process failed: {text}")


@pytest.mark.parametrize(
    "text",
    [
        "FileNotFoundError: [Errno 2] No such file or directory: 'x28'",
        "ConnectionRefusedError: [Errno 111] Connection refused",
        "3 requested and 2 written answers differ",
        "RuntimeError: PytorchStreamReader failed reading zip archive: failed finding central directory",
        "There are 28 items, and 27 prompts.",
    ],
)
def test_other_errors_are_no_full_disk(text: str) -> None:
    assert not says_disk_is_full(text)
    assert not disk_is_full(RuntimeError(text))
