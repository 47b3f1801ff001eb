"""The database: whole whoever dies, shared by whoever comes, and never silently wrong."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from stockcast.errors import LockedError, StorageError
from stockcast.storage.database import FILE, SCHEMA_VERSION, STEPS, Database

as_user = pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser is refused nothing")

BEGIN = "INSERT INTO runs (started_at) VALUES (?)"


def count(db: Database) -> int:
    row = db.row("SELECT count(*) FROM runs")
    assert row is not None
    return int(row[0])


def run(code: str, *words: object) -> subprocess.Popen[str]:
    """A process of its own that executes `code` with Database and BEGIN at hand."""
    start = (
        f"import sys\nfrom pathlib import Path\nfrom stockcast.storage.database import Database\nBEGIN = {BEGIN!r}\n"
    )
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", start + code, *map(str, words)], stdout=subprocess.PIPE, text=True
    )


def test_a_new_home_is_created_with_a_whole_and_empty_database(home: Path) -> None:
    assert not home.exists()
    with Database.open(home) as db:
        assert db.path == home / FILE
        assert count(db) == 0
        assert db.integrity() == []
    assert os.listdir(home) == [FILE]


def test_names_that_mean_something_in_a_uri_are_names(tmp_path: Path) -> None:
    home = tmp_path / "a b?mode=ro#%41é"
    for expected in (0, 1):
        with Database.open(home) as db:
            assert count(db) == expected
            db.execute(BEGIN, ("now",))
    assert os.listdir(home) == [FILE]


def test_commits_are_synced_and_references_are_enforced(db: Database) -> None:
    assert db.rows("PRAGMA journal_mode") == [("wal",)]
    assert db.rows("PRAGMA synchronous") == [(2,)]
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        db.execute("INSERT INTO outcomes (forecast_id, settled_at, void) VALUES (7, '', 'why')")


def test_an_exception_undoes_the_transaction_and_the_next_one_works(db: Database) -> None:
    def interrupted() -> None:
        with db.transaction():
            db.execute(BEGIN, ("now",))
            with db.transaction():
                db.execute(BEGIN, ("now",))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert count(db) == 0
    with db.transaction():
        db.execute_many(BEGIN, [("now",), ("later",)])
    assert count(db) == 2


def test_an_insert_tells_the_id_or_that_there_is_none(db: Database) -> None:
    assert db.insert(BEGIN, ("now",)) == 1
    assert db.insert(BEGIN, ("now",)) == 2
    assert db.insert("INSERT INTO runs (id, started_at) VALUES (2, 'x') ON CONFLICT DO NOTHING", ()) is None


def test_readers_see_the_last_commit_while_somebody_writes(db: Database, home: Path) -> None:
    db.execute(BEGIN, ("now",))
    with db.transaction():
        db.execute(BEGIN, ("now",))
        with Database.open(home, wait=0.0) as reader:
            assert count(reader) == 1
    with Database.open(home) as reader:
        assert count(reader) == 2


def test_a_second_writer_is_told_that_the_database_is_locked(db: Database, home: Path) -> None:
    with db.transaction(), Database.open(home, wait=0.05) as other:
        with pytest.raises(LockedError, match="another run") as caught, other.transaction():
            pass
        assert "try again" in caught.value.hint
    with Database.open(home, wait=0.05) as other:
        other.execute(BEGIN, ("now",))


def test_a_full_disk_is_told_and_leaves_what_was_there(db: Database, home: Path) -> None:
    db.execute(BEGIN, ("now",))
    pages = db.rows("PRAGMA page_count")[0][0]
    db.rows(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageError, match="full") as caught, db.transaction():
        db.execute_many(BEGIN, [("now",), ("x" * 100_000,)])
    assert "Free some space" in caught.value.hint
    assert count(db) == 1
    with Database.open(home) as other:
        assert count(other) == 1
        assert other.integrity() == []


# --- files that are something else ---


def test_a_file_from_a_later_version_is_refused_and_left_as_it_is(db: Database, home: Path) -> None:
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    db.close()
    before = db.path.read_bytes()
    with pytest.raises(StorageError, match=f"format {SCHEMA_VERSION + 1}") as caught:
        Database.open(home)
    assert "version of stockcast" in caught.value.hint
    assert db.path.read_bytes() == before


def test_a_file_of_the_first_version_is_brought_up_with_all_that_is_in_it(home: Path) -> None:
    home.mkdir()
    with closing(sqlite3.connect(home / FILE)) as old:
        for statement in STEPS[0]:
            old.execute(statement)
        old.execute(BEGIN, ("then",))
        old.execute("PRAGMA user_version = 1")
        old.commit()
    for _ in range(2):
        with Database.open(home) as db:
            assert db.rows("SELECT started_at FROM runs") == [("then",)]
            assert db.rows("SELECT * FROM event_snapshots") == db.rows("SELECT * FROM event_requests") == []
            assert db.rows("PRAGMA user_version") == [(SCHEMA_VERSION,)]
            assert db.integrity() == []


def test_an_empty_file_becomes_a_database(home: Path) -> None:
    home.mkdir()
    (home / FILE).touch()
    with Database.open(home) as db:
        assert count(db) == 0


@pytest.mark.parametrize("content", [b"this is no database " * 300, b"\0" * 5000])
def test_a_file_that_is_no_database_is_refused_and_left_untouched(home: Path, content: bytes) -> None:
    home.mkdir()
    (home / FILE).write_bytes(content)
    with pytest.raises(StorageError, match=r"stockcast\.db is damaged: file is not a database; .*untouched") as caught:
        Database.open(home)
    assert "stockcast doctor" in caught.value.hint
    assert (home / FILE).read_bytes() == content
    assert os.listdir(home) == [FILE]


def filled(home: Path) -> bytes:
    """The bytes of a database of many pages in `home`."""
    with Database.open(home) as db, db.transaction():
        db.execute_many(BEGIN, [(f"{i:0100d}",) for i in range(2000)])
    return (home / FILE).read_bytes()


def test_a_damaged_page_is_told_when_it_is_read_and_by_the_check(home: Path) -> None:
    content = filled(home)
    middle = len(content) // 2 // 4096 * 4096
    (home / FILE).write_bytes(content[:middle] + b"\xff" * 4096 + content[middle + 4096 :])
    with Database.open(home) as db:
        assert db.integrity()
        with pytest.raises(StorageError, match="damaged: database disk image is malformed"):
            db.rows("SELECT * FROM runs")


@pytest.mark.parametrize("share", [0.0001, 0.01, 0.3, 0.7])
def test_the_damage_of_a_truncated_file_is_told(home: Path, share: float) -> None:
    content = filled(home)
    rest = content[: int(share * len(content))]
    (home / FILE).write_bytes(rest)
    with pytest.raises(StorageError, match=r"stockcast\.db is damaged"), Database.open(home) as db:  # noqa: PT012
        assert db.integrity()
        db.rows("SELECT * FROM runs")
    assert (home / FILE).read_bytes() == rest


def test_a_database_of_another_program_is_refused_and_left_untouched(home: Path) -> None:
    home.mkdir()
    with closing(sqlite3.connect(home / FILE)) as connection:
        connection.execute("CREATE TABLE bookmarks (url)")
    before = (home / FILE).read_bytes()
    with pytest.raises(StorageError, match="another program"):
        Database.open(home)
    assert (home / FILE).read_bytes() == before


def test_a_row_without_the_row_it_refers_to_is_found_by_the_check(db: Database) -> None:
    db.execute("PRAGMA foreign_keys = OFF")
    db.execute("INSERT INTO outcomes (forecast_id, settled_at, void) VALUES (7, '', 'why')")
    assert db.integrity() == ["outcomes: a row refers to a missing row of forecasts"]


def columns() -> list[tuple[str, str]]:
    """Every table and column but for the ids that SQLite itself keeps whole numbers in."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for statement in (statement for step in STEPS for statement in step):
            connection.execute(statement)
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        every = [
            (table, connection.execute(f"PRAGMA table_info({table})").fetchall()) for (table,) in tables.fetchall()
        ]
    own = ("id", "forecast_id")
    return [
        (table, name) for table, found in every for _, name, kind, *_ in found if name not in own and kind != "TEXT"
    ]


