"""Database: one SQLite file for prices, forecasts and runs, whole whenever the process ends.

Write-ahead logging: readers see the last commit while somebody writes. Every commit is synced to the disk.

Days are ISO dates and times ISO times in UTC, so that they sort as text. Columns of numbers that must come back bit
by bit have no type: a column of type REAL would turn -0.0 into 0.0.
"""

from __future__ import annotations

import math
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import date
from functools import cached_property
from itertools import chain
from pathlib import Path
from types import NoneType, TracebackType
from typing import Any, Self

from stockcast.errors import LockedError, StockcastError, StorageError
from stockcast.storage.files import open_private, private_home, storage_error

FILE = "stockcast.db"

BUSY_WAIT = 10.0
"""Seconds to wait for another writer."""

_RETRY_EVERY = 0.02  # seconds

_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_REFUSED = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM})

Row = tuple[Any, ...]
"""What a query finds, column by column."""
Parameters = Sequence[object] | Mapping[str, object]

_Step = tuple[str, ...]

_PRICES: _Step = (
    """
    CREATE TABLE instruments (
        ticker TEXT NOT NULL PRIMARY KEY,
        exchange TEXT NOT NULL,
        currency TEXT,
        zone TEXT NOT NULL,
        calendar TEXT NOT NULL,
        hours TEXT NOT NULL,
        fetched_at TEXT NOT NULL,
        guessed INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE prices (
        ticker TEXT NOT NULL REFERENCES instruments (ticker),
        session TEXT NOT NULL,
        open, high, low, close, adjusted_close, volume, dividends, splits,
        PRIMARY KEY (ticker, session)
    ) WITHOUT ROWID
    """,
)

_LEDGER: _Step = (
    # AUTOINCREMENT: an id is never given twice, so whoever appends to a file can go on from the last one.
    """
    CREATE TABLE forecasts (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        ticker TEXT NOT NULL,
        model TEXT NOT NULL,
        origin TEXT NOT NULL,
        horizon INTEGER NOT NULL,
        target_session TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('live', 'replay')),
        recorded_at TEXT NOT NULL,
        document TEXT NOT NULL,
        alpha,
        low_50 NOT NULL, high_50 NOT NULL, low_90 NOT NULL, high_90 NOT NULL,
        raw_low_50 NOT NULL, raw_high_50 NOT NULL, raw_low_90 NOT NULL, raw_high_90 NOT NULL,
        UNIQUE (ticker, origin, horizon, model)
    )
    """,
    "CREATE INDEX forecasts_by_target ON forecasts (ticker, target_session)",
    # competitor: a baseline's name, or '' for the law that is served.
    """
    CREATE TABLE laws (
        forecast_id INTEGER NOT NULL REFERENCES forecasts (id),
        competitor TEXT NOT NULL,
        family TEXT NOT NULL,
        parameters BLOB NOT NULL,
        PRIMARY KEY (forecast_id, competitor)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE outcomes (
        forecast_id INTEGER NOT NULL PRIMARY KEY REFERENCES forecasts (id),
        settled_at TEXT NOT NULL,
        void TEXT,
        realised_return, crps, log_score, pit, error,
        hit_50, hit_90, interval_score_90, raw_hit_50, raw_hit_90, raw_interval_score_90,
        CHECK ((void IS NULL) = (realised_return IS NOT NULL))
    )
    """,
    """
    CREATE TABLE baseline_scores (
        forecast_id INTEGER NOT NULL REFERENCES outcomes (forecast_id),
        baseline TEXT NOT NULL,
        crps NOT NULL, log_score, pit NOT NULL,
        PRIMARY KEY (forecast_id, baseline)
    ) WITHOUT ROWID
    """,
    # What was said before the outcome stays as it was said, whoever asks.
    *(
        f"""
        CREATE TRIGGER {table}_never_change BEFORE UPDATE ON {table}
        BEGIN SELECT RAISE (ABORT, 'a recorded forecast never changes'); END
        """
        for table in ("forecasts", "laws")
    ),
)

