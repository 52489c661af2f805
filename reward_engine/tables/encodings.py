"""Tell the encoding of a text: UTF-8, UTF-16, or what Windows programs write without saying so.

Excel writes UTF-8 only when asked to. “CSV” is the code page of the machine (Windows-1252 in western Europe and the
Americas, GBK in China), “Unicode text” is UTF-16. A detector of languages is of little use on a table whose only
accented word is “Größe”, so the question is put the other way round: does the text have the build of one of the two
code pages? Chinese is written in pairs of bytes of the common characters; western languages have single accented
letters between plain ones. What has neither build is refused, since a wrong guess would spoil prompts without a word.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from reward_engine.tables.rows import TableError

_CHUNK = 1024 * 1024
_NAMES = {
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "utf-32": "UTF-32",
    "cp1252": "Windows-1252",
    "gb18030": "GBK",
}
_ADVICE = "save the file with the encoding UTF-8 (in a spreadsheet: “CSV UTF-8”)"
_HIGH_RUNS = re.compile(rb"[\x80-\xff]+")
_MOST_SAMPLE = 4 * _CHUNK

# GB 2312 has its common characters in rows B0 to D7, by their sound, and its marks in A1 and A3. Korean text has the
# same pairs, but its letters end at C8: a text without a character of the later rows may be either.
_PAIR_BYTES = range(0xA1, 0xFF)
_COMMON_ROWS = range(0xB0, 0xD8)
_CHINESE_ONLY_ROWS = range(0xC9, 0xD8)
_MARK_ROWS = (0xA1, 0xA3)

# Windows-1252: À to ÿ, without what is Icelandic there and Turkish in the code page of Turkey; œ; and the marks that
# word processors put in.
_LETTERS = frozenset(range(0xC0, 0xFF)) - frozenset(b"\xd0\xdd\xde\xf0\xfd\xfe") | {0x8C, 0x9C}
_MARKS = frozenset("€‚„…‘’“”•–—™\xa0¡£§©«°±²³´·º»¼½¾¿".encode("cp1252"))
# Within a word these are letters of other code pages: ³ is the Polish ł, ” the ö of MS-DOS.
_MARK_IN_WORD = re.compile(rb"[a-z][\x80\x82\x84\x93\x94\x95\x99\xa1\xa3\xb1\xb2\xb3\xb4\xbc\xbd\xbe\xbf][a-z]")
_CZECH = (0xEC, 0xF8)  # ì and ø do not meet in one western language; they are ě and ř in the code page of Prague
_MOST_RUN = 3


def name_of(encoding: str) -> str:
    """What people call an encoding: “Windows-1252” for “cp1252”."""
    return _NAMES.get(encoding, encoding)


def is_certain(encoding: str) -> bool:
    """Tell whether an encoding is certain.

    It is not where it was guessed from how the text is built.
    """
    return encoding not in ("cp1252", "gb18030")


def decode(content: bytes) -> str:
    """Decode some bytes, without a byte order mark.

    Raises:
        TableError: It is not in that encoding (``bad_encoding``).
    """
    return content.decode(encoding_of([content])).removeprefix("\ufeff")


def encoding_of(source: Path | Iterable[bytes]) -> str:
    """The codec that reads the whole of a file, or of chunks of bytes.

    Raises:
        TableError: It is not in that encoding (``bad_encoding``).
    """
    chunks = _chunks(source) if isinstance(source, Path) else iter(source)
    first = next(chunks, b"")
    if marked := _by_mark(first):
        _check(marked, first, chunks)
        return marked
    return _unmarked(first, chunks)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _by_mark(first: bytes) -> str | None:
    """By its byte order mark; or, in text without one, by where the zero bytes of UTF-16 stand."""
    if first.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if len(first) >= 4 and first[0] and first[2] and first[1] == first[3] == 0:
        return "utf-16-le"
    if len(first) >= 4 and first[1] and first[3] and first[0] == first[2] == 0:
        return "utf-16-be"
    return None


def _check(encoding: str, first: bytes, rest: Iterator[bytes]) -> None:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        decoder.decode(first)
        for chunk in rest:
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise TableError(
            f"the text begins as {name_of(encoding)} but is cut off or damaged further on; {_ADVICE}.", "bad_encoding"
        ) from error


def _unmarked(first: bytes, rest: Iterator[bytes]) -> str:
    """UTF-8 where all of it is; else by the bytes above 127 of the first megabytes, checked on the whole."""
    decoders = {name: codecs.getincrementaldecoder(name)() for name in ("utf-8-sig", "gb18030", "cp1252")}
    sample = bytearray()
    line = bad_line = 1
    for chunk in chain((first,), rest, (None,)):
        for name, decoder in list(decoders.items()):
            try:
                decoder.decode(chunk or b"", final=chunk is None)
            except UnicodeDecodeError as error:
                del decoders[name]
                if name == "utf-8-sig":
                    bad_line = line + error.object[: error.start].count(b"\n")
        if chunk is not None:
            line += chunk.count(b"\n")
            sample += chunk[: max(_MOST_SAMPLE - len(sample), 0)]
    if "utf-8-sig" in decoders:
        return "utf-8-sig"
    guess = build_of(bytes(sample))
    if guess in decoders and b"\0" not in sample:
        return guess
    raise TableError(f"this is not UTF-8 text; {_ADVICE}.", "bad_encoding", line=bad_line)


def build_of(text: bytes) -> str | None:
    """Guess "gb18030" or "cp1252" from how bytes above 127 stand.

    Returns None where it is neither.
    """
    runs = _HIGH_RUNS.findall(text)
    if runs and _is_chinese(runs):
        return "gb18030"
    return "cp1252" if runs and _is_western(text, runs) else None


def _is_chinese(runs: list[bytes]) -> bool:
    """Nearly all in pairs, the greater part of them common characters."""
    pairs = [
        (run[at], run[at + 1])
        for run in runs
        for at in range(0, len(run) - 1, 2)
        if run[at] in _PAIR_BYTES and run[at + 1] in _PAIR_BYTES
    ]
    common = sum(lead in _COMMON_ROWS for lead, _ in pairs)
    marks = sum(lead in _MARK_ROWS for lead, _ in pairs)
    certain = any(lead in _CHINESE_ONLY_ROWS for lead, _ in pairs)
    return certain and 2 * len(pairs) >= 0.9 * sum(map(len, runs)) and common + marks >= 0.7 * len(pairs)


def _is_western(text: bytes, runs: list[bytes]) -> bool:
    """Nearly all letters with accents or marks, no more than a few of them side by side."""
    high = b"".join(runs)
    known = sum(byte in _LETTERS or byte in _MARKS for byte in high)
    if max(map(len, runs)) > _MOST_RUN or known < 0.9 * len(high) or _MARK_IN_WORD.search(text):
        return False
    if all(byte in high for byte in _CZECH):
        return False
    return len(high) <= 2 * len(runs)