DAYS = [("prices", "session"), ("forecasts", "origin"), ("event_requests", "asked"), ("event_snapshots", "taken")]


@pytest.mark.parametrize(("table", "column"), [*columns(), *DAYS])
def test_text_where_a_column_has_numbers_bytes_or_days_is_damage(db: Database, table: str, column: str) -> None:
    every = f"SELECT * FROM {table}"  # noqa: S608
    like = {"": 0.5, "INTEGER": 1, "BLOB": b"", "TEXT": "2021-04-01"}
    with closing(sqlite3.connect(db.path, isolation_level=None)) as connection:
        row = {name: like[kind] for _, name, kind, *_ in connection.execute(f"PRAGMA table_info({table})")}
        row |= {name: value for name, value in {"kind": "live", "outcome": "kept", "void": None}.items() if name in row}
        insert = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"  # noqa: S608
        connection.execute(insert, list(row.values()))
        assert db.rows(every) == [tuple(row.values())]
        for trigger in (f"{name}_never_change" for name in ("forecasts", "laws")):
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute(f"UPDATE {table} SET {column} = 'abc'")  # noqa: S608
    with pytest.raises(StorageError, match=f"is damaged: a column {column} holds 'abc'"):
        db.rows(every)
    assert f"{table}: a column {column} holds 'abc'" in db.strange_values()


