"""Names of ZIP members, whichever program wrote the archive.

The format knows two encodings: UTF-8 with a flag, else code page 437. Programs keep to it loosely. Info-ZIP and macOS
write UTF-8 without the flag, WinZip and Info-ZIP put a UTF-8 name into the extra field 0x7075, Windows writes the code
page of the machine and says nothing. So a name is read as what it says, else as UTF-8, else by its build; and a
manifest may also name it as any other code page would read it.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator

from reward_engine.tables.encodings import build_of

_UTF8_FLAG = 0x800
_UNICODE_PATH = 0x7075
# What Windows uses for archives and for files, by region; then what macOS and Unix used.
CODE_PAGES = (
    "cp437", "cp850", "cp1252",  # the Americas and western Europe
    "cp852", "cp1250", "cp775", "cp1257",  # central Europe and the Baltic
    "cp866", "cp1251", "gb18030", "cp932", "cp949", "cp950",  # Russia, China, Japan, Korea, Taiwan
    "cp737", "cp1253", "cp857", "cp1254", "cp862", "cp1255",  # Greece, Turkey, Israel
    "cp720", "cp1256", "cp874", "cp1258",  # Arabic, Thai, Vietnamese
    "mac_roman", "koi8_r", "koi8_u", "euc_jp",
)  # fmt: skip


class MemberNames:
    """The names of an archive's members. Those that do not say their encoding are taken to share one."""

    def __init__(self, infos: Iterable[zipfile.ZipInfo]) -> None:
        unclear = b"\n".join(raw for info in infos if (raw := _unclear(info)) is not None)
        # Archives are packed with the code page of DOS, files of text are not: western names are cp437 here.
        self._code_page = "gb18030" if build_of(unclear) == "gb18030" else "cp437"

    def of(self, info: zipfile.ZipInfo) -> str:
        """The name that is shown and looked for first."""
        if info.flag_bits & _UTF8_FLAG:
            return info.orig_filename
        raw = _raw(info)
        name = _unicode_path(info, raw) or _decoded(raw, "utf-8") or _decoded(raw, self._code_page)
        return info.orig_filename if name is None else name

    def other_readings(self, info: zipfile.ZipInfo) -> Iterator[str]:
        """How else the name may be meant, where it does not say its encoding."""
        raw = _unclear(info)
        if raw is not None:
            yield from (name for page in CODE_PAGES if (name := _decoded(raw, page)) is not None)


def _raw(info: zipfile.ZipInfo) -> bytes:
    """The bytes in the archive; ``zipfile`` has read them as cp437, which has a character for every byte."""
    return info.orig_filename.encode("cp437")


def _unclear(info: zipfile.ZipInfo) -> bytes | None:
    """The bytes of a name that only its build can tell; None where the archive says how it is meant."""
    if info.flag_bits & _UTF8_FLAG:
        return None
    raw = _raw(info)
    return None if _unicode_path(info, raw) is not None or _decoded(raw, "utf-8") is not None else raw


def _unicode_path(info: zipfile.ZipInfo, raw: bytes) -> str | None:
    """The name in the extra field 0x7075, if it belongs to this name: a program that renames may leave an old one."""
    extra = info.extra
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        content, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == _UNICODE_PATH and len(content) > 5 and content[0] == 1:
            (checksum,) = struct.unpack_from("<L", content, 1)
            return _decoded(content[5:], "utf-8") if checksum == zlib.crc32(raw) else None
    return None


def _decoded(raw: bytes, encoding: str) -> str | None:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        return None
