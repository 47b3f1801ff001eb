"""Maintenance of a home: its store backed up, put back and made smaller."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stockcast import config as settings
from stockcast.pipeline.running import locked
from stockcast.storage.backup import StoreCopy, put_back, write_backup
from stockcast.storage.database import Database
from stockcast.storage.ledger.recording import forget_settled


@dataclass(frozen=True)
class Pruning:
    """What was dropped from the store, and its size before and after, in bytes."""

    distributions: int
    runs: int
    bytes_before: int
    bytes: int


def backup_ledger(home: Path, file: Path, force: bool = False) -> StoreCopy:
    """Copy the store into one file, also while a run is at work.

    Args:
        home: The folder of models, prices and forecasts.
        file: The backup.
        force: Whether it may replace a file that has records which the store has not, or that is no backup.

    Raises:
        StorageError: Where the store is missing or damaged, and where the file may not or cannot be written.
    """
    return write_backup(home, file, force)


def restore_ledger(home: Path, file: Path, force: bool = False, wait: float = 0.0) -> tuple[StoreCopy, Path | None]:
    """Make the store what a backup is, or leave it as it was. A damaged store is put aside.

    Args:
        home: The folder of models, prices and forecasts.
        file: The backup.
        force: Whether records are given up that the backup has not.
        wait: Seconds to wait for a run that is at work.

    Returns:
        What it is now, and where a damaged store was put.

    Raises:
        StorageError: For a file that is no whole backup, and for records that would be lost.
        LockedError: Where a run is at work for longer than the wait.
    """
    with locked(home, wait):
        return put_back(home, file, settings.now(), force)


def prune_ledger(home: Path, wait: float = 0.0) -> Pruning:
    """Drop what only the settling of a forecast needs once it is settled, and the records of runs of long ago.

    Lists, files, scores and the intervals of the next forecasts are the same afterwards.

    Args:
        home: The folder of models, prices and forecasts.
        wait: Seconds to wait for a run that is at work.

    Raises:
        StorageError: Where the store is damaged or cannot be written.
        LockedError: Where a run is at work for longer than the wait.
    """
    with locked(home, wait), Database.open(home) as db:
        before = db.size()
        dropped = forget_settled(db)
        db.compact()
        return Pruning(*dropped, before, db.size())