_RUNS: _Step = (
    """
    CREATE TABLE trainings (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        ticker TEXT NOT NULL,
        model TEXT NOT NULL,
        session TEXT NOT NULL,
        finished_at TEXT NOT NULL,
        outcome TEXT NOT NULL CHECK (outcome IN ('first', 'replaced', 'kept')),
        reason TEXT NOT NULL,
        old_crps, new_crps,
        sessions INTEGER NOT NULL,
        model_id TEXT NOT NULL
    )
    """,
    "CREATE INDEX trainings_by_model ON trainings (ticker, model)",
    """
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        started_at TEXT NOT NULL,
        finished_at TEXT,
        summary TEXT
    )
    """,
)

_EVENTS: _Step = (
    # What was told of the reports of a ticker on one day: [[day, when], ...] as JSON. A day that told the same as the
    # one before has no row.
    """
    CREATE TABLE event_snapshots (
        ticker TEXT NOT NULL,
        taken TEXT NOT NULL,
        source TEXT NOT NULL,
        dates TEXT NOT NULL,
        PRIMARY KEY (ticker, taken)
    ) WITHOUT ROWID
    """,
    # When the provider was last asked for them, whatever it told.
    """
    CREATE TABLE event_requests (
        ticker TEXT NOT NULL PRIMARY KEY,
        asked TEXT NOT NULL,
        failed INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
)

STEPS: tuple[_Step, ...] = ((*_PRICES, *_LEDGER, *_RUNS), _EVENTS)
"""STEPS[n] leads from version n to version n + 1; version 0 is an empty file. Steps that were released never change."""

SCHEMA_VERSION = len(STEPS)
"""What PRAGMA user_version says of a file that this version of stockcast writes."""


class DamagedError(StorageError):
    """The file is no database, or not whole."""


_KINDS: Mapping[str, frozenset[type]] = {
    "TEXT": frozenset((str, NoneType)),
    "INTEGER": frozenset((int, NoneType)),
    "BLOB": frozenset((bytes, NoneType)),
    "": frozenset((int, float, NoneType)),
}
"""What a column holds by its declared type: SQLite itself keeps there whatever it is given."""

_INFINITE = frozenset((math.inf, -math.inf))

DAYS = frozenset(("session", "origin", "target_session", "taken", "asked"))
"""Columns of text that hold days."""

_COLUMNS = """
    SELECT c.name, c.type, t.name FROM sqlite_master AS t, pragma_table_info(t.name) AS c
    WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%'
"""


class Database:
    """The open file; a context manager that closes it. To be used in the thread that opened it.

    Every method raises StorageError where the file is damaged or the system refuses, LockedError where another
    process has been writing for longer than the wait. refused: why it can only be read.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, refused: sqlite3.Error | None = None) -> None:
        self.path = path
        self._connection = connection
        self._refused = refused

    @classmethod
    def open(cls, home: Path, wait: float = BUSY_WAIT) -> Self:
        """Open the database of a home, its tables as this version has them.

        Where file or folder may not be written, what is there can be read, and writing raises StorageError.

        Args:
            home: The folder; it and the file are created where they are missing.
            wait: Seconds to wait for other writers.

        Raises:
            StorageError: For a file that is damaged, or from a later version: it is left as it is.
            LockedError: Where another process has been writing for longer than the wait.
        """
        try:
            private_home(home)
        except (OSError, ValueError) as error:
            raise storage_error(home, error, "create") from error
        return cls.of_file(home / FILE, wait)

    @classmethod
    def of_file(cls, path: Path, wait: float = BUSY_WAIT) -> Self:
        """Open a store under another name than that in a home; as `open`, for the file alone."""
        with _explained(path):
            return cls(path, *_opened(path, wait))

    @classmethod
    def as_it_is(cls, path: Path, writable: bool = False) -> Self:
        """Open a file whose tables and version may be any, and change nothing of it. Raises StorageError."""
        with _explained(path):
            mode = "mode=rw" if writable else _mode_to_read(path)
            return cls(path, _connection(path, mode, BUSY_WAIT, lambda db: db.execute("PRAGMA schema_version").close()))

    def close(self) -> None:
        """Close the file; what is not committed is lost."""
        with self._explained():
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written inside is kept, or after an exception nothing of it.

        One writer at a time: no other process writes between what is read and what is written in here. A transaction
        within a transaction is a part of it.
        """
        if self._connection.in_transaction:
            yield
            return
        with self._explained(), _transaction(self._connection):
            yield

    def rows(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """All rows of a query. Raises StorageError, too, for a value of another kind than its column has."""
        with self._explained():
            cursor = self._connection.execute(sql, parameters)
            found = cursor.fetchall()
        for (name, *_), values in zip(cursor.description or (), zip(*found, strict=True), strict=False):
            if (strange := self._strange(name, values)) is not None:
                raise _damaged(self.path, f"a column {name} holds {strange}")
        return found

    @cached_property
    def _columns(self) -> list[tuple[str, str, str]]:
        """Name, declared type and table of every column."""
        with self._explained():
            return self._connection.execute(_COLUMNS).fetchall()

    @cached_property
    def _kinds(self) -> dict[str, frozenset[type]]:
        return {name: _KINDS[declared] for name, declared, _ in self._columns if declared in _KINDS}

    def _strange(self, name: str, values: Sequence[object]) -> str | None:
        """The first of a column's values that it cannot hold, in words; None where there is none."""
        known = self._kinds.get(name)
        if known is None or (known.issuperset(map(type, values)) and (name not in DAYS or all(map(_is_day, values)))):
            return None
        return next(f"{one!r:.60}" for one in values if type(one) not in known or (name in DAYS and not _is_day(one)))

    def readable_rows(self, sql: str, parameters: Parameters = ()) -> tuple[list[Row], bool]:
        """The rows of a query up to the first that cannot be read, and whether that is all.

        Raises StorageError and LockedError where it is not the file that is to blame.
        """
        found: list[Row] = []
        try:
            for row in self._connection.execute(sql, parameters):
                found.append(row)
        except sqlite3.Error as error:
            self._require_blame(error)
            return found, False
        return found, True

    def reindex(self) -> bool:
        """Build every index anew of its table; whether the file is whole then. Where it is not, nothing changes.

        Raises StorageError and LockedError where it is not the file that is to blame.
        """
        try:
            with _transaction(self._connection):
                self._connection.execute("REINDEX")
                if self.integrity():
                    raise sqlite3.DatabaseError
        except sqlite3.DatabaseError as error:
            self._require_blame(error)
            return False
        return True

    def _require_blame(self, error: sqlite3.Error) -> None:
        """Raise what is no fault of the file's: there is no room, or somebody writes to it."""
        if _code(error) in _LOCKED or _is_full(error):
            raise _explanation(self.path, error, self._refused) from error

    def row(self, sql: str, parameters: Parameters = ()) -> Row | None:
        """The first row of a query; None where there is none."""
        found = self.rows(sql, parameters)
        return found[0] if found else None

    def execute(self, sql: str, parameters: Parameters = ()) -> int:
        """Run one statement; returns how many rows it changed."""
        with self._explained():
            return self._connection.execute(sql, parameters).rowcount

    def execute_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Run one statement for every row of parameters."""
        with self._explained():
            self._connection.executemany(sql, rows)

    def insert(self, sql: str, parameters: Parameters) -> int | None:
        """Insert one row; returns its id, None where the statement left it out."""
        with self._explained():
            cursor = self._connection.execute(sql, parameters)
            return cursor.lastrowid if cursor.rowcount == 1 else None

    def copy_into(self, other: Database, wait: float = BUSY_WAIT) -> None:
        """Make another file, at one moment, what this one is at one; readers of both see the old or the new.

        Raises StorageError, and LockedError where somebody has been writing to the other for longer than the wait.
        """
        deadline = time.monotonic() + wait

        def busy(status: int, _left: int, _pages: int) -> None:
            if status in _LOCKED and time.monotonic() > deadline:
                raise LockedError(f"{other.path} is being written by another run", "wait for it to end, then try again")

        try:
            self._connection.backup(other._connection, progress=busy, sleep=_RETRY_EVERY)
        except sqlite3.Error as error:
            raise _explanation(self.path if _code(error) in _DAMAGED else other.path, error, None) from error

    def attach(self, path: Path) -> None:
        """Let queries see the tables of another file, as `other.`; nothing of it changes."""
        self.execute("ATTACH ? AS other", (f"{path.absolute().as_uri()}?{_mode_to_read(path)}",))

    def size(self) -> int:
        """Bytes of the file, as of the last commit."""
        return int(self.rows("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")[0][0])

    def compact(self) -> None:
        """Give the room of deleted rows back to the file system."""
        self.execute("VACUUM")
        self.rows("PRAGMA wal_checkpoint(TRUNCATE)")

    def _explained(self) -> AbstractContextManager[None]:
        return _explained(self.path, self._refused)

    def integrity(self) -> list[str]:
        """What is wrong with the file, by SQLite's own check of every page and reference; empty where nothing is."""
        try:
            found = [str(text) for (text,) in self._connection.execute("PRAGMA integrity_check").fetchall()]
            orphans = self._connection.execute("PRAGMA foreign_key_check").fetchall()
        except sqlite3.Error as error:
            if _code(error) in _DAMAGED:
                return [str(error)]
            raise _explanation(self.path, error, self._refused) from error
        problems = [] if found == ["ok"] else found
        return problems + [f"{table}: a row refers to a missing row of {parent}" for table, _, parent, _ in orphans]

    def strange_values(self) -> list[str]:
        """Which columns hold what they cannot, such as a text among numbers, or no finite number."""
        problems = []
        for name, _, table in self._columns:
            with self._explained():
                values = [value for (value,) in self._connection.execute(f"SELECT {name} FROM {table}")]
            strange = self._strange(name, values)
            if strange is None and not _INFINITE.isdisjoint(values):
                strange = "a number that is not finite"
            if strange is not None:
                problems.append(f"{table}: a column {name} holds {strange}")
        return problems


