"""Maintenance of a home: its store backed up, put back and made smaller; what is damaged, mended without loss."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from stockcast import config as settings
from stockcast.config.runfile import load_run_config
from stockcast.errors import LockedError, StockcastError, StorageError
from stockcast.limits import MIB
from stockcast.pipeline.running import locked
from stockcast.results import Check
from stockcast.storage.backup import StoreCopy, put_back, write_backup
from stockcast.storage.database import Database
from stockcast.storage.ledger.recording import forget_settled
from stockcast.storage.modes import mend_modes
from stockcast.storage.outputs import put_aside_foreign
from stockcast.storage.salvage import mend_store, put_aside_studies


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
        try:
            db.compact()
        except StorageError as error:  # such as a full disk
            raise StorageError(
                f"what was to go is dropped, but the room that it took was not given back: {error.message}",
                f"free as much as the record takes, {-(-before // MIB):,} MiB, and prune again",
            ) from error
        return Pruning(*dropped, before, db.size())


def repair(home: Path, config: Path | None) -> list[Check]:
    """Mend what can be mended without loss: nothing is deleted, and what is replaced is kept beside.

    Args:
        home: The folder of models, prices and forecasts.
        config: The file of `run`, whose outputs are looked at; None where there is none.

    Returns:
        One for each thing that was done, or could not be.
    """
    if not os.path.isdir(home):
        return []
    lines: list[str | None] = [f"others may write to {path} no longer, and this user may" for path in mend_modes(home)]
    failed = []
    try:
        with locked(home, 0.0):
            for mend in (mend_store, put_aside_studies):
                try:
                    lines.append(mend(home, settings.now()))
                except StockcastError as error:
                    failed.append(Check("repair", False, error.message, error.hint))
            if config is not None:
                lines += put_aside_foreign(load_run_config(config).output, settings.now())
    except LockedError:
        failed.append(Check("repair", None, "another run is at work: nothing else was mended", "wait for it to end"))
    except StockcastError as error:
        failed.append(Check("repair", False, error.message, error.hint))
    return [*(Check("repair", True, line) for line in lines if line), *failed]
