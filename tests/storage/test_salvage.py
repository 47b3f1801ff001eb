"""Mending: what can be read of a damaged store is in a new one, and the old one is kept as it was."""

from __future__ import annotations

import errno
import math
import os
import re
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from stockcast.errors import LockedError, StorageError
from stockcast.prices.events import AFTER, EventDates
from stockcast.storage.database import FILE, STEPS, DamagedError, Database
from stockcast.storage.eventstore import keep_snapshot, last_asked, snapshots
from stockcast.storage.ledger import reading, recording
from stockcast.storage.ledger.recording import Training
from stockcast.storage.pricestore import bars, instrument, save_instrument, stored_tickers
from stockcast.storage.salvage import mend_store, put_aside_studies, unreadable
from tests.live.command import tables
from tests.storage.entries import DATES, FRI, MON, NOW, TUE, WED, entry, settle
from tests.storage.test_pricestore import APPLE

MOMENT = datetime(2024, 7, 10, 6, tzinfo=UTC)
ASIDE = f"{FILE}.20240710T060000"
COUNT = 60


@pytest.fixture
def filled(db: Database, home: Path) -> Path:
    """A home with 60 settled forecasts and an open one, and prices of two tickers."""
    recording.record(db, [entry(MON, TUE, model=f"M{i:02d}") for i in range(COUNT)], NOW)
    settle(db, through=TUE)
    recording.record(db, [entry(WED, FRI)], NOW)
    with db.transaction():
        for ticker in ("AAA", "BBB"):
            save_instrument(db, replace(APPLE, ticker=ticker))
            days = [str(date(2000, 1, 1) + timedelta(days=n)) for n in range(1000)]
            db.execute_many(
                "INSERT INTO prices VALUES (?, ?, 1.5, 1.5, 1.5, 1.5, 1.5, 7, 0, 1)", [(ticker, day) for day in days]
            )
    db.close()
    return home


def overwrite(home: Path, table: str, share: float) -> int:
    """Make one page of a table, at that share of its leaves, unreadable; returns its number."""
    with closing(sqlite3.connect(home / FILE)) as db:
        try:
            pages = [
                number
                for (number,) in db.execute(
                    "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY path", (table,)
                )
            ]
        except sqlite3.OperationalError:
            pytest.skip("this SQLite does not say which page is whose")
    page = pages[int(share * (len(pages) - 1))]
    content = (home / FILE).read_bytes()
    (home / FILE).write_bytes(content[: (page - 1) * 4096] + b"\xff" * 4096 + content[page * 4096 :])
    return page


def test_a_whole_store_stays_as_it_is(filled: Path) -> None:
    before = tables(filled)
    assert mend_store(filled, MOMENT) is None
    assert mend_store(filled / "missing", MOMENT) is None
    assert tables(filled) == before
    assert not (filled / "damaged").exists()


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_all_forecasts_but_those_on_a_damaged_page_are_saved(filled: Path, share: float) -> None:
    overwrite(filled, "forecasts", share)
    before = (filled / FILE).read_bytes()
    line = mend_store(filled, MOMENT)
    assert line is not None
    assert "\n" not in line
    assert (filled / "damaged" / ASIDE).read_bytes() == before
    tables(filled)
    with Database.open(filled) as db:
        ids = [row.id for row in reading.rows(db)]
        assert COUNT - 6 <= len(ids) < COUNT + 1
        assert f"{len(ids)} forecasts" in line
        # A number that was given is not given again.
        recording.record(db, [entry(TUE, WED)], NOW)
        assert reading.last_id(db) == COUNT + 2
    assert mend_store(filled, MOMENT) is None


def test_a_ticker_of_which_a_price_is_lost_is_left_out_and_the_others_are_kept(filled: Path) -> None:
    kept = tables(filled)
    overwrite(filled, "prices", 0.0)
    line = mend_store(filled, MOMENT)
    assert "prices of 1 tickers" in str(line)
    now = tables(filled)
    assert [row[0] for row in now["instruments"]] == ["BBB"]
    assert now["prices"] == [row for row in kept["prices"] if row[0] == "BBB"]
    assert now["forecasts"] == kept["forecasts"]
    assert now["outcomes"] == kept["outcomes"]


def test_a_lost_outcome_is_settled_again_to_the_same_scores(filled: Path) -> None:
    kept = tables(filled)
    overwrite(filled, "outcomes", 0.5)
    mend_store(filled, MOMENT)
    with Database.open(filled) as db:
        assert settle(db, through=TUE).count > 0
    assert tables(filled)["outcomes"] == kept["outcomes"]
    assert tables(filled)["baseline_scores"] == kept["baseline_scores"]