def _is_day(value: object) -> bool:
    if value is None:
        return True
    with suppress(TypeError, ValueError):
        return date.fromisoformat(value).isoformat() == value  # type: ignore[arg-type]
    return False


def _opened(path: Path, wait: float) -> tuple[sqlite3.Connection, sqlite3.Error | None]:
    """The connection, and what stands against writing."""
    # Made here, since SQLite's mode is the umask's; its log gets that of the file. A file that is there is not opened:
    # closing it would let go of the locks that this process holds on it.
    with suppress(OSError):
        os.close(open_private(path, os.O_RDWR | os.O_CREAT | os.O_EXCL))
    try:
        return _connection(path, "mode=rwc", wait, lambda connection: _prepare(path, connection)), None
    except sqlite3.Error as error:
        if not (_code(error) in _REFUSED or _is_full(error)) or not os.path.isfile(path):
            raise
        try:
            return _read_only(path, wait), error
        except sqlite3.Error:
            pass
        except StorageError:
            if not _is_full(error):
                raise
        raise error


def _read_only(path: Path, wait: float) -> sqlite3.Connection:
    """The file as far as it can be read where nothing may be written."""

    def check(connection: sqlite3.Connection) -> None:
        if _version(path, connection) < SCHEMA_VERSION:
            raise StorageError(
                f"{path} is from an earlier version of stockcast and may not be written",
                "run stockcast once as somebody who may write there",
            )

    return _connection(path, _mode_to_read(path), wait, check)


