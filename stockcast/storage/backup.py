"""Backups of the store: copied whole while it is used, and put back."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from stockcast.errors import LockedError, StorageError
from stockcast.storage.database import FILE, SCHEMA_VERSION, DamagedError, Database
from stockcast.storage.files import (
    copy_synced,
    open_private,
    private_folder,
    private_home,
    storage_error,
    sync_folder,
    temporary_folder,
    unused_name,
)

ASIDE = "damaged"
"""Folder of a home for what was put aside."""

# What nobody can fetch again, by what is the same of a record in two stores; {0} is one of them.
_RECORDS = {
    "forecasts": "SELECT ticker, model, origin, horizon, document FROM {0}.forecasts",
    "outcomes": "SELECT ticker, model, origin, horizon FROM {0}.forecasts JOIN {0}.outcomes ON forecast_id = id",
    "trainings": "SELECT ticker, model, finished_at FROM {0}.trainings",
    "event_snapshots": "SELECT ticker, taken, source, dates FROM {0}.event_snapshots",
}


@dataclass(frozen=True)
class StoreCopy:
    """A backup that was written, or put back.

    Attributes:
        file: The backup.
        forecasts: Recorded in it.
        settled: Outcomes of these.
        tickers: With prices.
        bytes: Its size.
        replaced: Records that what it took the place of had and it has not, by table.
    """

    file: Path
    forecasts: int
    settled: int
    tickers: int
    bytes: int
    replaced: Mapping[str, int]


def write_backup(home: Path, file: Path, force: bool = False) -> StoreCopy:
    """Copy the store of a home into one file, as it is at one moment, whoever writes to it meanwhile.

    The copy is checked before it takes its name: the file is there whole, or as it was before.

    Args:
        home: The folder of models, prices and forecasts.
        file: The backup; a symbolic link keeps its place.
        force: Whether it may replace a file with records that the store has not, or one that is no backup.

    Raises:
        StorageError: Where there is no store, where it is damaged, and where the file may not or cannot be written.
    """
    if not os.path.exists(home / FILE):
        raise StorageError(f"there is no record in {home}", "name the folder of one with --home")
    target = _elsewhere(home, file)
    with fresh_file(target) as fresh:
        with Database.open(home) as db, Database.as_it_is(fresh, writable=True) as copy:
            db.copy_into(copy)
        with Database.as_it_is(fresh, writable=True) as copy:
            copy.rows("PRAGMA journal_mode = DELETE")  # one file, to be read where nothing may be written
            problems = copy.integrity()
            if problems:
                raise DamagedError(f"{home / FILE} is damaged: {problems[0]}", _MEND)
            replaced = _replaced_by(copy, target, force)
            made = _described(copy, file, replaced)
        _move(fresh, target)
    return made


def put_back(home: Path, file: Path, now: datetime, force: bool = False) -> tuple[StoreCopy, Path | None]:
    """Make the store of a home what a backup is, while no run is at work; whatever stops this, it stays as it was.

    A store that is damaged is put aside with its log. The number of a forecast is not given again.

    Args:
        home: The folder of models, prices and forecasts.
        file: The backup, which is only read.
        now: The time, for the name of what is put aside.
        force: Whether records are given up that the store has and the backup has not.

    Returns:
        What it is now, and where a damaged store was put.

    Raises:
        StorageError: For a file that is no whole backup, for records that would be lost, and where the system refuses.
        LockedError: Where another process has been writing for longer than the wait.
    """
    store = home / FILE
    try:
        private_home(home)
    except OSError as error:
        raise storage_error(home, error, "create") from error
    with fresh_file(store) as fresh:
        _take(_elsewhere(home, file), fresh)
        try:
            with Database.open(home) as live:
                problems = live.integrity()
                if not problems:
                    return _overwritten(live, fresh, file, force), None
        except DamagedError:
            pass
        with Database.as_it_is(fresh, writable=True) as copy:
            copy.rows("PRAGMA journal_mode = DELETE")
            made = _described(copy, file, {})
        return made, put_in_place(fresh, store, now)


def put_in_place(fresh: Path, store: Path, now: datetime) -> Path:
    """Put a damaged store aside with its log, and a whole one in its place.

    Returns:
        Where the damaged one is.

    Raises:
        StorageError: Where the system refuses.
    """
    aside = name_aside(store.parent, store.name, now)
    try:
        try:
            os.link(store, aside)  # the name stays in use: whoever finds no store begins one
        except OSError:  # not every file system has links
            copy_synced(store, fresh.with_name(ASIDE))
            os.rename(fresh.with_name(ASIDE), aside)
        # The log would be taken for that of the new one.
        for more in ("-wal", "-shm"):
            with suppress(FileNotFoundError):
                os.rename(f"{store}{more}", f"{aside}{more}")
        sync_folder(aside.parent)
    except OSError as error:
        raise storage_error(aside, error) from error
    _move(fresh, store)
    return aside


def name_aside(home: Path, name: str, now: datetime) -> Path:
    """What is put aside is called this, which nothing else is, in a folder that is made. Raises StorageError."""
    folder = home / ASIDE
    try:
        private_folder(folder)
    except OSError as error:
        raise storage_error(folder, error, "create") from error
    return unused_name(folder, name, now)


@contextmanager
def fresh_file(target: Path) -> Iterator[Path]:
    """A new empty file in a folder of its own beside the target, which goes with all that SQLite put there.

    Raises StorageError where the system refuses; it names the target, since nobody knows the folder.
    """
    try:
        with temporary_folder(target.parent) as folder:
            fresh = folder / FILE
            os.close(open_private(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL))
            try:
                yield fresh
            except (StorageError, LockedError) as error:
                message, hint = (
                    words.replace(str(fresh), str(target)).replace(str(folder), str(target.parent))
                    for words in (error.message, error.hint)
                )
                raise type(error)(message, hint) from error
    except OSError as error:
        raise storage_error(target, error) from error


def keep_numbers(old: Database, new: Database) -> None:
    """No number that one store has given is given by the other: files that follow the ledger go by them."""
    for name, number in old.readable_rows("SELECT name, seq FROM sqlite_sequence")[0]:
        new.execute("DELETE FROM sqlite_sequence WHERE name = ? AND seq < ?", (name, number))
        new.execute(
            "INSERT INTO sqlite_sequence SELECT ?1, ?2 WHERE ?1 NOT IN (SELECT name FROM sqlite_sequence)",
            (name, number),
        )


def records_told(records: Mapping[str, int]) -> str:
    """Records by table in words, such as "2 forecasts, 1 outcome"."""
    words = {name: name.replace("event_snapshots", "dates of reports") for name in records}
    return ", ".join(f"{n:,} {words[name].removesuffix('s') if n == 1 else words[name]}" for name, n in records.items())


_MEND = "`stockcast doctor` says more"


def _move(fresh: Path, target: Path) -> None:
    """Put a file in the place of another once its bytes are on the disk. Raises OSError."""
    descriptor = os.open(fresh, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.replace(fresh, target)
    sync_folder(target.parent)


def _elsewhere(home: Path, file: Path) -> Path:
    """The file itself. Raises StorageError where it is the store or belongs to it."""
    target = Path(os.path.realpath(file))
    if target.parent == Path(os.path.realpath(home)) and target.name.startswith(FILE):
        raise StorageError(f"{file} is the record itself", "name another file")
    return target


def _take(source: Path, fresh: Path) -> None:
    """Copy a backup, with the tables of this version. Raises StorageError where it is none, or not whole."""
    if not source.is_file():
        raise StorageError(f"there is no file {source}", "name a file that stockcast ledger backup wrote")
    try:
        with Database.as_it_is(source) as backup:
            version = backup.rows("PRAGMA user_version")[0][0]
            if version > SCHEMA_VERSION:
                raise StorageError(
                    f"{source} has format {version}; this version of stockcast knows formats up to {SCHEMA_VERSION}",
                    "use the version of stockcast that wrote it, or a later one",
                )
            if not version:
                raise DamagedError("it is none of stockcast")
            with Database.as_it_is(fresh, writable=True) as copy:
                backup.copy_into(copy)
        with Database.of_file(fresh) as copy:
            problems = copy.integrity()
            if problems:
                raise DamagedError(problems[0])
    except DamagedError as error:
        reason = error.message.removeprefix(f"{source} is damaged: ").removesuffix("; it was left untouched")
        raise StorageError(f"{source} is no whole backup: {reason}", "take another one") from error


def _overwritten(live: Database, fresh: Path, file: Path, force: bool) -> StoreCopy:
    """A whole store made what the fresh file is."""
    live.attach(fresh)
    lost = _lacking(live, "main", "other")
    live.execute("DETACH other")
    if lost and not force:
        raise StorageError(
            f"{live.path} has {records_told(lost)} that {file} has not",
            "keep them first with stockcast ledger backup FILE; then go back with --force",
        )
    with Database.as_it_is(fresh, writable=True) as copy:
        keep_numbers(live, copy)
        made = _described(copy, file, lost)
        copy.copy_into(live)
    return made


def _replaced_by(copy: Database, target: Path, force: bool) -> dict[str, int]:
    """Records that a file has and the copy has not. Raises StorageError unless they may be lost."""
    if not os.path.exists(target):
        return {}
    hint = "name another file, or replace this one with --force"
    try:
        copy.attach(target)
        tables = {name for (name,) in copy.rows("SELECT name FROM other.sqlite_master")}
        lost = _lacking(copy, "other", "main", tables)
        copy.execute("DETACH other")
        known = "forecasts" in tables
    except StorageError:
        known, lost = False, {}
    if not force and not known:
        raise StorageError(f"{target} is there, and is no whole backup", hint)
    if not force and lost:
        raise StorageError(f"{target} has {records_told(lost)} that the record has not", hint)
    return lost


def _lacking(db: Database, there: str, here: str, tables: set[str] | None = None) -> dict[str, int]:
    """How many records one of two attached stores has and the other has not, by table."""
    counts = {
        name: db.rows(f"SELECT count(*) FROM ({query.format(there)} EXCEPT {query.format(here)})")[0][0]
        for name, query in _RECORDS.items()
        if tables is None or name in tables
    }
    return {name: count for name, count in counts.items() if count}


def _described(copy: Database, file: Path, replaced: Mapping[str, int]) -> StoreCopy:
    tables = ("forecasts", "outcomes", "instruments")
    forecasts, settled, tickers = (copy.rows(f"SELECT count(*) FROM {table}")[0][0] for table in tables)
    return StoreCopy(file, forecasts, settled, tickers, copy.size(), replaced)