def test_a_forecast_without_its_distribution_is_void(filled: Path) -> None:
    with closing(sqlite3.connect(filled / FILE)) as db, db:
        db.execute("DELETE FROM laws WHERE competitor = '' AND forecast_id = (SELECT max(id) FROM forecasts)")
        db.execute("INSERT INTO baseline_scores VALUES (99, 'har-t', 0, 0, 0)")  # and a row that refers to nothing
    mend_store(filled, MOMENT)
    with Database.open(filled) as db:
        assert [row.void for row in reading.rows(db) if row.void] == ["its distribution was lost with a damaged store"]
        assert settle(db, through=FRI, dates=DATES).count == 0


@pytest.mark.parametrize("document", ["{", "[]", "{}", 7])
def test_a_forecast_that_cannot_be_read_stands_in_no_others_way(filled: Path, document: object) -> None:
    with closing(sqlite3.connect(filled / FILE)) as db, db:
        db.execute("DROP TRIGGER forecasts_never_change")
        db.execute("UPDATE forecasts SET document = ? WHERE id = 5", (document,))
    assert f"{COUNT} forecasts" in str(mend_store(filled, MOMENT))
    with Database.open(filled) as db:
        assert 5 not in [row.id for row in reading.rows(db)]
        with pytest.raises(sqlite3.IntegrityError, match="never changes"):
            db.execute("UPDATE forecasts SET document = ''")


def test_an_index_is_built_anew_where_nothing_else_is_damaged(filled: Path) -> None:
    kept = tables(filled)
    with closing(sqlite3.connect(filled / FILE)) as db, db:
        db.execute("PRAGMA writable_schema = ON")
        sql = "CREATE INDEX forecasts_by_target ON forecasts (model, target_session)"
        db.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'forecasts_by_target'", (sql,))
    with Database.open(filled) as db:
        assert db.integrity()
    line = mend_store(filled, MOMENT)
    assert line == f"the indexes of {filled / FILE} were built anew"
    assert tables(filled) == kept
    assert not (filled / "damaged").exists()


def test_nothing_is_taken_for_damaged_because_there_is_no_room_or_somebody_writes(filled: Path) -> None:
    with Database.open(filled, wait=0.05) as db, Database.open(filled) as other:
        with other.transaction(), pytest.raises(LockedError, match="being written by another run"):
            db.reindex()
        pages = db.rows("PRAGMA page_count")[0][0]
        db.rows(f"PRAGMA max_page_count = {pages}")
        growing = "INSERT INTO runs (started_at, summary) SELECT '2024', hex(zeroblob(1000000)) RETURNING id"
        with pytest.raises(StorageError, match="database or disk is full"):
            db.readable_rows(growing)


def test_where_there_are_no_links_the_damaged_store_is_copied_or_nothing_of_it(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overwrite(filled, "prices", 0.0)
    before = (filled / FILE).read_bytes()

    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "no links")

    monkeypatch.setattr(os, "link", no_links)
    with monkeypatch.context() as full:
        fsync = os.fsync

        def none(descriptor: int) -> None:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.ENOSPC, "No space left on device")
            fsync(descriptor)

        full.setattr(os, "fsync", none)
        with pytest.raises(StorageError, match="No space left"):
            mend_store(filled, MOMENT)
    assert (filled / FILE).read_bytes() == before
    assert os.listdir(filled / "damaged") == []
    mend_store(filled, MOMENT)
    aside = filled / "damaged" / ASIDE
    assert aside.read_bytes() == before
    assert stat.S_IMODE(aside.stat().st_mode) == 0o600


@pytest.mark.parametrize("size", [0, 5000])
def test_where_nothing_can_be_read_everything_stays_as_it_is(filled: Path, size: int) -> None:
    (filled / FILE).write_bytes((filled / FILE).read_bytes()[:size] or b"garbage" * 5000)
    before = (filled / FILE).read_bytes()
    with pytest.raises(DamagedError):
        mend_store(filled, MOMENT)
    assert (filled / FILE).read_bytes() == before
    assert not [path.name for path in filled.iterdir() if path.name.endswith(".tmp")]