def _mode_to_read(path: Path) -> str:
    # Without a log SQLite would have to create one, even to read. There being none, or an empty one, nobody is writing.
    log = path.with_name(f"{path.name}-wal")
    return "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1"


def _connection(
    path: Path, mode: str, wait: float, prepare: Callable[[sqlite3.Connection], None]
) -> sqlite3.Connection:
    """An open connection on which `prepare` has run; whatever stops that, nothing stays open."""
    # As a URI, since only that can tell SQLite not to write; names with ? # % are escaped in it.
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", timeout=wait, isolation_level=None, uri=True)
    try:
        deadline = time.monotonic() + wait
        while True:
            try:
                prepare(connection)
                return connection
            except sqlite3.Error as error:
                # The change to write-ahead logging and the end of another's last connection do not wait by themselves.
                if _code(error) not in _LOCKED or time.monotonic() > deadline:
                    raise
            time.sleep(_RETRY_EVERY)
    except BaseException:
        connection.close()
        raise


def _prepare(path: Path, connection: sqlite3.Connection) -> None:
    """Settings of the connection, and the tables as this version has them. A later version's file is only looked at."""
    # Looked at before the version: another process may be creating the tables, and with them the version.
    used = connection.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,)
    version = _version(path, connection)
    if used and version == 0:
        raise StorageError(
            f"{path} is a database of another program; it was left untouched",
            "move it away, or choose another folder with --home",
        )
    connection.execute("PRAGMA synchronous = FULL").close()
    connection.execute("PRAGMA foreign_keys = ON").close()
    if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        connection.execute("PRAGMA journal_mode = WAL").close()
    if version < SCHEMA_VERSION:
        _migrate(path, connection)


