"""Salvage: what can be read of a damaged store, in a new one; the old one is put aside and stays as it was."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from stockcast.storage import eventstore, pricestore, studies
from stockcast.storage.backup import fresh_file, keep_numbers, name_aside, put_in_place
from stockcast.storage.database import DAYS, FILE, DamagedError, Database, Row
from stockcast.storage.files import rename_synced, storage_error
from stockcast.storage.ledger import reading
from stockcast.storage.ledger.recording import SERVED, stamp

# By the number that rows begin with.
_NUMBERED = ("forecasts", "laws", "outcomes", "baseline_scores", "trainings", "runs")
_NAMED = ("instruments", "event_requests", "event_snapshots")
_PARENTS = {
    "laws": "id FROM forecasts",
    "outcomes": "id FROM forecasts",
    "baseline_scores": "forecast_id FROM outcomes",
}

_KEYS = {
    "forecasts": "id",
    "laws": "forecast_id, competitor",
    "outcomes": "forecast_id",
    "runs": "id",
    "instruments": "ticker",
    "event_snapshots": "ticker, taken",
}

_KINDS = {"TEXT": "'text'", "INTEGER": "'integer'", "BLOB": "'blob'", "": "'integer', 'real'"}
"""What a column holds by its declared type, in SQLite's words."""

_UNSCORABLE = (
    "SELECT id FROM forecasts WHERE id NOT IN (SELECT forecast_id FROM outcomes) "
    "AND id NOT IN (SELECT forecast_id FROM laws WHERE competitor = ?)"
)
_LOST = "its distribution was lost with a damaged store"


def mend_store(home: Path, now: datetime) -> str | None:
    """Mend the store of a home where it is damaged, while no run is at work.

    Indexes are built anew. Where that is not enough, every row that can be read goes into a new store, and the old one
    is put aside. Prices of which any row is lost are left out, since they can be fetched again whole; a forecast that
    can be read without its distribution is void.

    Args:
        home: The folder of models, prices and forecasts.
        now: The time.

    Returns:
        What was done, in a line; None where nothing had to be.

    Raises:
        DamagedError: Where nothing of it can be read; it is as it was.
        StorageError: Where the system refuses.
    """
    store = home / FILE
    if not os.path.exists(store):
        return None
    try:
        with Database.open(home) as db:
            problems = db.integrity()
            if not problems and not unreadable(db):
                return None
            if problems and all("index" in problem for problem in problems) and db.reindex():
                return f"the indexes of {store} were built anew"
    except DamagedError:
        pass
    with fresh_file(store) as fresh:
        with Database.as_it_is(store) as old, Database.of_file(fresh) as new:
            new.execute("PRAGMA foreign_keys = OFF")
            with new.transaction():
                _copy(old, new)
                _make_whole(new, now)
            counts = {
                table: len(new.rows(f"SELECT 1 FROM {table}")) for table in ("forecasts", "outcomes", "instruments")
            }
            problems = new.integrity()
            if problems or not any(counts.values()):
                raise DamagedError(
                    f"{store} is damaged: nothing of it can be read",
                    f"go back to a backup: stockcast ledger restore FILE; or move {store} away to start afresh",
                )
        with Database.as_it_is(fresh, writable=True) as new:
            new.rows("PRAGMA journal_mode = DELETE")
        aside = put_in_place(fresh, store, now)
    return (
        f"{store} was made anew of what can be read: {counts['forecasts']:,} forecasts, {counts['outcomes']:,} "
        f"outcomes, prices of {counts['instruments']:,} tickers; the damaged one is {aside}"
    )


def unreadable(db: Database) -> list[str]:
    """What cannot be read of a store whose pages are whole, in words: values of another kind, rows that say nothing."""
    if problems := db.strange_values():
        return problems
    found = [(table, key) for table, keys in _unreadable(db).items() for key in keys]
    problems = [f"{table}: the row {', '.join(map(str, key))} cannot be read" for table, key in found]
    return problems + [f"the distribution of forecast {key} is gone" for (key,) in db.rows(_UNSCORABLE, (SERVED,))]


def put_aside_studies(home: Path, now: datetime) -> str | None:
    """Put the studies of `tune` aside with their log where they are damaged: the next one begins anew.

    Returns:
        What was done, in a line; None where nothing had to be.

    Raises:
        StorageError: Where the system refuses.
    """
    path = home / studies.FOLDER / studies.FILE
    try:
        if not os.path.exists(path):
            return None
        with Database.as_it_is(path) as db:
            if not db.integrity():
                return None
    except DamagedError:
        pass
    aside = name_aside(home, path.name, now)
    try:
        # The log first: a new file would make an end of it.
        for more in ("-wal", "-shm", "-journal", ""):
            if os.path.exists(f"{path}{more}"):
                rename_synced(path.with_name(f"{path.name}{more}"), aside.with_name(f"{aside.name}{more}"))
    except OSError as error:
        raise storage_error(path, error, "rename") from error
    return f"{path} was damaged: it is now {aside}, and the next study begins anew"