def test_damaged_studies_are_put_aside(home: Path) -> None:
    path = home / "studies" / "studies.db"
    path.parent.mkdir(parents=True)
    assert put_aside_studies(home, MOMENT) is None
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE studies (id)")
    assert put_aside_studies(home, MOMENT) is None
    path.write_bytes(b"garbage" * 5000)
    path.with_name("studies.db-wal").write_bytes(b"log")
    line = put_aside_studies(home, MOMENT)
    assert "the next study begins anew" in str(line)
    assert os.listdir(path.parent) == []
    aside = home / "damaged" / "studies.db.20240710T060000"
    assert aside.read_bytes() == b"garbage" * 5000
    assert aside.with_name(f"{aside.name}-wal").read_bytes() == b"log"


def test_what_is_put_aside_takes_the_place_of_nothing(filled: Path) -> None:
    # As where a mending was killed in between, by a clock that stands still.
    (filled / "damaged").mkdir()
    os.link(filled / FILE, filled / "damaged" / ASIDE)
    for _ in range(2):
        with closing(sqlite3.connect(filled / FILE)) as db, db:
            db.execute("UPDATE outcomes SET pit = 'text' WHERE forecast_id = (SELECT max(forecast_id) FROM outcomes)")
        assert mend_store(filled, MOMENT) is not None
    assert {path.name for path in (filled / "damaged").iterdir()} == {ASIDE, f"{ASIDE}-2", f"{ASIDE}-3"}


STRANGE = {
    "TEXT": ("text", b"\xff\x00", None),
    "INTEGER": ("text", 2**62, None),
    "BLOB": ("text", b"\xff\x00", None),
    "": ("text", math.inf, 2**62, None),
}
"""Values that a column of that type should not hold."""


@pytest.mark.parametrize("table", re.findall(r"CREATE TABLE (\w+)", str(STEPS)))
def test_whatever_a_cell_holds_is_read_or_told_and_mended(db: Database, home: Path, table: str) -> None:
    recording.record(db, [entry(MON, TUE), entry(TUE, WED), entry(WED, FRI)], NOW)
    settle(db, through=WED)
    save_instrument(db, APPLE)
    db.execute("INSERT INTO prices VALUES (?, ?, 1.5, 1.5, 1.5, 1.5, 1.5, 7, 0, 1)", (APPLE.ticker, str(MON)))
    keep_snapshot(db, "AAPL", EventDates(np.array(["2024-07-09"], "datetime64[D]"), (AFTER,), "x", TUE), TUE)
    recording.finish_run(db, recording.begin_run(db, NOW), NOW, {"tickers": []})
    recording.note_training(db, Training("AAPL", "AAPL", TUE, "2024", "first", "", None, None, 5, "x"))
    columns = db.rows("SELECT name, type FROM pragma_table_info(?)", (table,))
    cells = [(name, value) for name, kind in columns for value in STRANGE[kind]]
    db.compact()
    db.close()
    whole, mended = (home / FILE).read_bytes(), 0
    for column, value in cells:
        (home / FILE).write_bytes(whole)
        if not _changed(home, table, column, value):
            continue
        with Database.open(home) as damaged:
            told = damaged.integrity() or unreadable(damaged)
        said = mend_store(home, MOMENT)
        assert bool(said) is bool(told), (column, value, said, told)
        mended += bool(said)
        with Database.open(home) as now:
            assert now.integrity() == unreadable(now) == [], (column, value)
            recording.last_runs(now), recording.all_trainings(now), [row.realised_close for row in reading.rows(now)]
            for ticker in stored_tickers(now):
                instrument(now, ticker), bars(now, ticker), snapshots(now, ticker), last_asked(now, ticker)
            settle(now, through=FRI)
    assert mended >= len(columns)


def _changed(home: Path, table: str, column: str, value: object) -> bool:
    """Whether a cell has another value now: no row can have some."""
    with _unsynced(home) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
    (schema,) = _declared(home, table, None)
    _declared(home, table, re.sub("(?<!IS) NOT NULL", "", schema))
    with _unsynced(home) as db:
        db.execute("PRAGMA ignore_check_constraints = ON")
        known = f"(SELECT {column} FROM {table} LIMIT 1)"  # noqa: S608 - names of our own
        try:
            db.execute(f"UPDATE {table} SET {column} = ? WHERE {column} IS {known}", (value,))  # noqa: S608
        except sqlite3.IntegrityError:
            return False
    _declared(home, table, schema)
    return True


def _declared(home: Path, table: str, schema: str | None) -> tuple[str]:
    """How a table is declared; before it is declared in other words, where there are some."""
    with _unsynced(home) as db:
        found: tuple[str] = db.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        if schema is not None:
            db.execute("PRAGMA writable_schema = ON")
            db.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", (schema, table))
    return found


@contextmanager
def _unsynced(home: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(home / FILE, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = OFF")
        yield db