def _migrate(path: Path, connection: sqlite3.Connection) -> None:
    """All steps from the file's version to this one, in one transaction."""
    with _transaction(connection):
        # Asked again: another process may have been first.
        for statement in chain.from_iterable(STEPS[_version(path, connection) :]):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        raise


def _version(path: Path, connection: sqlite3.Connection) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA_VERSION:
        raise StorageError(
            f"{path} has format {version}; this version of stockcast knows formats up to {SCHEMA_VERSION}",
            "use the version of stockcast that wrote it, or a later one; it was left as it is",
        )
    return version


@contextmanager
def _explained(path: Path, refused: sqlite3.Error | None = None) -> Iterator[None]:
    """What SQLite complains of, as an error that the user can act on; refused: what stands against writing."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise _explanation(path, error, refused) from error
    except sqlite3.DatabaseError as error:
        # The subclasses are about the statement: wrong ones are mistakes of this program.
        if type(error) is not sqlite3.DatabaseError:
            raise
        raise _explanation(path, error, refused) from error


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 where the error came from Python's own layer."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _is_full(error: sqlite3.Error) -> bool:
    """Whether there was no room, be it for the index of the log, without which SQLite does not even read."""
    return _code(error) == sqlite3.SQLITE_FULL or getattr(error, "sqlite_errorname", "") == "SQLITE_IOERR_SHMSIZE"


def _damaged(path: Path, reason: str) -> DamagedError:
    return DamagedError(
        f"{path} is damaged: {reason}; it was left untouched",
        f"`stockcast doctor` says more, and --repair saves what can be read; or put a backup in its place, or move "
        f"{path.name} and any {path.name}-wal away to start afresh",
    )


def _explanation(path: Path, error: sqlite3.Error, refused: sqlite3.Error | None) -> StockcastError:
    if refused is not None and _code(error) == sqlite3.SQLITE_READONLY:
        error = refused
    code = _code(error)
    if code in _LOCKED:
        return LockedError(f"{path} is being written by another run: {error}", "wait for it to end, then try again")
    if code in _DAMAGED:
        return _damaged(path, str(error))
    if _is_full(error):
        return StorageError(f"cannot write {path}: {error}", "Free some space; nothing was changed.")
    if code == sqlite3.SQLITE_IOERR:
        return StorageError(
            f"cannot use {path}: {error}", f"Check the disk that {path.parent} is on, and limits such as ulimit -f."
        )
    if code in _REFUSED:
        return StorageError(
            f"cannot use {path}: {error}", f"Check who owns {path.parent} and {path.name} there, and their permissions."
        )
    return StorageError(f"cannot use {path}: {error}", "`stockcast doctor` says more")