FULL = """
import resource
db = Database.open(Path(sys.argv[1]))
db.execute(BEGIN, ("now",))
db.close()
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
with Database.open(Path(sys.argv[1])) as db:
    print(db.row("SELECT count(*) FROM runs"))
    try:
        with db.transaction():
            db.execute(BEGIN, ("later",))
    except Exception as error:
        print(type(error).__name__, error, error.hint)
"""


@pytest.mark.skipif(os.name == "nt", reason="no limit on the size of files there")
def test_where_there_is_no_room_for_the_log_what_is_there_can_be_read(home: Path) -> None:
    with run(FULL, home) as process:
        assert process.stdout is not None
        counted, refused = process.stdout.read().splitlines()
    assert counted == "(1,)"
    assert refused.startswith(f"StorageError cannot write {home / FILE}: ")
    assert "Free some space" in refused


def test_a_file_or_folder_in_the_wrong_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"cannot create .*file") as caught:
        Database.open(tmp_path / "file")
    assert "is a file; choose" in caught.value.hint
    (tmp_path / "home" / FILE).mkdir(parents=True)
    with pytest.raises(StorageError, match="unable to open"):
        Database.open(tmp_path / "home")


@as_user
@pytest.mark.parametrize("mode", [0o400, 0o600])
def test_where_nothing_may_be_written_what_is_there_can_be_read(home: Path, mode: int) -> None:
    with Database.open(home) as db:
        db.execute(BEGIN, ("now",))
    (home / FILE).chmod(mode)
    home.chmod(0o500)
    try:
        with Database.open(home) as db:
            assert count(db) == 1
            with pytest.raises(StorageError, match="readonly") as caught, db.transaction():
                db.execute(BEGIN, ("now",))
    finally:
        home.chmod(0o700)
    assert "permissions" in caught.value.hint


@as_user
def test_a_file_from_an_earlier_version_that_may_not_be_written_is_told(home: Path) -> None:
    home.mkdir()
    (home / FILE).touch(0o400)
    home.chmod(0o500)
    try:
        with pytest.raises(StorageError, match="earlier version"):
            Database.open(home)
    finally:
        home.chmod(0o700)


# --- several processes ---


def test_two_processes_that_open_a_new_file_at_once_both_find_it_whole(tmp_path: Path) -> None:
    opening = "for i in range(20): Database.open(Path(sys.argv[1]) / str(i)).close()"
    processes = [run(opening, tmp_path) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    for process in processes:
        assert process.stdout is not None
        process.stdout.close()
    for i in range(20):
        with Database.open(tmp_path / str(i)) as db:
            assert count(db) == 0
            assert db.integrity() == []


def test_two_processes_that_write_at_once_lose_nothing(home: Path) -> None:
    writing = (
        "for i in range(40):\n"
        "    with Database.open(Path(sys.argv[1])) as db, db.transaction():\n"
        "        n = db.rows('SELECT count(*) FROM runs')[0][0]\n"
        "        db.execute(BEGIN, (str(n),))\n"
    )
    processes = [run(writing, home) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    for process in processes:
        assert process.stdout is not None
        process.stdout.close()
    with Database.open(home) as db:
        assert db.rows("SELECT started_at FROM runs ORDER BY id") == [(str(n),) for n in range(80)]


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_a_process_that_is_killed_in_a_transaction_leaves_nothing_of_it(home: Path) -> None:
    dying = (
        "db = Database.open(Path(sys.argv[1]))\n"
        "db.execute(BEGIN, ('kept',))\n"
        "with db.transaction():\n"
        "    db.execute('PRAGMA cache_size = 1')\n"
        "    for i in range(3000): db.execute(BEGIN, ('x' * 1000,))\n"
        "    print('ready', flush=True)\n"
        "    import time; time.sleep(60)\n"
    )
    with run(dying, home) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGKILL)
    assert (home / f"{FILE}-wal").stat().st_size > 100_000  # pages of the transaction had reached the disk
    with Database.open(home, wait=1.0) as db:
        assert db.rows("SELECT started_at FROM runs") == [("kept",)]
        assert db.integrity() == []
        db.execute(BEGIN, ("next",))


def test_nothing_heavy_is_imported(home: Path) -> None:
    code = (
        "import stockcast.storage.pricestore, stockcast.storage.ledger.recording, stockcast.storage.ledger.reading\n"
        "import stockcast.storage.ledger.settling\n"
        "Database.open(Path(sys.argv[1])).close()\n"
        "assert not {'torch', 'pandas', 'scipy', 'exchange_calendars'} & set(sys.modules)\n"
    )
    with run(code, home) as process:
        assert process.wait() == 0
