"""Backups of everything the platform keeps: the database's tables, media and artifacts.

    FOLDER/files/ab/<sha256>            each file once, whatever the number of backups that hold it
    FOLDER/<time>/tables/<table>.gz     PostgreSQL's COPY in its text format
    FOLDER/<time>/files.jsonl           root, path, size, time and SHA-256 of each file
    FOLDER/<time>/manifest.json         written last: without it a backup is not whole and counts for nothing

All tables are of one moment (one transaction that reads a snapshot). Files are copied after it: what a row names was
there before the row was, and files of the library never change under their name.
"""

from annotator.core.backup.making import make_backup
from annotator.core.backup.manifest import newest, whole_backups
from annotator.core.backup.pruning import Pruned, prune
from annotator.core.backup.restoring import check_backup, restore_backup

__all__ = ["Pruned", "check_backup", "make_backup", "newest", "prune", "restore_backup", "whole_backups"]