def _copy(old: Database, new: Database) -> None:
    for table in (*_NUMBERED, *_NAMED):
        _insert(new, table, _numbered(old, table) if table in _NUMBERED else _from_both_ends(old, table))
    for (ticker,) in new.readable_rows("SELECT ticker FROM instruments")[0]:
        prices, whole = old.readable_rows(f"SELECT {_columns(old, 'prices')} FROM prices WHERE ticker = ?", (ticker,))
        if whole:
            _insert(new, "prices", prices)
        else:
            new.execute("DELETE FROM instruments WHERE ticker = ?", (ticker,))
    keep_numbers(old, new)


def _insert(new: Database, table: str, rows: list[Row]) -> None:
    if rows:
        new.execute_many(f"INSERT OR IGNORE INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)


def _columns(old: Database, table: str) -> str:
    """Columns as this version has them: those that were released never change."""
    names, _ = old.readable_rows("SELECT name FROM pragma_table_info(?)", (table,))
    return ", ".join(name for (name,) in names) or "NULL"


def _from_both_ends(old: Database, table: str) -> list[Row]:
    """Rows before the first that cannot be read and after the last, by the table's key."""
    keys = ("ticker", "taken") if table == "event_snapshots" else ("ticker",)
    query = f"SELECT {_columns(old, table)} FROM {table} ORDER BY "
    head, whole = old.readable_rows(query + ", ".join(keys))
    return head if whole else head + old.readable_rows(query + ", ".join(f"{key} DESC" for key in keys))[0]


def _numbered(old: Database, table: str) -> list[Row]:
    """All rows that can be read."""
    key = "id" if table in ("forecasts", "trainings", "runs") else "forecast_id"
    query = f"SELECT {_columns(old, table)} FROM {table}"
    head, whole = old.readable_rows(f"{query} ORDER BY {key}")
    if whole:
        return head
    tail, _ = old.readable_rows(f"{query} ORDER BY {key} DESC")
    return head + tail + _between(old, f"{query} WHERE {key} BETWEEN ? AND ?", _last(head), _last(tail))


def _last(rows: list[Row]) -> int:
    return int(rows[-1][0]) if rows else 0


def _between(old: Database, query: str, first: int, last: int) -> list[Row]:
    """Rows of these numbers, by halves until the rest is what cannot be read."""
    if first > last:
        return []
    rows, whole = old.readable_rows(query, (first, last))
    if whole or first == last:
        return rows
    middle = (first + last) // 2
    return _between(old, query, first, middle) + _between(old, query, middle + 1, last)


def _make_whole(new: Database, now: datetime) -> None:
    """Leave out what nothing can be made of, and let everything refer to what is there."""
    new.execute(f"DELETE FROM instruments WHERE ticker IN (SELECT ticker FROM prices WHERE {_strange(new, 'prices')})")
    for table in (*_NUMBERED, *_NAMED):
        new.execute(f"DELETE FROM {table} WHERE {_strange(new, table)}")
    for table, keys in _unreadable(new).items():
        for key in keys:
            new.execute(f"DELETE FROM {table} WHERE ({_KEYS[table]}) = ({', '.join('?' * len(key))})", key)
    new.execute("DELETE FROM prices WHERE ticker NOT IN (SELECT ticker FROM instruments)")
    # Scores of which a part is lost are made again.
    new.execute(
        "DELETE FROM outcomes WHERE void IS NULL AND EXISTS (SELECT 1 FROM laws WHERE laws.forecast_id = "
        "outcomes.forecast_id AND competitor <> ? AND competitor NOT IN (SELECT baseline FROM baseline_scores WHERE "
        "baseline_scores.forecast_id = outcomes.forecast_id))",
        (SERVED,),
    )
    new.execute(
        f"INSERT INTO outcomes (forecast_id, settled_at, void) SELECT id, ?, ? FROM ({_UNSCORABLE})",
        (stamp(now), _LOST, SERVED),
    )
    for table, parent in _PARENTS.items():
        new.execute(f"DELETE FROM {table} WHERE forecast_id NOT IN (SELECT {parent})")


def _strange(db: Database, table: str) -> str:
    """The condition that a row holds what its columns cannot."""
    columns = db.rows("SELECT name, type FROM pragma_table_info(?)", (table,))
    conditions = [f"typeof({name}) NOT IN ({_KINDS[declared]}, 'null')" for name, declared in columns]
    conditions += [f"abs({name}) = 9e999" for name, declared in columns if not declared]
    conditions += [f"{name} <> date({name}) OR {name} < '0001'" for name, _ in columns if name in DAYS]
    conditions += [f"{name} IS NOT NULL AND date({name}) IS NULL" for name, _ in columns if name in DAYS]
    return " OR ".join(conditions)


def _unreadable(db: Database) -> dict[str, list[tuple[object, ...]]]:
    """Keys of rows that cannot be read though their values are of the right kinds, by table."""
    return {
        **reading.unreadable_records(db),
        "instruments": pricestore.unreadable_tickers(db),
        "event_snapshots": eventstore.unreadable_snapshots(db),
    }
