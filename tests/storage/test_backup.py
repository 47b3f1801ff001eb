"""Backups: whole and of one moment, whoever writes; put back as they are, and never over what would be lost."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from stockcast.errors import LockedError, StorageError
from stockcast.pipeline.maintenance import prune_ledger
from stockcast.storage.backup import put_back, write_backup
from stockcast.storage.database import FILE, SCHEMA_VERSION, STEPS, Database
from stockcast.storage.ledger import reading, recording
from tests.live.command import tables
from tests.storage.entries import FRI, LATER, MON, NOW, TUE, WED, entry, settle


def moment() -> datetime:
    return datetime(2024, 7, 10, 6, tzinfo=UTC)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "record.db"


@pytest.fixture
def kept(db: Database, home: Path, file: Path) -> dict[str, list[tuple[Any, ...]]]:
    """A store with one settled and one open forecast, backed up; its tables."""
    recording.record(db, [entry(), entry(TUE, WED)], NOW)
    settle(db, through=TUE)
    file.parent.mkdir()
    write_backup(home, file)
    return tables(home)


def of(file: Path) -> dict[str, list[tuple[Any, ...]]]:
    """The tables of a backup."""
    return tables(file.rename(file.with_name(FILE)).parent)


def damage(home: Path) -> bytes:
    """Make a page in the middle of the store unreadable; returns its bytes."""
    content = (home / FILE).read_bytes()
    middle = len(content) // 2 // 4096 * 4096
    (home / FILE).write_bytes(content[:middle] + b"\xff" * 4096 + content[middle + 4096 :])
    return (home / FILE).read_bytes()


# Writing


def test_a_backup_is_one_whole_file_for_its_user_alone_that_says_what_it_holds(db: Database, home: Path) -> None:
    recording.record(db, [entry(), entry(TUE, WED)], NOW)
    settle(db, through=TUE)
    file = home.parent / "record.db"
    made = write_backup(home, file)
    assert (made.forecasts, made.settled, made.tickers, made.replaced) == (2, 1, 0, {})
    assert made.bytes == file.stat().st_size
    assert sorted(path.name for path in home.parent.iterdir()) == [home.name, "record.db"]
    assert os.name == "nt" or stat.S_IMODE(file.stat().st_mode) == 0o600
    with closing(sqlite3.connect(file)) as copy:
        assert copy.execute("PRAGMA journal_mode").fetchall() == [("delete",)]
    assert of(file) == tables(home)


def test_a_backup_has_what_was_committed_when_it_was_made_whoever_writes(db: Database, home: Path) -> None:
    recording.record(db, [entry()], NOW)
    with db.transaction():
        recording.record(db, [entry(TUE, WED)], NOW)
        assert write_backup(home, home.parent / "record.db").forecasts == 1
    assert write_backup(home, home.parent / "record.db").forecasts == 2


def test_without_a_record_there_is_nothing_to_back_up(home: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="there is no record"):
        write_backup(home, tmp_path / "record.db")
    assert not home.exists()


def test_a_damaged_store_replaces_no_backup(
    kept: dict[str, list[tuple[Any, ...]]], db: Database, home: Path, file: Path
) -> None:
    db.close()
    damage(home)
    with pytest.raises(StorageError, match="is damaged"):
        write_backup(home, file, force=True)
    assert of(file) == kept


@pytest.mark.usefixtures("kept")
def test_a_backup_with_records_that_the_store_lacks_is_replaced_where_that_is_told_alone(
    tmp_path: Path, file: Path
) -> None:
    other = tmp_path / "other"
    with Database.open(other) as db:
        recording.record(db, [entry(TUE, WED), entry(WED, FRI)], NOW)
    with pytest.raises(StorageError, match="has 1 forecast, 1 outcome that the record has not") as caught:
        write_backup(other, file)
    assert "--force" in caught.value.hint
    assert write_backup(other, file, force=True).replaced == {"forecasts": 1, "outcomes": 1}
    assert of(file) == tables(other)


@pytest.mark.parametrize("content", [b"", b"a letter", b"SQLite format 3\0" + b"\0" * 4096])
def test_a_file_that_is_no_backup_is_left_alone(db: Database, home: Path, tmp_path: Path, content: bytes) -> None:
    recording.record(db, [entry()], NOW)
    file = tmp_path / "mine.txt"
    file.write_bytes(content)
    with pytest.raises(StorageError, match="is no whole backup"):
        write_backup(home, file)
    assert file.read_bytes() == content
    assert write_backup(home, file, force=True).forecasts == 1


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("name", [FILE, f"{FILE}-wal"])
def test_the_record_is_no_backup_of_itself(home: Path, name: str) -> None:
    before = tables(home)
    for do in (write_backup, lambda home, file: put_back(home, file, moment())):
        with pytest.raises(StorageError, match="is the record itself"):
            do(home, home / name)
    assert tables(home) == before


def test_what_cannot_be_written_is_told_and_leaves_nothing(db: Database, home: Path, tmp_path: Path) -> None:
    recording.record(db, [entry()], NOW)
    with pytest.raises(StorageError, match=r"cannot write .*record\.db: No such file or directory"):
        write_backup(home, tmp_path / "missing" / "record.db")


# Putting back


def test_a_backup_is_put_back_as_it_is(
    kept: dict[str, list[tuple[Any, ...]]], db: Database, home: Path, tmp_path: Path, file: Path
) -> None:
    before = file.read_bytes()
    for place in (home, tmp_path / "new"):
        made, aside = put_back(place, file, moment())
        assert (made.forecasts, made.settled, made.replaced, aside) == (2, 1, {}, None)
        assert tables(place) == kept
        assert {path.name for path in place.iterdir()} <= {FILE, f"{FILE}-wal", f"{FILE}-shm"}
    assert file.read_bytes() == before
    assert settle(db, through=WED).count == 1  # whoever had the store open goes on with it


@pytest.mark.usefixtures("kept")
def test_records_are_given_up_where_that_is_told_alone_and_no_number_is_given_twice(
    db: Database, home: Path, file: Path
) -> None:
    recording.record(db, [entry(WED, FRI)], NOW)
    settle(db, through=FRI)
    before = tables(home)
    with pytest.raises(StorageError, match=r"has 1 forecast, 2 outcomes that .*record\.db has not") as caught:
        put_back(home, file, moment())
    assert "ledger backup" in caught.value.hint
    assert tables(home) == before
    made, _ = put_back(home, file, moment(), force=True)
    assert made.replaced == {"forecasts": 1, "outcomes": 2}
    assert [row.id for row in reading.rows(db)] == [1, 2]
    recording.record(db, [entry(WED, FRI)], LATER)
    assert [row.id for row in reading.rows(db)] == [1, 2, 4]


def test_a_backup_of_the_first_version_gets_the_tables_of_this_one(home: Path, file: Path) -> None:
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as old:
        for statement in STEPS[0]:
            old.execute(statement)
        old.execute("PRAGMA user_version = 1")
        old.execute("INSERT INTO runs (started_at) VALUES ('then')")
        old.commit()
    put_back(home, file, moment())
    with Database.open(home) as db:
        assert db.rows("PRAGMA user_version") == [(SCHEMA_VERSION,)]
        assert [run.started_at for run in recording.last_runs(db)] == ["then"]


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def scratched(file: Path) -> None:
    file.rename(file.with_name(FILE))
    damage(file.parent)
    file.with_name(FILE).rename(file)


def of_another_program(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE bookmarks (url)")


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def a_letter(file: Path) -> None:
    file.write_text("Dear reader, " * 1000)


def of_a_later_version(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")


@pytest.mark.parametrize(
    "spoil", [cut, scratched, of_another_program, emptied, a_letter, of_a_later_version, os.unlink]
)
def test_what_is_no_whole_backup_is_refused_and_left_as_it_is(
    kept: dict[str, list[tuple[Any, ...]]], home: Path, file: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(file)
    before = file.read_bytes() if file.exists() else None
    with pytest.raises(StorageError) as caught:
        put_back(home, file, moment(), force=True)
    assert str(file) in caught.value.message
    assert ".tmp" not in caught.value.message
    assert caught.value.hint
    assert tables(home) == kept
    assert (file.read_bytes() if file.exists() else None) == before
    assert [path.name for path in file.parent.iterdir()] == [file.name] * file.exists()


@pytest.mark.parametrize("spoil", [None, b"garbage" * 5000])
def test_a_damaged_store_is_put_aside_whole(
    kept: dict[str, list[tuple[Any, ...]]], db: Database, home: Path, file: Path, spoil: bytes | None
) -> None:
    db.close()
    if spoil is not None:
        (home / FILE).write_bytes(spoil)
    before = damage(home)
    _, aside = put_back(home, file, moment())
    assert aside == home / "damaged" / f"{FILE}.20240710T060000"
    assert aside.read_bytes() == before
    assert tables(home) == kept


def test_a_full_disk_leaves_the_store_as_it_was(
    kept: dict[str, list[tuple[Any, ...]]], db: Database, home: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = db.rows("PRAGMA page_count")[0][0]
    put_in = Database.copy_into

    def full(self: Database, other: Database) -> None:
        other.rows(f"PRAGMA max_page_count = {pages - 1}")
        put_in(self, other)

    monkeypatch.setattr(Database, "copy_into", full)
    for do in (lambda: write_backup(home, file), lambda: put_back(home, file, moment())):
        with pytest.raises(StorageError, match="full"):
            do()
    assert tables(home) == kept
    assert of(file) == kept
    assert {path.name for path in home.iterdir()} == {FILE, f"{FILE}-wal", f"{FILE}-shm"}


@pytest.mark.usefixtures("kept")
def test_nothing_is_put_over_what_somebody_is_writing(db: Database, home: Path, file: Path) -> None:
    with db.transaction():
        recording.record(db, [entry(WED, FRI, model="other")], NOW)
        backup, live = Database.as_it_is(file), Database.open(home, wait=0.05)
        with backup, live, pytest.raises(LockedError, match="being written by another run"):
            backup.copy_into(live, wait=0.05)
    assert len(reading.rows(db)) == 3


def test_what_is_pruned_is_what_no_score_and_no_forecast_looks_at(db: Database) -> None:
    recording.record(db, [entry(MON, TUE), entry(TUE, WED)], NOW)
    recording.record(db, [entry(WED, FRI, kind="replay")], NOW)
    settle(db, through=TUE)
    before = reading.rows(db)
    assert recording.forget_settled(db) == (3, 0)
    assert reading.rows(db) == before
    assert settle(db).count == 2
    assert recording.forget_settled(db) == (6, 0)
    scored = [row.outcome for row in reading.rows(db)]
    assert all(outcome is not None and set(outcome.baselines) == {"har-t", "random-walk"} for outcome in scored)


def test_the_newest_runs_are_kept(db: Database) -> None:
    with db.transaction():
        for _ in range(recording.RUNS_KEPT + 3):
            recording.begin_run(db, NOW)
    assert recording.forget_settled(db) == (0, 3)
    assert [run.id for run in recording.last_runs(db, 1)] == [recording.RUNS_KEPT + 3]


def test_a_disk_without_the_room_to_prune_is_told_and_what_was_dropped_with_it(
    db: Database, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording.record(db, [entry()], NOW)
    settle(db)
    db.close()

    def full(_: Database) -> None:
        raise StorageError("cannot write it: database or disk is full")

    compact = Database.compact
    monkeypatch.setattr(Database, "compact", full)
    with pytest.raises(StorageError, match="is dropped, but the room") as caught:
        prune_ledger(home)
    monkeypatch.setattr(Database, "compact", compact)
    assert caught.value.hint == "free as much as the record takes, 1 MiB, and prune again"
    with Database.open(home) as again:
        assert not again.rows("SELECT 1 FROM laws")
    assert prune_ledger(home).distributions == 0
