"""Tables as people's programs write them: delimited text and JSON Lines, read row by row.

Imports of the platform and the command line read through this one door. It knows what Excel, LibreOffice, Windows and
macOS write (:mod:`.encodings`, :mod:`.delimited`), and it never guesses in silence: what cannot be read is refused with
its row.
"""

from reward_engine.tables.columns import column_named, plain
from reward_engine.tables.delimited import Delimited
from reward_engine.tables.encodings import decode, encoding_of, is_certain, name_of
from reward_engine.tables.lines import TextLines, json_lines
from reward_engine.tables.objects import objects
from reward_engine.tables.rows import TableError, TableRow

__all__ = [
    "Delimited",
    "TableError",
    "TableRow",
    "TextLines",
    "column_named",
    "decode",
    "encoding_of",
    "is_certain",
    "json_lines",
    "name_of",
    "objects",
    "plain",
]
